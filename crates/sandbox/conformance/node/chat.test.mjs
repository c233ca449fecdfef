// Chat Completions as OpenAI's official SDK sees them: structured answers, refusals, error classes.
import assert from "node:assert/strict";
import { after, afterEach, test } from "node:test";

import OpenAI from "openai";

import { startSandbox } from "./sandbox.mjs";

const sandbox = await startSandbox();
after(() => sandbox.stop());
afterEach(() => sandbox.clearFaults());

const texts = { type: "array", items: { type: "string" } };
const section = {
  type: "object",
  properties: { name: { type: "string" }, values: texts },
  required: ["name", "values"],
  additionalProperties: false,
};
const schema = {
  type: "object",
  properties: { sections: { type: "array", items: section } },
  required: ["sections"],
  additionalProperties: false,
};
const ask = {
  model: "gpt-5.4-nano",
  messages: [
    { role: "developer", content: "Answer with JSON." },
    { role: "user", content: "A fox crossing a frozen river" },
  ],
  response_format: { type: "json_schema", json_schema: { name: "sections", strict: true, schema } },
};

function client(options = {}) {
  const { openai_base_url: baseURL, openai_api_key: apiKey } = sandbox;
  return new OpenAI({ baseURL, apiKey, maxRetries: 0, timeout: 30_000, ...options });
}

test("a strict schema is answered with what the SDK parses", async () => {
  const completion = await client().chat.completions.parse(ask);
  const [choice] = completion.choices;
  assert.equal(choice.finish_reason, "stop");
  assert.ok(choice.message.parsed.sections.length >= 3);
  assert.ok(choice.message.parsed.sections.every((one) => one.name && one.values.length >= 10));
  assert.equal(completion.usage.total_tokens, completion.usage.prompt_tokens + completion.usage.completion_tokens);
  assert.match(completion._request_id, /^req_/);
});

test("a refusal is in the message and not in the content", async () => {
  await sandbox.setFault("chat", "refusal");
  const { message } = (await client().chat.completions.create(ask)).choices[0];
  assert.equal(message.content, null);
  assert.ok(message.refusal.length > 0);
});

test("a loose schema and an unknown field are BadRequestErrors", async () => {
  const loose = structuredClone(ask);
  loose.response_format.json_schema.schema.additionalProperties = true;
  await assert.rejects(client().chat.completions.create(loose), OpenAI.BadRequestError);
  await assert.rejects(client().chat.completions.create({ ...ask, colour: 1 }), (failure) => {
    assert.ok(failure instanceof OpenAI.BadRequestError);
    assert.deepEqual([failure.code, failure.param], ["unknown_parameter", "colour"]);
    return true;
  });
});

test("a moment's limit is retried by the SDK", async () => {
  await sandbox.setFault("chat", "rate_limited", { value: 0.05 });
  const completion = await client({ maxRetries: 1 }).chat.completions.create(ask);
  assert.equal(completion.object, "chat.completion");
});
