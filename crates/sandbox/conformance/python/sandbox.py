"""Starts the program `sandbox` for one file of tests and ends it by closing its standard input.
Knows addresses and faults; must know nothing of any vendor's protocol."""
import json
import os
import shutil
import subprocess
import tempfile
import urllib.request
import uuid
from pathlib import Path

# Where the app would be. Nothing listens there.
APP = "http://localhost:18080"


def program() -> Path:
    if given := os.environ.get("SANDBOX_BIN"):
        return Path(given)
    built = Path(__file__).resolve().parents[4] / "target" / "debug"
    return Path(os.environ.get("LAPIDARY_TARGET", built)) / "sandbox"


class Sandbox:
    def __init__(self) -> None:
        # No mkdtemp: as root the database runs as another account, which must be able to reach its folder.
        self.data = Path(tempfile.gettempdir()) / f"sandbox-conformance-{uuid.uuid4()}"
        self.data.mkdir()
        self.log = tempfile.TemporaryFile(mode="w+")
        # The ports at the very end: what is taken, and what lies beyond, becomes any free port.
        options = ["--public-url", APP, "--port-base", "65530", "--until-stdin-closes", "--fast"]
        self.process = subprocess.Popen(
            [program(), "--data", self.data, *options],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True,
        )
        line = self.process.stdout.readline()
        if not line:
            self.process.wait()
            raise RuntimeError(f"the sandbox did not start: {self.said()}")
        self.addresses = json.loads(line)

    def __getitem__(self, name: str) -> str:
        return self.addresses[name]

    def said(self) -> str:
        self.log.seek(0)
        return self.log.read()

    def set_fault(self, vendor: str, kind: str, **more) -> None:
        body = json.dumps({"vendor": vendor, "kind": kind, **more}).encode()
        self._faults("POST", body)

    def pending_faults(self) -> list:
        """Faults that have not struck yet."""
        return json.loads(self._faults("GET"))

    def clear_faults(self) -> None:
        self._faults("DELETE")

    def _faults(self, method: str, body: bytes | None = None) -> bytes:
        request = urllib.request.Request(f"{self['control_url']}/faults", data=body, method=method)
        request.add_header("content-type", "application/json")
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.read()

    def stop(self) -> None:
        self.process.stdin.close()
        code = self.process.wait(timeout=60)
        self.process.stdout.close()
        said = self.said()
        self.log.close()
        shutil.rmtree(self.data, ignore_errors=True)
        if code != 0:
            raise RuntimeError(f"the sandbox ended with {code}: {said}")
