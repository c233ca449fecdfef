"""Starts the programs `sandbox` and `lapidary` for one file of tests, signs a person in as a browser would and makes them an
API key; ends all of it by closing the sandbox's standard input. Also a proxy that breaks connections off.
Knows nothing of OpenAI's wire."""
import http.cookiejar
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from pathlib import Path

SETTINGS = {
    "DATABASE_URL": "database_url",
    "S3_ENDPOINT": "s3_endpoint",
    "S3_PUBLIC_ENDPOINT": "s3_endpoint",
    "S3_REGION": "s3_region",
    "S3_BUCKET": "s3_bucket",
    "S3_ACCESS_KEY_ID": "s3_access_key",
    "S3_SECRET_ACCESS_KEY": "s3_secret_key",
    "GITHUB_URL": "github_url",
    "GITHUB_API_URL": "github_api_url",
    "GITHUB_CLIENT_ID": "github_client_id",
    "GITHUB_CLIENT_SECRET": "github_client_secret",
    "STRIPE_API_URL": "stripe_url",
    "STRIPE_SECRET_KEY": "stripe_secret_key",
    "STRIPE_WEBHOOK_SECRET": "stripe_webhook_secret",
    "OPENAI_BASE_URL": "openai_base_url",
    "OPENAI_API_KEY": "openai_api_key",
}
SCOPES = ["generations:write", "generations:read", "images:read", "gems:read"]


def program(name: str) -> Path:
    built = Path(__file__).resolve().parents[3] / "target" / "debug"
    return Path(os.environ.get("LAPIDARY_TARGET", built)) / name


def example(name: str, url: str) -> str:
    """As the page shows it beside its API keys."""
    shown = Path(__file__).resolve().parents[3] / "web/src/account/key_examples.rs"
    (text,) = re.findall(rf'const {name}: &str = r#"(.*?)"#;', shown.read_text(), re.DOTALL)
    return text.replace("BASE", url)


class Lapidary:
    def __init__(self, **settings: str) -> None:
        # No mkdtemp: as root the database runs as another account, which must be able to reach its folder.
        self.data = Path(tempfile.gettempdir()) / f"lapidary-conformance-{uuid.uuid4()}"
        self.data.mkdir()
        with socket.create_server(("127.0.0.1", 0)) as taken:
            self.port = taken.getsockname()[1]
        self.url = f"http://localhost:{self.port}"
        self.log = open(self.data / "log", "w+")
        options = ["--public-url", self.url, "--port-base", "65530", "--until-stdin-closes", "--fast"]
        self.sandbox = subprocess.Popen(
            [program("sandbox"), "--data", self.data, *options],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True,
        )
        line = self.sandbox.stdout.readline()
        if not line:
            raise RuntimeError(f"the sandbox did not start: {self.said()}")
        self.vendors = json.loads(line)
        ours = {
            "PUBLIC_URL": self.url,
            "LISTEN": f"127.0.0.1:{self.port}",
            "MASTER_KEY": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
            "S3_FORCE_PATH_STYLE": "true",
            **{name: self.vendors[theirs] for name, theirs in SETTINGS.items()},
            **settings,
        }
        environment = {**os.environ, **ours}
        subprocess.run([program("lapidary"), "migrate"], env=environment, stderr=self.log, check=True)
        self.server = subprocess.Popen([program("lapidary"), "serve"], env=environment, stderr=self.log)
        self.until(self.is_ready, "ready")

    def said(self) -> str:
        self.log.seek(0)
        return self.log.read()[-4000:]

    def until(self, holds, what: str) -> None:
        ends_at = time.monotonic() + 120
        while not holds():
            if time.monotonic() > ends_at or self.server.poll() is not None:
                raise RuntimeError(f"never {what}: {self.said()}")
            time.sleep(0.05)

    def is_ready(self) -> bool:
        try:
            return urllib.request.urlopen(f"{self.url}/health/ready", timeout=5).status == 200
        except OSError:
            return False

    def person(self, name: str) -> "Person":
        return Person(self, name)

    def set_fault(self, kind: str, **more) -> None:
        body = json.dumps({"vendor": "openai", "kind": kind, **more}).encode()
        self._faults("POST", body)

    def clear_faults(self) -> None:
        self._faults("DELETE")

    def _faults(self, method: str, body: bytes | None = None) -> None:
        request = urllib.request.Request(f"{self.vendors['control_url']}/faults", data=body, method=method)
        request.add_header("content-type", "application/json")
        urllib.request.urlopen(request, timeout=10).close()

    def stop(self) -> None:
        self.server.send_signal(signal.SIGINT)
        self.server.wait(timeout=60)
        self.sandbox.stdin.close()
        self.sandbox.wait(timeout=60)
        self.sandbox.stdout.close()
        self.log.close()
        shutil.rmtree(self.data, ignore_errors=True)


class Stays(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


class Person:
    """Signed in through the provider's own page, 13 or older, with an API key."""

    def __init__(self, app: Lapidary, name: str) -> None:
        self.app = app
        cookies = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self.browser = urllib.request.build_opener(cookies, Stays())
        authorize = self._sent_to(f"{app.url}/v1/auth/github/login?return_to=/studio")
        page, _, query = authorize.partition("?")
        form = [*urllib.parse.parse_qsl(query), ("person", name), ("decision", "allow")]
        callback = self._sent_to(page, urllib.parse.urlencode(form).encode())
        self._sent_to(callback)
        ours = {"X-Lapidary-Refresh": "1", "Origin": app.url}
        self.token = self._ask("POST", "/v1/auth/refresh", headers=ours)["access_token"]
        self._ask("PATCH", "/v1/me", {"age_confirmed": True})
        self.key = self._ask("POST", "/v1/me/api-keys", {"name": "conformance", "scopes": SCOPES})["key"]

    def _sent_to(self, url: str, form: bytes | None = None) -> str:
        try:
            self.browser.open(url, form, timeout=30)
        except urllib.error.HTTPError as answer:
            if answer.status in (302, 303):
                return answer.headers["location"]
            raise
        raise RuntimeError(f"{url} led nowhere")

    def _ask(self, method: str, path: str, body=None, headers=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.app.url}{path}", data=data, method=method, headers=headers or {})
        if body is not None:
            request.add_header("content-type", "application/json")
        if hasattr(self, "token"):
            request.add_header("authorization", f"Bearer {self.token}")
        with self.browser.open(request, timeout=30) as answer:
            text = answer.read()
            return json.loads(text) if text else None

    def remaining(self) -> int:
        return self._ask("GET", "/v1/gems")["remaining"]

    def generations(self) -> list:
        return self._ask("GET", "/v1/generations")["data"]


class Proxy:
    """In front of the server. Its first connections reach it and get no answer: broken off when `until` holds, or, without it,
    kept silent until the client itself gives up; or, with `begun`, broken off after the first piece of the answer's body. All
    later ones pass."""

    def __init__(self, port: int, broken: int, until=None, begun: bool = False) -> None:
        self.port, self.broken, self.until, self.begun = port, broken, until, begun
        self.seen = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            self.seen += 1
            passes = self.seen > self.broken
            threading.Thread(target=self._serve, args=(client, passes), daemon=True).start()

    def _serve(self, client: socket.socket, passes: bool) -> None:
        server = socket.create_connection(("127.0.0.1", self.port))
        sends = threading.Thread(target=self._pump, args=(client, server), daemon=True)
        sends.start()
        if passes:
            self._pump(server, client)
        elif self.begun:
            self._begin(server, client)
        elif self.until is not None:
            while not self.until():
                time.sleep(0.02)
            self._shut(client, server)
        sends.join()
        client.close()
        server.close()

    @staticmethod
    def _begin(server: socket.socket, client: socket.socket) -> None:
        told = b""
        # Head, then a first piece with its length before it.
        while told.partition(b"\r\n\r\n")[2].count(b"\r\n") < 2 and (data := server.recv(1)):
            told += data
            client.sendall(data)
        Proxy._shut(client, server)

    @staticmethod
    def _pump(source: socket.socket, target: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                target.sendall(data)
        except OSError:
            pass
        Proxy._shut(source, target)

    @staticmethod
    def _shut(*ends: socket.socket) -> None:
        for end in ends:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self) -> None:
        self.listener.close()
