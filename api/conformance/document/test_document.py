"""openapi.yaml against programs that believe it: a property-based tester of every operation, and a client that a well-known
generator makes of it. Both meet a served `lapidary`; neither knows anything that the document does not say."""
import importlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request
import uuid
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "openai-python"))

from lapidary import Lapidary, Person, example  # noqa: E402

BIN = Path(sys.executable).parent
# They end what the tester itself is signed in with (`update_me` too, for who says that they are under 13): each is asked by
# somebody of its own.
ENDING = {
    "end_session": "Grace Hopper", "end_sessions": "Annie Easley", "erase_images": "Mary Jackson",
    "erase_me": "Dorothy Vaughan", "update_me": "Joan Clarke",
}
# Every boundary of every schema, good and bad, then values drawn at random from a seed, then what follows from answers. The
# first two alone take a fifth of the time: `LAPIDARY_PHASES=examples,coverage`. Another seed asks other questions.
PHASES = os.environ.get("LAPIDARY_PHASES", "examples,coverage,fuzzing,stateful")
SEED = os.environ.get("LAPIDARY_SEED", "1")
# For machines without jq: as much of it as the example asks for.
JQ = """#!/usr/bin/env python3
import json, re, sys
value = json.load(sys.stdin)
for part in re.findall(r"\\w+", sys.argv[2]):
    value = value[int(part) if part.isdigit() else part]
print(value)
"""
NODE = ["node", "--input-type=module", "--eval"]
# They never end, and the tester would sit out its patience at each.
STREAMS = ["stream_events", "stream_generation_events"]
# What a tester sends in a second would be a day of a person's.
SETTINGS = {"REQUESTS_PER_MINUTE": "1000000", "REQUESTS_PER_MINUTE_SIGNED_OUT": "1000000", "SPENDS_PER_MINUTE": "1000000"}


class Document(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.app = Lapidary(**SETTINGS)
        cls.folder = tempfile.TemporaryDirectory()
        cls.document = Path(cls.folder.name) / "openapi.json"
        with urllib.request.urlopen(f"{cls.app.url}/openapi.json", timeout=30) as answer:
            cls.document.write_bytes(answer.read())

    @classmethod
    def tearDownClass(cls):
        cls.app.stop()
        cls.folder.cleanup()

    def hold(self, phases: str, person: Person, *options: str) -> None:
        command = [
            BIN / "schemathesis", "--config-file", self.config(person), "run", self.document,
            "--url", self.app.url, "--checks", "all",
            "--continue-on-failure", "--seed", SEED, "--phases", phases,
            "--suppress-health-check", "all", *options,
        ]
        done = subprocess.run(command, cwd=self.folder.name, capture_output=True, text=True, timeout=3600)
        # Its warnings and failures, without the sources that it prints of itself.
        said = "\n".join(line[:400] for line in done.stdout.splitlines()[-400:])
        self.assertEqual(done.returncode, 0, said)
        print("\n".join(line for line in done.stdout.splitlines() if "generated" in line or "Tested" in line))

    def config(self, person: Person) -> Path:
        """Signed in as that person; what they read is then asked for by another, who must not get it."""
        tokens = {"asker": person.token, "other": self.app.person("Katherine Johnson").token}
        headers = {name: [{"name": "Authorization", "value": f"Bearer {token}"}] for name, token in tokens.items()}
        users = Path(self.folder.name) / f"{uuid.uuid4()}.json"
        users.write_text(json.dumps({"auth": [{"name": name, "fixedHeaders": headers[name]} for name in tokens]}))
        config = users.with_suffix(".toml")
        auth = f'\n[auth.wfc]\npath = "{users}"\nuser = "asker"\npeers = {json.dumps(list(tokens))}\n'
        config.write_text((HERE / "schemathesis.toml").read_text() + auth)
        return config

    def test_every_operation_keeps_to_the_document_whatever_it_is_asked(self):
        excluded = [word for name in [*ENDING, *STREAMS] for word in ("--exclude-operation-id", name)]
        # Each with a token of its own, which lives for ten minutes.
        for phase in PHASES.split(","):
            person = self.app.person("Ada Lovelace")
            self.hold(phase, person, *excluded)
            self.assertGreaterEqual(person.remaining(), 0, "it was signed in to the end")

    def test_what_ends_sessions_keeps_to_the_document(self):
        for name, person in ENDING.items():
            self.hold(PHASES, self.app.person(person), "--include-operation-id", name)

    def test_a_generated_python_client_does_the_main_job(self):
        package = Path(self.folder.name) / "generated_client"
        command = [BIN / "openapi-python-client", "generate", "--path", self.document, "--output-path", package, "--meta", "none"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, env={**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"})
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertNotIn("will not be generated", done.stdout, "every operation is in the client")
        sys.path.insert(0, self.folder.name)
        client_of = importlib.import_module("generated_client").AuthenticatedClient
        call = lambda tag, name: importlib.import_module(f"generated_client.api.{tag}.{name}")
        models = importlib.import_module("generated_client.models")

        person = self.app.person("Katherine Johnson")
        client = client_of(base_url=self.app.url, token=person.key)
        before = call("gems", "get_gems").sync(client=client).remaining
        body = models.CreateGeneration(prompt="A fox crossing a frozen river", quality="low")
        price = call("catalogue", "create_quote").sync(client=client, body=body).price_gems
        accepted = call("generations", "create_generation").sync_detailed(client=client, body=body, idempotency_key="a fox")
        self.assertEqual((accepted.status_code, accepted.headers["gems-cost"]), (202, str(price)))
        generation, until = accepted.parsed, time.monotonic() + 60
        while generation.status in (models.GenerationStatus.QUEUED, models.GenerationStatus.RUNNING):
            self.assertLess(time.monotonic(), until, "it ends")
            time.sleep(0.1)
            generation = call("generations", "get_generation").sync(generation.id, client=client)
        self.assertEqual(generation.status, models.GenerationStatus.SUCCEEDED)
        (image,) = generation.images
        with urllib.request.urlopen(image.url, timeout=30) as answer:
            self.assertEqual(answer.read(8), b"\x89PNG\r\n\x1a\n")
        self.assertEqual(call("gems", "get_gems").sync(client=client).remaining, before - price)
        refused = call("images", "get_image").sync_detailed("019ac0de-0000-7000-8000-000000000000", client=client)
        self.assertEqual((refused.status_code, json.loads(refused.content)["type"]), (404, "/problems/not-found"))

    def test_the_pages_examples_save_a_picture_and_say_why_they_cannot(self):
        key = self.app.person("Hedy Lamarr").key
        path = os.environ["PATH"]
        if shutil.which("jq") is None:
            (Path(self.folder.name) / "jq").write_text(JQ)
            (Path(self.folder.name) / "jq").chmod(0o755)
            path = f"{path}:{self.folder.name}"
        for name, command in {"CURL": ["bash", "-c"], "PYTHON": [sys.executable, "-c"], "JAVASCRIPT": NODE}.items():
            code = [*command, example(name, self.app.url)]
            for given, ends_well in (key, True), ("lap_nobodys", False):
                with self.subTest(name, key=ends_well), tempfile.TemporaryDirectory() as folder:
                    environment = {**os.environ, "PATH": path, "LAPIDARY_API_KEY": given}
                    done = subprocess.run(code, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)
                    self.assertEqual(done.returncode == 0, ends_well, done.stdout + done.stderr)
                    picture = Path(folder) / "fox.png"
                    if ends_well:
                        self.assertEqual(picture.read_bytes()[:8], b"\x89PNG\r\n\x1a\n")
                    else:
                        self.assertRegex(done.stdout + done.stderr, "unauthenticated|401")
                        self.assertFalse(picture.exists())


if __name__ == "__main__":
    unittest.main()
