// Our outgoing webhooks as the specification's own library receives them: Lapidary itself, on the sandbox.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomBytes, randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { createServer as createPort } from "node:net";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import { Webhook, WebhookVerificationError } from "standardwebhooks";

import { allow } from "./browser.mjs";
import { APP, startSandbox } from "./sandbox.mjs";

const built = process.env.LAPIDARY_TARGET ?? fileURLToPath(new URL("../../../../target/debug", import.meta.url));
const sandbox = await startSandbox();
const heard = [];
const receiver = createServer((request, response) => {
  const pieces = [];
  request.on("data", (piece) => pieces.push(piece));
  request.on("end", () => {
    heard.push({ body: Buffer.concat(pieces).toString(), headers: request.headers });
    response.writeHead(204).end();
  });
});
let server;
let address;
let token;

const settings = {
  PUBLIC_URL: APP,
  MASTER_KEY: randomBytes(32).toString("base64"),
  DATABASE_URL: sandbox.database_url,
  S3_ENDPOINT: sandbox.s3_endpoint,
  S3_REGION: sandbox.s3_region,
  S3_BUCKET: sandbox.s3_bucket,
  S3_ACCESS_KEY_ID: sandbox.s3_access_key,
  S3_SECRET_ACCESS_KEY: sandbox.s3_secret_key,
  S3_FORCE_PATH_STYLE: "true",
  GITHUB_URL: sandbox.github_url,
  GITHUB_API_URL: sandbox.github_api_url,
  GITHUB_CLIENT_ID: sandbox.github_client_id,
  GITHUB_CLIENT_SECRET: sandbox.github_client_secret,
  OPENAI_BASE_URL: sandbox.openai_base_url,
  OPENAI_API_KEY: sandbox.openai_api_key,
  WEBHOOKS_ALLOW_PRIVATE: "on",
};

function lapidary(...words) {
  return spawn(join(built, "lapidary"), words, { env: { ...process.env, ...settings }, stdio: ["ignore", "ignore", "pipe"] });
}

async function freePort() {
  const holder = createPort().listen(0, "127.0.0.1");
  await once(holder, "listening");
  const { port } = holder.address();
  holder.close();
  return port;
}

async function isReady() {
  try {
    return (await fetch(`${address}/health/ready`)).status === 200;
  } catch {
    return false;
  }
}

/** As a browser does it; what the vendor sends back to APP is taken to where the server listens. */
async function signIn(person) {
  const cookies = new Map();
  const visit = async (url, options = {}) => {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const headers = { ...options.headers, cookie };
    const answer = await fetch(url, { redirect: "manual", ...options, headers });
    for (const line of answer.headers.getSetCookie()) {
      const [, name, value] = line.match(/^([^=]+)=([^;]*)/);
      cookies.set(name, value);
    }
    return answer;
  };
  const sent = await visit(`${address}/v1/auth/github/login?return_to=/studio`);
  const back = await allow(sent.headers.get("location"), person);
  assert.equal((await visit(`${address}${back.pathname}${back.search}`)).status, 303);
  const refreshed = await visit(`${address}/v1/auth/refresh`, {
    method: "POST",
    headers: { "x-lapidary-refresh": "1", origin: APP },
  });
  assert.equal(refreshed.status, 200, await refreshed.clone().text());
  return (await refreshed.json()).access_token;
}

async function ask(method, path, body, more = {}) {
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json", ...more };
  const answer = await fetch(`${address}${path}`, { method, headers, body: body && JSON.stringify(body) });
  assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${await answer.clone().text()}`);
  return answer.json();
}

async function until(count) {
  while (heard.length < count) await wait(50);
}

before(async () => {
  const [code] = await once(lapidary("migrate"), "close");
  assert.equal(code, 0, "it could not migrate");
  const port = await freePort();
  settings.LISTEN = `127.0.0.1:${port}`;
  address = `http://127.0.0.1:${port}`;
  server = lapidary("serve");
  server.stderr.resume();
  while (!(await isReady())) {
    assert.equal(server.exitCode, null, "it ended");
    await wait(100);
  }
  await new Promise((listens) => receiver.listen(0, "127.0.0.1", listens));
  token = await signIn("Ada Lovelace");
  await ask("PATCH", "/v1/me", { age_confirmed: true });
});

after(async () => {
  receiver.closeAllConnections();
  receiver.close();
  if (server && server.exitCode === null) {
    server.kill("SIGTERM");
    await once(server, "close");
  }
  await sandbox.stop();
});

test("what a generation tells is verified by the specification's library, under both secrets of a rotation", async () => {
  const url = `http://127.0.0.1:${receiver.address().port}/hook`;
  const endpoint = await ask("POST", "/v1/webhook-endpoints", { url });
  await ask("POST", "/v1/generations", { prompt: "A fox", quality: "low" }, { "idempotency-key": randomUUID() });
  await until(2);
  const first = new Webhook(endpoint.secret);
  const kinds = heard.map(({ body, headers }) => first.verify(body, headers).type);
  assert.deepEqual(kinds.sort(), ["generation.succeeded", "image.created"]);

  const { secret } = await ask("POST", `/v1/webhook-endpoints/${endpoint.id}/secret`);
  await ask("POST", `/v1/webhook-endpoints/${endpoint.id}/test`);
  await until(3);
  const { body, headers } = heard[2];
  for (const known of [first, new Webhook(secret)]) {
    assert.equal(known.verify(body, headers).type, "webhook.test");
  }
  assert.throws(() => first.verify(`${body} `, headers), WebhookVerificationError);
  const another = new Webhook(`whsec_${randomBytes(32).toString("base64")}`);
  assert.throws(() => another.verify(body, headers), WebhookVerificationError);
});
