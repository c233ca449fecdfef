// S3 as the AWS SDK sees it: encrypted objects, signed links, listings, deletion, and what is refused.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import { after, afterEach, test } from "node:test";

import * as s3 from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";

import { startSandbox } from "./sandbox.mjs";

const sandbox = await startSandbox();
after(() => sandbox.stop());
afterEach(() => sandbox.clearFaults());

const Bucket = sandbox.s3_bucket;
const encrypted = { Bucket, ServerSideEncryption: "AES256", ContentType: "image/png" };
const store = client();

function client(options = {}) {
  return new s3.S3Client({
    endpoint: sandbox.s3_endpoint,
    region: sandbox.s3_region,
    forcePathStyle: true,
    credentials: { accessKeyId: sandbox.s3_access_key, secretAccessKey: sandbox.s3_secret_key },
    maxAttempts: 1,
    ...options,
  });
}

async function put(Key, Body = "a picture") {
  return store.send(new s3.PutObjectCommand({ ...encrypted, Key, Body }));
}

async function read(Key) {
  const { Body } = await store.send(new s3.GetObjectCommand({ Bucket, Key }));
  return Buffer.from(await Body.transformToByteArray());
}

function refuses(promise, name, status) {
  return assert.rejects(promise, (failure) => {
    assert.deepEqual([failure.name, failure.$metadata.httpStatusCode], [name, status]);
    return true;
  });
}

test("an object is kept encrypted and comes back byte for byte", async () => {
  const bytes = randomBytes(300_000);
  const kept = await put("users/a/original.png", bytes);
  assert.equal(kept.ServerSideEncryption, "AES256");
  assert.ok(kept.ETag);
  const head = await store.send(new s3.HeadObjectCommand({ Bucket, Key: "users/a/original.png" }));
  assert.deepEqual([head.ContentLength, head.ContentType, head.ServerSideEncryption], [300_000, "image/png", "AES256"]);
  assert.deepEqual(await read("users/a/original.png"), bytes);
});

test("a stream with its checksum behind it is kept whole", async () => {
  const bytes = randomBytes(200_000);
  const parts = [bytes.subarray(0, 70_000), bytes.subarray(70_000)];
  const body = { Body: Readable.from(parts), ContentLength: bytes.length, ChecksumAlgorithm: "CRC32" };
  await store.send(new s3.PutObjectCommand({ ...encrypted, Key: "users/a/streamed.png", ...body }));
  assert.deepEqual(await read("users/a/streamed.png"), bytes);
});

test("a large object is kept in parts", async () => {
  const Key = "users/a/archive.zip";
  const parts = [randomBytes(5 << 20), randomBytes(1000)];
  const { UploadId } = await store.send(new s3.CreateMultipartUploadCommand({ ...encrypted, Key }));
  const Parts = [];
  for (const [index, Body] of parts.entries()) {
    const part = { Bucket, Key, UploadId, PartNumber: index + 1, Body };
    const { ETag } = await store.send(new s3.UploadPartCommand(part));
    Parts.push({ ETag, PartNumber: index + 1 });
  }
  await store.send(new s3.CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts } }));
  assert.deepEqual(await read(Key), Buffer.concat(parts));
});

test("an object without the encryption header is refused", async () => {
  const plain = { Bucket, Key: "users/a/plain.png", Body: "a picture" };
  await refuses(store.send(new s3.PutObjectCommand(plain)), "InvalidRequest", 400);
});

test("a key that is taken is not overwritten by who asks for that", async () => {
  await put("users/a/once.png");
  const again = { ...encrypted, Key: "users/a/once.png", Body: "another", IfNoneMatch: "*" };
  await refuses(store.send(new s3.PutObjectCommand(again)), "PreconditionFailed", 412);
});

test("a signed link opens one object for anyone, named as its signer wants", async () => {
  await put("users/a/shared.png");
  const ResponseContentDisposition = 'attachment; filename="lighthouse.png"';
  const command = new s3.GetObjectCommand({ Bucket, Key: "users/a/shared.png", ResponseContentDisposition });
  const answer = await fetch(await getSignedUrl(store, command, { expiresIn: 604_800 }));
  assert.equal(answer.status, 200);
  assert.equal(await answer.text(), "a picture");
  assert.equal(answer.headers.get("content-type"), "image/png");
  assert.equal(answer.headers.get("content-disposition"), ResponseContentDisposition);
});

test("an expired link is 403", async () => {
  await put("users/a/late.png");
  const command = new s3.GetObjectCommand({ Bucket, Key: "users/a/late.png" });
  const signingDate = new Date(Date.now() - 3600_000);
  const answer = await fetch(await getSignedUrl(store, command, { expiresIn: 60, signingDate }));
  assert.equal(answer.status, 403);
  assert.match(await answer.text(), /<Code>AccessDenied<\/Code><Message>Request has expired<\/Message>/);
});

test("a link that was changed is 403", async () => {
  await put("users/a/mine.png");
  await put("users/b/theirs.png");
  const command = new s3.GetObjectCommand({ Bucket, Key: "users/a/mine.png" });
  const link = await getSignedUrl(store, command, { expiresIn: 60 });
  const answer = await fetch(link.replace("users/a/mine.png", "users/b/theirs.png"));
  assert.equal(answer.status, 403);
  assert.match(await answer.text(), /<Code>SignatureDoesNotMatch<\/Code>/);
});

test("nothing opens without a signature, or with another secret", async () => {
  await put("users/a/private.png");
  assert.equal((await fetch(`${sandbox.s3_endpoint}/${Bucket}/users/a/private.png`)).status, 403);
  const stranger = client({ credentials: { accessKeyId: sandbox.s3_access_key, secretAccessKey: "wrong" } });
  const asked = stranger.send(new s3.GetObjectCommand({ Bucket, Key: "users/a/private.png" }));
  await refuses(asked, "SignatureDoesNotMatch", 403);
});

test("a listing comes page by page and by folders", async () => {
  const keys = ["one", "two", "three"].map((name) => `users/list/${name}.png`).sort();
  for (const key of [...keys, "users/list/previews/one.png"]) await put(key);
  const found = [];
  const pages = s3.paginateListObjectsV2({ client: store, pageSize: 2 }, { Bucket, Prefix: "users/list/" });
  for await (const page of pages) {
    assert.ok(page.KeyCount <= 2);
    found.push(...(page.Contents ?? []).map((object) => object.Key));
  }
  assert.deepEqual(found, [...keys, "users/list/previews/one.png"].sort());
  const folder = { Bucket, Prefix: "users/list/", Delimiter: "/" };
  const listed = await store.send(new s3.ListObjectsV2Command(folder));
  assert.deepEqual(listed.CommonPrefixes, [{ Prefix: "users/list/previews/" }]);
  assert.deepEqual(listed.Contents.map((object) => object.Key), keys);
});

test("versions are listed and deleted by their id", async () => {
  const Key = "users/versions/one.png";
  await put(Key);
  const { Versions } = await store.send(new s3.ListObjectVersionsCommand({ Bucket, Prefix: "users/versions/" }));
  assert.deepEqual(Versions.map((version) => [version.Key, version.IsLatest]), [[Key, true]]);
  const { VersionId } = Versions[0];
  const Delete = { Objects: [{ Key, VersionId }] };
  const { Deleted, Errors } = await store.send(new s3.DeleteObjectsCommand({ Bucket, Delete }));
  assert.deepEqual([Deleted.map((object) => object.Key), Errors ?? []], [[Key], []]);
  await refuses(store.send(new s3.GetObjectCommand({ Bucket, Key })), "NoSuchKey", 404);
});

test("a deleted object is gone, and deleting it again is no error", async () => {
  const Key = "users/a/gone.png";
  await put(Key);
  await store.send(new s3.DeleteObjectCommand({ Bucket, Key }));
  await store.send(new s3.DeleteObjectCommand({ Bucket, Key }));
  await refuses(store.send(new s3.HeadObjectCommand({ Bucket, Key })), "NotFound", 404);
});

test("a batch that fails in part names what is left", async () => {
  const keys = ["users/batch/one.png", "users/batch/two.png"];
  for (const key of keys) await put(key);
  await sandbox.setFault("s3", "partial_delete");
  const Delete = { Objects: keys.map((Key) => ({ Key })) };
  const { Deleted, Errors } = await store.send(new s3.DeleteObjectsCommand({ Bucket, Delete }));
  assert.deepEqual(Errors.map((error) => [error.Key, error.Code]), [[keys[0], "InternalError"]]);
  assert.deepEqual(Deleted.map((object) => object.Key), [keys[1]]);
});

test("SlowDown is told as such, and a client that retries gets through", async () => {
  await sandbox.setFault("s3", "slow_down");
  await refuses(put("users/a/slow.png"), "SlowDown", 503);
  await sandbox.setFault("s3", "slow_down");
  const patient = client({ maxAttempts: 3 });
  await patient.send(new s3.PutObjectCommand({ ...encrypted, Key: "users/a/slow.png", Body: "a picture" }));
  assert.deepEqual(await sandbox.pendingFaults(), []);
});
