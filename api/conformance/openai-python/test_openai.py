"""OpenAI's official SDK against Lapidary, with nothing changed but base URL and key."""
import base64
import os
import struct
import subprocess
import sys
import tempfile
import unittest
import urllib.request
import zlib
from pathlib import Path

import openai

from lapidary import Lapidary, Proxy, example

ORDER = {"model": "gpt-image-2.5-flare", "prompt": "a lighthouse at dusk", "size": "1024x1024", "quality": "low"}


def size_of(png: bytes) -> tuple[int, int]:
    """Width and height of a PNG, read from its header."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n", png[:8]
    return struct.unpack(">II", png[16:24])


def picture_of(image) -> bytes:
    return base64.b64decode(image.b64_json, validate=True)


def png(width: int, height: int, alpha: bool) -> bytes:
    """Transparent on the left, where it can be."""
    pixel = lambda x: (b"\0\0\0\0" if x < width // 2 else b"\0\0\0\xff") if alpha else bytes([x % 256, 90, 160])
    rows = b"".join(b"\0" + b"".join(pixel(x) for x in range(width)) for _ in range(height))
    chunk = lambda name, data: (
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
    )
    header = struct.pack(">IIBBBBB", width, height, 8, 6 if alpha else 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


class Case(unittest.TestCase):
    settings = {}

    @classmethod
    def setUpClass(cls):
        cls.app = Lapidary(**cls.settings)
        cls.addClassCleanup(cls.app.stop)

    def setUp(self):
        self.person = self.app.person(f"Ada {self.id()[-24:]}")
        self.addCleanup(self.app.clear_faults)

    def client(self, **options) -> openai.OpenAI:
        usual = {"base_url": f"{self.app.url}/openai/v1", "api_key": self.person.key, "max_retries": 0, "timeout": 60}
        client = openai.OpenAI(**{**usual, **options})
        self.addCleanup(client.close)
        return client


class OpenAi(Case):
    def test_a_picture_comes_as_bytes_with_its_usage_and_a_request_id_and_costs_its_gem(self):
        before = self.person.remaining()
        answer = self.client().images.generate(**ORDER)
        self.assertEqual(size_of(picture_of(answer.data[0])), (1024, 1024))
        self.assertEqual((answer.size, answer.quality, answer.output_format), ("1024x1024", "low", "png"))
        self.assertEqual(answer.usage.total_tokens, answer.usage.input_tokens + answer.usage.output_tokens)
        self.assertGreater(answer.usage.output_tokens, 0)
        self.assertTrue(answer._request_id)
        self.assertEqual(self.person.remaining(), before - 1)

    def test_a_link_works_without_a_key(self):
        first, second = self.client().images.generate(**ORDER, n=2, response_format="url").data
        self.assertNotEqual(first.url, second.url)
        with urllib.request.urlopen(first.url, timeout=10) as fetched:
            self.assertEqual(size_of(fetched.read()), (1024, 1024))

    def test_models_are_listed_and_asked_for_alone(self):
        client = self.client()
        self.assertIn("gpt-image-2.5-flare", [model.id for model in client.models.list()])
        self.assertEqual(client.models.retrieve("gpt-image-2.5-flare").id, "gpt-image-2.5-flare")
        with self.assertRaises(openai.NotFoundError) as raised:
            client.models.retrieve("gpt-image-9")
        self.assertEqual(raised.exception.code, "model_not_found")

    def test_an_edit_takes_several_pictures_and_a_mask(self):
        before = self.person.remaining()
        picture = png(64, 48, alpha=False)
        files = [("a.png", picture, "image/png"), ("b.png", picture, "image/png")]
        answer = self.client().images.edit(**ORDER, image=files, mask=("m.png", png(64, 48, alpha=True), "image/png"))
        self.assertEqual(size_of(picture_of(answer.data[0])), (1024, 1024))
        self.assertEqual(before - self.person.remaining(), 17)
        with self.assertRaises(openai.BadRequestError) as raised:
            self.client().images.edit(**ORDER, image=("a.gif", b"GIF89a", "image/gif"))
        self.assertEqual(raised.exception.param, "image")

    def test_a_stream_ends_with_the_whole_picture(self):
        order = {**ORDER, "quality": "medium"}
        with self.client().images.generate(**order, stream=True, partial_images=2) as stream:
            events = list(stream)
        self.assertEqual(events[-1].type, "image_generation.completed")
        self.assertEqual(size_of(picture_of(events[-1])), (1024, 1024))
        self.assertGreater(events[-1].usage.output_tokens, 0)
        for index, event in enumerate(events[:-1]):
            self.assertEqual((event.type, event.partial_image_index), ("image_generation.partial_image", index))
        with self.client().images.edit(**ORDER, image=("a.png", png(64, 48, alpha=False), "image/png"), stream=True) as stream:
            self.assertEqual([event.type for event in stream], ["image_edit.completed"])

    def test_a_refused_prompt_is_a_bad_request_error_and_costs_nothing(self):
        before = self.person.remaining()
        self.app.set_fault("moderation_blocked")
        with self.assertRaises(openai.BadRequestError) as raised:
            self.client(max_retries=2).images.generate(**ORDER)
        failure = raised.exception
        self.assertEqual((failure.code, failure.type), ("moderation_blocked", "image_generation_user_error"))
        self.assertIn(failure.request_id, failure.message)
        self.assertEqual((self.person.remaining(), len(self.person.generations())), (before, 1))

    def test_errors_are_those_of_the_wire(self):
        with self.assertRaises(openai.AuthenticationError) as raised:
            self.client(api_key="lap_wrong").images.generate(**ORDER)
        self.assertEqual(raised.exception.code, "invalid_api_key")
        with self.assertRaises(openai.BadRequestError) as raised:
            self.client().images.generate(**ORDER, moderation="low")
        self.assertEqual((raised.exception.code, raised.exception.param), ("unsupported_value", "moderation"))
        with self.assertRaises(openai.NotFoundError) as raised:
            self.client().images.generate(**{**ORDER, "model": "gpt-image-9"})
        self.assertEqual(raised.exception.code, "model_not_found")

    def test_without_gems_it_is_not_tried_again(self):
        proxy = Proxy(self.app.port, broken=0)
        self.addCleanup(proxy.close)
        client = self.client(base_url=f"{proxy.url}/openai/v1", max_retries=3, default_headers={"connection": "close"})
        with self.assertRaises(openai.APIStatusError) as raised:
            client.images.generate(**{**ORDER, "quality": "max", "n": 10})
        self.assertEqual((raised.exception.status_code, raised.exception.code), (402, "insufficient_gems"))
        self.assertEqual(proxy.seen, 1)

    def test_a_call_that_breaks_off_is_tried_again_and_charged_once(self):
        before = self.person.remaining()
        proxy = Proxy(self.app.port, broken=1, until=lambda: len(self.person.generations()) == 1)
        self.addCleanup(proxy.close)
        answer = self.client(base_url=f"{proxy.url}/openai/v1", max_retries=2).images.generate(**ORDER)
        self.assertEqual(size_of(picture_of(answer.data[0])), (1024, 1024))
        self.assertEqual(proxy.seen, 2)
        self.assertEqual((self.person.remaining(), len(self.person.generations())), (before - 1, 1))

    def test_a_client_that_loses_patience_and_tries_again_is_charged_once(self):
        before = self.person.remaining()
        proxy = Proxy(self.app.port, broken=2)
        self.addCleanup(proxy.close)
        # Two tries in silence for as long as the client waits, which is a minute and more in life.
        client = self.client(base_url=f"{proxy.url}/openai/v1", max_retries=12, timeout=2)
        answer = client.images.generate(**ORDER)
        self.assertEqual(size_of(picture_of(answer.data[0])), (1024, 1024))
        self.assertGreaterEqual(proxy.seen, 3)
        self.assertEqual((self.person.remaining(), len(self.person.generations())), (before - 1, 1))


class Example(Case):
    def test_the_pages_example_saves_a_picture(self):
        with tempfile.TemporaryDirectory() as folder:
            environment = {**os.environ, "LAPIDARY_API_KEY": self.person.key}
            code = [sys.executable, "-c", example("OPENAI", self.app.url)]
            subprocess.run(code, cwd=folder, env=environment, check=True, timeout=120)
            size_of((Path(folder) / "fox.png").read_bytes())


class Begun(Case):
    """Answers that begin at once, as others do after a minute."""

    settings = {"OPENAI_SILENCE_SECONDS": "0"}

    def test_a_failure_is_raised_although_the_answer_had_begun(self):
        before = self.person.remaining()
        self.app.set_fault("moderation_blocked")
        with self.assertRaises(openai.APIConnectionError):
            self.client().images.generate(**ORDER)
        # Asked again it is the failure itself, of the same call.
        self.app.set_fault("moderation_blocked")
        with self.assertRaises(openai.BadRequestError) as raised:
            self.client(max_retries=2).images.generate(**ORDER)
        self.assertEqual(raised.exception.code, "moderation_blocked")
        self.assertEqual((self.person.remaining(), len(self.person.generations())), (before, 2))

    def test_a_stream_raises_what_it_is_told_as_an_event(self):
        self.app.set_fault("moderation_blocked")
        with self.client().images.generate(**ORDER, stream=True) as stream:
            with self.assertRaises(openai.APIError) as raised:
                list(stream)
        self.assertIn("safety system", raised.exception.message)
        self.assertEqual(raised.exception.code, "moderation_blocked")

    def test_an_answer_that_is_cut_after_it_began_is_asked_for_again_and_charged_once(self):
        before = self.person.remaining()
        proxy = Proxy(self.app.port, broken=1, begun=True)
        self.addCleanup(proxy.close)
        answer = self.client(base_url=f"{proxy.url}/openai/v1", max_retries=2).images.generate(**ORDER)
        self.assertEqual(size_of(picture_of(answer.data[0])), (1024, 1024))
        self.assertEqual(proxy.seen, 2)
        self.assertEqual((self.person.remaining(), len(self.person.generations())), (before - 1, 1))


if __name__ == "__main__":
    unittest.main()
