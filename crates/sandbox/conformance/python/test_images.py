"""OpenAI's image API as its official SDK sees it: answers, error classes, retries, streams, the older dialect."""
import base64
import struct
import unittest
import urllib.request

import openai

from sandbox import Sandbox

ORDER = {"model": "gpt-image-1-mini", "prompt": "a lighthouse at dusk", "size": "1024x1024", "quality": "low"}


def size_of(png: bytes) -> tuple[int, int]:
    """Width and height of a PNG, read from its header."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n", png[:8]
    return struct.unpack(">II", png[16:24])


def picture_of(image) -> bytes:
    return base64.b64decode(image.b64_json, validate=True)


class Images(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sandbox = Sandbox()
        cls.addClassCleanup(cls.sandbox.stop)

    def setUp(self):
        self.addCleanup(self.sandbox.clear_faults)

    def client(self, **options) -> openai.OpenAI:
        usual = {
            "base_url": self.sandbox["openai_base_url"],
            "api_key": self.sandbox["openai_api_key"],
            "max_retries": 0,
            "timeout": 30,
        }
        client = openai.OpenAI(**{**usual, **options})
        self.addCleanup(client.close)
        return client

    def test_a_picture_comes_as_bytes_with_its_usage_and_a_request_id(self):
        answer = self.client().images.generate(**ORDER)
        self.assertEqual(size_of(picture_of(answer.data[0])), (1024, 1024))
        self.assertEqual((answer.size, answer.quality, answer.output_format), ("1024x1024", "low", "png"))
        self.assertEqual(answer.usage.total_tokens, answer.usage.input_tokens + answer.usage.output_tokens)
        self.assertGreater(answer.usage.output_tokens, 0)
        self.assertRegex(answer._request_id, "^req_")

    def test_two_pictures_of_one_order_differ(self):
        first, second = self.client().images.generate(**ORDER, n=2).data
        self.assertNotEqual(picture_of(first), picture_of(second))

    def test_a_model_is_listed_and_can_be_asked_for_alone(self):
        client = self.client()
        self.assertIn("gpt-image-2", [model.id for model in client.models.list()])
        self.assertEqual(client.models.retrieve("gpt-image-2").id, "gpt-image-2")

    def test_a_refused_prompt_is_a_bad_request_error_with_moderation_blocked(self):
        self.sandbox.set_fault("openai", "moderation_blocked")
        with self.assertRaises(openai.BadRequestError) as raised:
            self.client().images.generate(**ORDER)
        failure = raised.exception
        self.assertEqual((failure.code, failure.type), ("moderation_blocked", "image_generation_user_error"))
        self.assertIn(failure.request_id, failure.message)

    def test_a_wrong_key_is_an_authentication_error(self):
        with self.assertRaises(openai.AuthenticationError) as raised:
            self.client(api_key="sk-wrong").images.generate(**ORDER)
        self.assertEqual(raised.exception.code, "invalid_api_key")

    def test_too_many_requests_and_an_empty_account_are_rate_limit_errors(self):
        for kind, code in [("rate_limited", "rate_limit_exceeded"), ("quota_exhausted", "credit_balance_exhausted")]:
            with self.subTest(kind):
                self.sandbox.set_fault("openai", kind)
                with self.assertRaises(openai.RateLimitError) as raised:
                    self.client().images.generate(**ORDER)
                self.assertEqual(raised.exception.code, code)

    def test_a_broken_and_an_overloaded_server_are_internal_server_errors(self):
        for kind, status in [("server_error", 500), ("overloaded", 503)]:
            with self.subTest(kind):
                self.sandbox.set_fault("openai", kind)
                with self.assertRaises(openai.InternalServerError) as raised:
                    self.client().images.generate(**ORDER)
                self.assertEqual(raised.exception.status_code, status)

    def test_what_a_live_model_does_not_know_is_a_bad_request_error_that_names_the_field(self):
        with self.assertRaises(openai.BadRequestError) as raised:
            self.client().images.generate(**ORDER, response_format="b64_json")
        self.assertEqual((raised.exception.code, raised.exception.param), ("unknown_parameter", "response_format"))

    def test_a_model_that_was_switched_off_is_a_not_found_error(self):
        with self.assertRaises(openai.NotFoundError) as raised:
            self.client().images.generate(**{**ORDER, "model": "dall-e-3"})
        self.assertEqual(raised.exception.code, "model_not_found")

    def test_a_client_that_retries_gets_its_picture_after_the_wait_it_was_told(self):
        self.sandbox.set_fault("openai", "retry_after_ms", value=20)
        self.assertEqual(len(self.client(max_retries=1).images.generate(**ORDER).data), 1)
        self.assertEqual(self.sandbox.pending_faults(), [])

    def test_a_silent_server_is_a_timeout(self):
        self.sandbox.set_fault("openai", "hang")
        with self.assertRaises(openai.APITimeoutError):
            self.client(timeout=0.2).images.generate(**ORDER)

    def test_a_connection_that_breaks_in_the_answer_yields_no_picture(self):
        self.sandbox.set_fault("openai", "cut_body")
        with self.assertRaises(Exception):
            self.client().images.generate(**ORDER)
        self.assertEqual(self.sandbox.pending_faults(), [])

    def test_a_stream_shows_partial_pictures_and_then_the_whole_one(self):
        with self.client().images.generate(**ORDER, stream=True, partial_images=2) as stream:
            events = list(stream)
        partial = "image_generation.partial_image"
        self.assertEqual([event.type for event in events], [partial, partial, "image_generation.completed"])
        self.assertEqual([event.partial_image_index for event in events[:2]], [0, 1])
        for event in events:
            self.assertEqual(size_of(picture_of(event)), (1024, 1024))
        self.assertGreater(events[2].usage.output_tokens, 0)

    def test_a_stream_that_is_cut_ends_without_the_whole_picture(self):
        self.sandbox.set_fault("openai", "cut_stream")
        with self.client().images.generate(**ORDER, stream=True, partial_images=1) as stream:
            kinds = [event.type for event in stream]
        self.assertEqual(kinds, ["image_generation.partial_image"])

    def test_the_older_dialect_answers_a_link_that_works_without_a_key_or_bytes(self):
        older = self.client(base_url=self.sandbox["openai_compatible_base_url"])
        dalle = {"model": "dall-e-3", "prompt": "a lighthouse at dusk", "size": "1792x1024", "quality": "standard"}
        linked = older.images.generate(**dalle, style="natural").data[0]
        self.assertTrue(linked.revised_prompt.startswith("a lighthouse at dusk"))
        with urllib.request.urlopen(linked.url, timeout=10) as fetched:
            self.assertEqual(fetched.headers["content-type"], "image/png")
            self.assertEqual(size_of(fetched.read()), (1792, 1024))
        inline = older.images.generate(**dalle, response_format="b64_json").data[0]
        self.assertEqual(size_of(picture_of(inline)), (1792, 1024))

    def test_an_edit_takes_several_pictures_as_a_form(self):
        picture = picture_of(self.client().images.generate(**ORDER).data[0])
        files = [("a.png", picture, "image/png"), ("b.png", picture, "image/png")]
        edit = {**ORDER, "model": "gpt-image-2.5-flare"}
        answer = self.client().images.edit(**edit, image=files)
        self.assertEqual(size_of(picture_of(answer.data[0])), (1024, 1024))
        with self.assertRaises(openai.BadRequestError):
            self.client().images.edit(**edit, image=files, mask=("m.png", picture, "image/png"))


if __name__ == "__main__":
    unittest.main()
