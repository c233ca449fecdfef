// OpenAI's official SDK against Lapidary, with nothing changed but base URL and key.
import assert from "node:assert/strict";
import { after, afterEach, test } from "node:test";
import { crc32, deflateSync } from "node:zlib";

import OpenAI, { toFile } from "openai";

import { startLapidary, startProxy } from "./lapidary.mjs";

const app = await startLapidary();
// Answers that begin at once, as others do after a minute.
const begun = await startLapidary({ OPENAI_SILENCE_SECONDS: "0" });
after(() => Promise.all([app.stop(), begun.stop()]));
afterEach(() => Promise.all([app.clearFaults(), begun.clearFaults()]));

const order = { model: "gpt-image-2.5-flare", prompt: "a lighthouse at dusk", size: "1024x1024", quality: "low" };

let people = 0;
const person = () => app.person(`Ada ${(people += 1)}`);

function client({ key: apiKey }, options = {}) {
  return new OpenAI({ baseURL: `${app.url}/openai/v1`, apiKey, maxRetries: 0, timeout: 60_000, ...options });
}

/** Width and height of a PNG, read from its header. */
function sizeOf(png) {
  assert.equal(png.toString("latin1", 1, 4), "PNG");
  return [png.readUInt32BE(16), png.readUInt32BE(20)];
}

function pictureOf(image) {
  return Buffer.from(image.b64_json, "base64");
}

/** Transparent on the left, where it can be. */
function png(width, height, alpha) {
  const row = [0];
  for (let x = 0; x < width; x += 1) row.push(...(alpha ? [0, 0, 0, x < width / 2 ? 0 : 255] : [x % 256, 90, 160]));
  const chunk = (name, data) => {
    const body = Buffer.concat([Buffer.from(name), data]);
    const numbers = Buffer.alloc(8);
    numbers.writeUInt32BE(data.length, 0);
    numbers.writeUInt32BE(crc32(body), 4);
    return Buffer.concat([numbers.subarray(0, 4), body, numbers.subarray(4)]);
  };
  const header = Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 8, alpha ? 6 : 2, 0, 0, 0]);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  const rows = deflateSync(Buffer.from(Array(height).fill(row).flat()));
  const start = Buffer.from("\x89PNG\r\n\x1a\n", "latin1");
  return Buffer.concat([start, chunk("IHDR", header), chunk("IDAT", rows), chunk("IEND", Buffer.alloc(0))]);
}

const file = (name, bytes) => toFile(bytes, name, { type: "image/png" });

test("a picture comes as bytes with its usage and a request id, and costs its gem", async () => {
  const ada = await person();
  const before = await ada.remaining();
  const answer = await client(ada).images.generate(order);
  assert.deepEqual(sizeOf(pictureOf(answer.data[0])), [1024, 1024]);
  assert.deepEqual([answer.size, answer.quality, answer.output_format], ["1024x1024", "low", "png"]);
  assert.ok(answer.usage.output_tokens > 0 && answer._request_id);
  assert.equal(await ada.remaining(), before - 1);
});

test("a link works without a key", async () => {
  const { data } = await client(await person()).images.generate({ ...order, n: 2, response_format: "url" });
  assert.equal(new Set(data.map(({ url }) => url)).size, 2);
  const fetched = await fetch(data[0].url);
  assert.deepEqual(sizeOf(Buffer.from(await fetched.arrayBuffer())), [1024, 1024]);
});

test("models are listed and asked for alone", async () => {
  const openai = client(await person());
  const ids = [];
  for await (const model of openai.models.list()) ids.push(model.id);
  assert.ok(ids.includes("gpt-image-2.5-flare"));
  assert.equal((await openai.models.retrieve("gpt-image-2.5-flare")).id, "gpt-image-2.5-flare");
  await assert.rejects(openai.models.retrieve("gpt-image-9"), OpenAI.NotFoundError);
});

test("an edit takes pictures and a mask as a form, and streams with its own events", async () => {
  const ada = await person();
  const before = await ada.remaining();
  const picture = png(64, 48, false);
  const image = [await file("a.png", picture), await file("b.png", picture)];
  const answer = await client(ada).images.edit({ ...order, image, mask: await file("m.png", png(64, 48, true)) });
  assert.deepEqual(sizeOf(pictureOf(answer.data[0])), [1024, 1024]);
  assert.equal(before - (await ada.remaining()), 17);
  const events = [];
  const stream = await client(ada).images.edit({ ...order, image: await file("a.png", picture), stream: true });
  for await (const event of stream) events.push(event.type);
  assert.deepEqual(events, ["image_edit.completed"]);
  const gif = await toFile(Buffer.from("GIF89a"), "a.gif", { type: "image/gif" });
  await assert.rejects(client(ada).images.edit({ ...order, image: gif }), (failure) => {
    assert.ok(failure instanceof OpenAI.BadRequestError);
    assert.equal(failure.param, "image");
    return true;
  });
});

test("a stream ends with the whole picture", async () => {
  const openai = client(await person());
  const stream = await openai.images.generate({ ...order, quality: "medium", stream: true, partial_images: 2 });
  const events = [];
  for await (const event of stream) events.push(event);
  const last = events.pop();
  assert.equal(last.type, "image_generation.completed");
  assert.deepEqual(sizeOf(pictureOf(last)), [1024, 1024]);
  assert.ok(last.usage.output_tokens > 0);
  events.forEach((event, index) => {
    assert.deepEqual([event.type, event.partial_image_index], ["image_generation.partial_image", index]);
  });
});

test("a refused prompt is a BadRequestError, tried once, and costs nothing", async () => {
  const ada = await person();
  const before = await ada.remaining();
  for (const stream of [false, true]) {
    await app.setFault("moderation_blocked");
    await assert.rejects(client(ada, { maxRetries: 2 }).images.generate({ ...order, stream }), (failure) => {
      assert.ok(failure instanceof OpenAI.BadRequestError);
      assert.deepEqual([failure.code, failure.type], ["moderation_blocked", "image_generation_user_error"]);
      assert.match(failure.message, new RegExp(failure.requestID));
      return true;
    });
  }
  assert.deepEqual([await ada.remaining(), (await ada.generations()).length], [before, 2]);
});

test("errors are those of the wire", async () => {
  const ada = await person();
  await assert.rejects(client({ key: "lap_wrong" }).images.generate(order), OpenAI.AuthenticationError);
  await assert.rejects(client(ada).images.generate({ ...order, model: "gpt-image-9" }), OpenAI.NotFoundError);
  await assert.rejects(client(ada).images.generate({ ...order, moderation: "low" }), (failure) => {
    assert.ok(failure instanceof OpenAI.BadRequestError);
    assert.deepEqual([failure.code, failure.param], ["unsupported_value", "moderation"]);
    return true;
  });
});

test("without gems it is not tried again", async () => {
  const ada = await person();
  let calls = 0;
  const counted = (...given) => fetch(...given).finally(() => (calls += 1));
  const poor = client(ada, { maxRetries: 3, fetch: counted }).images.generate({ ...order, quality: "max", n: 10 });
  await assert.rejects(poor, (failure) => {
    assert.deepEqual([failure.status, failure.code], [402, "insufficient_gems"]);
    return true;
  });
  assert.equal(calls, 1);
});

test("a call that breaks off is tried again and charged once", async () => {
  const ada = await person();
  const before = await ada.remaining();
  const proxy = await startProxy(app.port, 1, async () => (await ada.generations()).length === 1);
  const answer = await client(ada, { baseURL: `${proxy.url}/openai/v1`, maxRetries: 2 }).images.generate(order);
  proxy.stop();
  assert.deepEqual(sizeOf(pictureOf(answer.data[0])), [1024, 1024]);
  assert.equal(proxy.seen, 2);
  assert.deepEqual([await ada.remaining(), (await ada.generations()).length], [before - 1, 1]);
});

test("a client that loses patience and tries again is charged once", async () => {
  const ada = await person();
  const before = await ada.remaining();
  const proxy = await startProxy(app.port, 2);
  // Two tries in silence for as long as the client waits, which is a minute and more in life.
  const impatient = client(ada, { baseURL: `${proxy.url}/openai/v1`, maxRetries: 12, timeout: 2_000 });
  const answer = await impatient.images.generate(order);
  proxy.stop();
  assert.deepEqual(sizeOf(pictureOf(answer.data[0])), [1024, 1024]);
  assert.ok(proxy.seen >= 3);
  assert.deepEqual([await ada.remaining(), (await ada.generations()).length], [before - 1, 1]);
});

const once = { headers: { "X-Stainless-Retry-Count": "1" } };

test("a failure is raised although the answer had begun, and asked again it has its status", async () => {
  const ada = await begun.person("Ada");
  const before = await ada.remaining();
  await begun.setFault("moderation_blocked");
  const openai = client(ada, { baseURL: `${begun.url}/openai/v1` });
  await assert.rejects(openai.images.generate(order));
  await assert.rejects(openai.images.generate(order, once), (failure) => {
    assert.ok(failure instanceof OpenAI.BadRequestError);
    assert.equal(failure.code, "moderation_blocked");
    return true;
  });
  assert.deepEqual([await ada.remaining(), (await ada.generations()).length], [before, 1]);
});

test("a stream raises what it is told as an event", async () => {
  const grace = await begun.person("Grace");
  await begun.setFault("moderation_blocked");
  const openai = client(grace, { baseURL: `${begun.url}/openai/v1` });
  const stream = await openai.images.generate({ ...order, stream: true });
  const events = async () => {
    for await (const event of stream) assert.fail(event.type);
  };
  await assert.rejects(events, (failure) => {
    assert.ok(failure instanceof OpenAI.APIError);
    assert.equal(failure.code, "moderation_blocked");
    return true;
  });
});

test("an answer that is cut after it began is raised, and asked for again it is charged once", async () => {
  const mary = await begun.person("Mary");
  const before = await mary.remaining();
  const proxy = await startProxy(begun.port, 1, "begun");
  const openai = client(mary, { baseURL: `${proxy.url}/openai/v1`, maxRetries: 2 });
  // This SDK repeats nothing whose answer has begun.
  await assert.rejects(openai.images.generate(order));
  assert.equal(proxy.seen, 1);
  const answer = await openai.images.generate(order, once);
  proxy.stop();
  assert.deepEqual(sizeOf(pictureOf(answer.data[0])), [1024, 1024]);
  assert.deepEqual([await mary.remaining(), (await mary.generations()).length], [before - 1, 1]);
});
