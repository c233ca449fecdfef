"""S3 as boto3 sees it: encrypted objects, signed links, listings, versions, and what is refused."""
import os
import unittest
import urllib.error
import urllib.request
from datetime import datetime, timedelta, timezone
from unittest import mock

import boto3
import botocore.auth
from botocore.config import Config
from botocore.exceptions import ClientError

from sandbox import Sandbox


class Storage(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sandbox = Sandbox()
        cls.addClassCleanup(cls.sandbox.stop)
        cls.bucket = cls.sandbox["s3_bucket"]
        cls.store = cls.client()
        cls.addClassCleanup(cls.store.close)

    def setUp(self):
        self.addCleanup(self.sandbox.clear_faults)

    @classmethod
    def client(cls, secret=None, attempts=1):
        retries = {"total_max_attempts": attempts, "mode": "standard"}
        return boto3.client(
            "s3",
            endpoint_url=cls.sandbox["s3_endpoint"],
            region_name=cls.sandbox["s3_region"],
            aws_access_key_id=cls.sandbox["s3_access_key"],
            aws_secret_access_key=secret or cls.sandbox["s3_secret_key"],
            config=Config(signature_version="s3v4", s3={"addressing_style": "path"}, retries=retries),
        )

    def put(self, key, body=b"a picture", store=None, **more):
        usual = {"ServerSideEncryption": "AES256", "ContentType": "image/png"}
        return (store or self.store).put_object(Bucket=self.bucket, Key=key, Body=body, **{**usual, **more})

    def read(self, key):
        return self.store.get_object(Bucket=self.bucket, Key=key)["Body"].read()

    def refused(self, code, status):
        outer = self

        class Refused:
            def __enter__(self):
                self.raised = outer.assertRaises(ClientError)
                self.raised.__enter__()

            def __exit__(self, *failure):
                caught = self.raised.__exit__(*failure)
                answer = self.raised.exception.response
                told = (answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"])
                outer.assertEqual(told, (code, status))
                return caught

        return Refused()

    def link(self, key, seconds=60, **more):
        params = {"Bucket": self.bucket, "Key": key, **more}
        return self.store.generate_presigned_url("get_object", Params=params, ExpiresIn=seconds)

    def fetch(self, url):
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, refused.headers, refused.read()

    def test_an_object_is_kept_encrypted_and_comes_back_byte_for_byte(self):
        body = os.urandom(300_000)
        self.assertEqual(self.put("users/a/original.png", body)["ServerSideEncryption"], "AES256")
        head = self.store.head_object(Bucket=self.bucket, Key="users/a/original.png")
        told = (head["ContentLength"], head["ContentType"], head["ServerSideEncryption"])
        self.assertEqual(told, (300_000, "image/png", "AES256"))
        self.assertEqual(self.read("users/a/original.png"), body)

    def test_an_object_without_the_encryption_header_is_refused(self):
        with self.refused("InvalidRequest", 400):
            self.store.put_object(Bucket=self.bucket, Key="users/a/plain.png", Body=b"a picture")

    def test_a_body_that_is_not_what_its_checksum_says_is_refused(self):
        with self.refused("BadDigest", 400):
            self.put("users/a/broken.png", ContentMD5="1B2M2Y8AsgTpgAmY7PhCfg==")

    def test_a_signed_link_opens_one_object_for_anyone_named_as_its_signer_wants(self):
        self.put("users/a/shared.png")
        disposition = 'attachment; filename="lighthouse.png"'
        url = self.link("users/a/shared.png", 604_800, ResponseContentDisposition=disposition)
        status, headers, body = self.fetch(url)
        self.assertEqual((status, body), (200, b"a picture"))
        self.assertEqual((headers["content-type"], headers["content-disposition"]), ("image/png", disposition))

    def test_a_link_for_more_than_a_week_is_refused(self):
        self.put("users/a/long.png")
        status, _, body = self.fetch(self.link("users/a/long.png", 604_801))
        self.assertEqual(status, 400)
        self.assertIn(b"<Code>AuthorizationQueryParametersError</Code>", body)

    def test_an_expired_link_is_403(self):
        self.put("users/a/late.png")
        an_hour_ago = datetime.now(timezone.utc) - timedelta(hours=1)
        with mock.patch.object(botocore.auth, "get_current_datetime", return_value=an_hour_ago):
            url = self.link("users/a/late.png")
        status, _, body = self.fetch(url)
        self.assertEqual(status, 403)
        self.assertIn(b"<Code>AccessDenied</Code><Message>Request has expired</Message>", body)

    def test_a_link_that_was_changed_is_403(self):
        self.put("users/a/mine.png")
        self.put("users/b/theirs.png")
        url = self.link("users/a/mine.png").replace("users/a/mine.png", "users/b/theirs.png")
        status, _, body = self.fetch(url)
        self.assertEqual(status, 403)
        self.assertIn(b"<Code>SignatureDoesNotMatch</Code>", body)

    def test_another_secret_opens_nothing(self):
        stranger = self.client(secret="wrong")
        self.addCleanup(stranger.close)
        with self.refused("SignatureDoesNotMatch", 403):
            stranger.list_objects_v2(Bucket=self.bucket)

    def test_versions_are_listed_page_by_page_and_deleted_by_their_id(self):
        keys = [f"users/versions/{number}.png" for number in range(5)]
        for key in keys:
            self.put(key)
        pages = self.store.get_paginator("list_object_versions").paginate(
            Bucket=self.bucket, Prefix="users/versions/", PaginationConfig={"PageSize": 2}
        )
        found = [version for page in pages for version in page.get("Versions", [])]
        self.assertEqual([version["Key"] for version in found], keys)
        self.assertTrue(all(version["IsLatest"] for version in found))
        objects = [{"Key": version["Key"], "VersionId": version["VersionId"]} for version in found]
        answer = self.store.delete_objects(Bucket=self.bucket, Delete={"Objects": objects})
        self.assertEqual(sorted(deleted["Key"] for deleted in answer["Deleted"]), keys)
        self.assertEqual(answer.get("Errors", []), [])
        left = self.store.list_object_versions(Bucket=self.bucket, Prefix="users/versions/")
        self.assertEqual((left.get("Versions", []), left.get("DeleteMarkers", [])), ([], []))
        with self.refused("NoSuchKey", 404):
            self.store.get_object(Bucket=self.bucket, Key=keys[0])

    def test_a_listing_comes_page_by_page_whatever_the_keys_are_called(self):
        keys = sorted(f"users/list/{name}.png" for name in ["a b", "a+b", "a&b", "ä", "李"])
        for key in keys:
            self.put(key)
        pages = self.store.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix="users/list/", PaginationConfig={"PageSize": 2}
        )
        found = [each["Key"] for page in pages for each in page.get("Contents", [])]
        self.assertEqual(found, keys)
        for key in keys:
            self.assertEqual(self.fetch(self.link(key))[0], 200, key)

    def test_slow_down_is_told_as_such_and_a_client_that_retries_gets_through(self):
        self.sandbox.set_fault("s3", "slow_down")
        with self.refused("SlowDown", 503):
            self.put("users/a/slow.png")
        self.sandbox.set_fault("s3", "slow_down")
        patient = self.client(attempts=3)
        self.addCleanup(patient.close)
        self.put("users/a/slow.png", store=patient)
        self.assertEqual(self.sandbox.pending_faults(), [])


if __name__ == "__main__":
    unittest.main()
