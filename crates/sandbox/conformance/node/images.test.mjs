// OpenAI's image API as its official SDK sees it: answers, error classes, retries, streams, the older dialect.
import assert from "node:assert/strict";
import { after, afterEach, test } from "node:test";

import OpenAI, { toFile } from "openai";

import { startSandbox } from "./sandbox.mjs";

const sandbox = await startSandbox();
after(() => sandbox.stop());
afterEach(() => sandbox.clearFaults());

const order = { model: "gpt-image-1-mini", prompt: "a lighthouse at dusk", size: "1024x1024", quality: "low" };

function client(options = {}) {
  const { openai_base_url: baseURL, openai_api_key: apiKey } = sandbox;
  return new OpenAI({ baseURL, apiKey, maxRetries: 0, timeout: 30_000, ...options });
}

/** Width and height of a PNG, read from its header. */
function sizeOf(png) {
  assert.equal(png.toString("latin1", 1, 4), "PNG");
  return [png.readUInt32BE(16), png.readUInt32BE(20)];
}

function pictureOf(image) {
  return Buffer.from(image.b64_json, "base64");
}

test("a picture comes as bytes with its usage and a request id", async () => {
  const answer = await client().images.generate(order);
  assert.deepEqual(sizeOf(pictureOf(answer.data[0])), [1024, 1024]);
  assert.deepEqual([answer.size, answer.quality, answer.output_format], ["1024x1024", "low", "png"]);
  assert.equal(answer.usage.total_tokens, answer.usage.input_tokens + answer.usage.output_tokens);
  assert.ok(answer.usage.output_tokens > 0);
  assert.match(answer._request_id, /^req_/);
});

test("a model is listed and can be asked for alone", async () => {
  const ids = [];
  for await (const model of client().models.list()) ids.push(model.id);
  assert.ok(ids.includes("gpt-image-2"));
  assert.equal((await client().models.retrieve("gpt-image-2")).id, "gpt-image-2");
  await assert.rejects(client().models.retrieve("dall-e-3"), OpenAI.NotFoundError);
});

test("a refused prompt is a BadRequestError with moderation_blocked", async () => {
  await sandbox.setFault("openai", "moderation_blocked");
  await assert.rejects(client().images.generate(order), (failure) => {
    assert.ok(failure instanceof OpenAI.BadRequestError);
    assert.equal(failure.status, 400);
    assert.equal(failure.code, "moderation_blocked");
    assert.equal(failure.type, "image_generation_user_error");
    assert.match(failure.message, new RegExp(failure.requestID));
    return true;
  });
});

test("a wrong key is an AuthenticationError", async () => {
  await assert.rejects(client({ apiKey: "sk-wrong" }).images.generate(order), (failure) => {
    assert.ok(failure instanceof OpenAI.AuthenticationError);
    assert.equal(failure.code, "invalid_api_key");
    return true;
  });
});

for (const [kind, code] of [["rate_limited", "rate_limit_exceeded"], ["quota_exhausted", "credit_balance_exhausted"]]) {
  test(`${kind} is a RateLimitError with ${code}`, async () => {
    await sandbox.setFault("openai", kind, { value: kind === "rate_limited" ? 7 : null });
    await assert.rejects(client().images.generate(order), (failure) => {
      assert.ok(failure instanceof OpenAI.RateLimitError);
      assert.equal(failure.code, code);
      assert.equal(failure.headers.get("retry-after"), kind === "rate_limited" ? "7" : null);
      return true;
    });
  });
}

for (const [kind, status] of [["server_error", 500], ["overloaded", 503]]) {
  test(`${kind} is an InternalServerError`, async () => {
    await sandbox.setFault("openai", kind);
    await assert.rejects(client().images.generate(order), (failure) => {
      assert.ok(failure instanceof OpenAI.InternalServerError);
      assert.equal(failure.status, status);
      return true;
    });
  });
}

test("what a live model does not know is a BadRequestError that names the field", async () => {
  await assert.rejects(client().images.generate({ ...order, style: "vivid" }), (failure) => {
    assert.ok(failure instanceof OpenAI.BadRequestError);
    assert.deepEqual([failure.code, failure.param], ["unknown_parameter", "style"]);
    return true;
  });
});

test("a model that was switched off is a NotFoundError", async () => {
  await assert.rejects(client().images.generate({ ...order, model: "dall-e-3" }), (failure) => {
    assert.ok(failure instanceof OpenAI.NotFoundError);
    assert.equal(failure.code, "model_not_found");
    return true;
  });
});

test("a client that retries gets its picture after the wait it was told", async () => {
  await sandbox.setFault("openai", "retry_after_ms", { value: 20 });
  const answer = await client({ maxRetries: 1 }).images.generate(order);
  assert.equal(answer.data.length, 1);
  assert.deepEqual(await sandbox.pendingFaults(), []);
});

test("a silent server is an APIConnectionTimeoutError", async () => {
  await sandbox.setFault("openai", "hang");
  const failure = await client({ timeout: 200 }).images.generate(order).catch((failure) => failure);
  assert.ok(failure instanceof OpenAI.APIConnectionTimeoutError);
});

test("a connection that breaks in the answer yields no picture", async () => {
  await sandbox.setFault("openai", "cut_body");
  await assert.rejects(client().images.generate(order));
});

test("a stream shows partial pictures and then the whole one", async () => {
  const stream = await client().images.generate({ ...order, stream: true, partial_images: 2 });
  const events = [];
  for await (const event of stream) events.push(event);
  const partial = "image_generation.partial_image";
  assert.deepEqual(events.map((event) => event.type), [partial, partial, "image_generation.completed"]);
  assert.deepEqual(events.slice(0, 2).map((event) => event.partial_image_index), [0, 1]);
  for (const event of events) assert.deepEqual(sizeOf(pictureOf(event)), [1024, 1024]);
  assert.ok(events[2].usage.output_tokens > 0);
});

test("a stream that is cut ends without the whole picture", async () => {
  await sandbox.setFault("openai", "cut_stream");
  const stream = await client().images.generate({ ...order, stream: true, partial_images: 1 });
  const kinds = [];
  for await (const event of stream) kinds.push(event.type);
  assert.deepEqual(kinds, ["image_generation.partial_image"]);
});

test("a refusal of a stream is an error before its first event", async () => {
  await sandbox.setFault("openai", "moderation_blocked");
  const asked = client().images.generate({ ...order, stream: true, partial_images: 1 });
  await assert.rejects(asked, OpenAI.BadRequestError);
});

test("the older dialect answers a link that works without a key, or bytes", async () => {
  const older = client({ baseURL: sandbox.openai_compatible_base_url });
  const dalle = { model: "dall-e-3", prompt: "a lighthouse at dusk", size: "1792x1024", quality: "standard" };
  const { data: [linked] } = await older.images.generate({ ...dalle, style: "natural" });
  assert.ok(linked.revised_prompt.startsWith("a lighthouse at dusk"));
  const fetched = await fetch(linked.url);
  assert.equal(fetched.headers.get("content-type"), "image/png");
  assert.deepEqual(sizeOf(Buffer.from(await fetched.arrayBuffer())), [1792, 1024]);
  const { data: [inline] } = await older.images.generate({ ...dalle, response_format: "b64_json" });
  assert.deepEqual(sizeOf(pictureOf(inline)), [1792, 1024]);
  await assert.rejects(older.images.generate({ ...dalle, n: 2 }), OpenAI.BadRequestError);
});

test("an edit takes pictures as a form, and streams with its own events", async () => {
  const picture = pictureOf((await client().images.generate(order)).data[0]);
  const file = (name) => toFile(picture, name, { type: "image/png" });
  const edit = { model: "gpt-image-2.5-flare", prompt: "the same at night", size: "1024x1024", quality: "low" };
  for (const image of [await file("a.png"), [await file("a.png"), await file("b.png")]]) {
    const answer = await client().images.edit({ ...edit, image });
    assert.deepEqual(sizeOf(pictureOf(answer.data[0])), [1024, 1024]);
    assert.ok(answer.usage.input_tokens_details.image_tokens > 0);
  }
  const events = [];
  const stream = await client().images.edit({ ...edit, image: await file("a.png"), stream: true, partial_images: 1 });
  for await (const event of stream) events.push(event.type);
  assert.deepEqual(events, ["image_edit.partial_image", "image_edit.completed"]);
  await assert.rejects(client().images.edit({ ...edit, image: await toFile(Buffer.from("GIF89a"), "a.gif") }), OpenAI.BadRequestError);
});
