// Starts the programs `sandbox` and `lapidary` for one file of tests, signs people in as a browser would and makes them an API
// key; ends all of it by closing the sandbox's standard input. Also a proxy that breaks connections off.
// Knows nothing of OpenAI's wire.
import { execFile, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdir, rm } from "node:fs/promises";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const SETTINGS = {
  DATABASE_URL: "database_url",
  S3_ENDPOINT: "s3_endpoint",
  S3_PUBLIC_ENDPOINT: "s3_endpoint",
  S3_REGION: "s3_region",
  S3_BUCKET: "s3_bucket",
  S3_ACCESS_KEY_ID: "s3_access_key",
  S3_SECRET_ACCESS_KEY: "s3_secret_key",
  GITHUB_URL: "github_url",
  GITHUB_API_URL: "github_api_url",
  GITHUB_CLIENT_ID: "github_client_id",
  GITHUB_CLIENT_SECRET: "github_client_secret",
  OPENAI_BASE_URL: "openai_base_url",
  OPENAI_API_KEY: "openai_api_key",
};
const SCOPES = ["generations:write", "generations:read", "images:read", "gems:read"];

function program(name) {
  const built = process.env.LAPIDARY_TARGET ?? fileURLToPath(new URL("../../../target/debug", import.meta.url));
  return join(built, name);
}

async function freePort() {
  const server = net.createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

export async function startLapidary(settings = {}) {
  // No mkdtemp: as root the database runs as another account, which must be able to reach its folder.
  const data = join(tmpdir(), `lapidary-conformance-${randomUUID()}`);
  await mkdir(data);
  const port = await freePort();
  const url = `http://localhost:${port}`;
  let said = "";
  const hear = (child) => child.stderr.setEncoding("utf8").on("data", (text) => (said = (said + text).slice(-4000)));
  const options = ["--public-url", url, "--port-base", "65530", "--until-stdin-closes", "--fast"];
  const sandbox = spawn(program("sandbox"), ["--data", data, ...options], { stdio: ["pipe", "pipe", "pipe"] });
  hear(sandbox);
  const sandboxEnded = once(sandbox, "close");
  const line = await Promise.race([
    once(createInterface({ input: sandbox.stdout }), "line").then(([line]) => line),
    sandboxEnded.then(() => Promise.reject(new Error(`the sandbox did not start: ${said}`))),
  ]);
  const vendors = JSON.parse(line);
  const env = {
    ...process.env,
    PUBLIC_URL: url,
    LISTEN: `127.0.0.1:${port}`,
    MASTER_KEY: "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
    S3_FORCE_PATH_STYLE: "true",
    ...Object.fromEntries(Object.entries(SETTINGS).map(([ours, theirs]) => [ours, vendors[theirs]])),
    ...settings,
  };
  await promisify(execFile)(program("lapidary"), ["migrate"], { env });
  const server = spawn(program("lapidary"), ["serve"], { env, stdio: ["ignore", "ignore", "pipe"] });
  hear(server);
  const serverEnded = once(server, "close");
  const isReady = () => fetch(`${url}/health/ready`).then((answer) => answer.ok, () => false);
  await until(isReady, () => `the server did not become ready: ${said}`);
  const faults = `${vendors.control_url}/faults`;
  return {
    url,
    port,

    person: (name) => signIn(url, name),

    async setFault(kind, more = {}) {
      const body = JSON.stringify({ vendor: "openai", kind, ...more });
      const answer = await fetch(faults, { method: "POST", headers: { "content-type": "application/json" }, body });
      if (answer.status !== 201) throw new Error(`fault ${kind}: ${answer.status} ${await answer.text()}`);
    },

    async clearFaults() {
      await fetch(faults, { method: "DELETE" });
    },

    async stop() {
      server.kill("SIGINT");
      await serverEnded;
      sandbox.stdin.end();
      await sandboxEnded;
      await rm(data, { recursive: true, force: true });
    },
  };
}

async function until(holds, complaint) {
  const endsAt = Date.now() + 120_000;
  while (!(await holds())) {
    if (Date.now() > endsAt) throw new Error(complaint());
    await pause(50);
  }
}

/** Through the provider's own page; 13 or older, with an API key. */
async function signIn(url, name) {
  const jar = new Map();
  async function go(address, options = {}) {
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join("; ");
    const ours = address.startsWith(url) && cookie ? { cookie } : {};
    const answer = await fetch(address, { redirect: "manual", ...options, headers: { ...options.headers, ...ours } });
    if (address.startsWith(url)) {
      for (const set of answer.headers.getSetCookie()) {
        const [, name, value] = set.match(/^([^=]+)=([^;]*)/);
        jar.set(name, value);
      }
    }
    return answer;
  }
  const login = await go(`${url}/v1/auth/github/login?return_to=/studio`);
  const authorize = new URL(login.headers.get("location"));
  const form = new URLSearchParams(authorize.search);
  form.append("person", name);
  form.append("decision", "allow");
  authorize.search = "";
  const consented = await go(authorize.href, { method: "POST", body: form });
  await go(consented.headers.get("location"));
  const refreshed = await go(`${url}/v1/auth/refresh`, {
    method: "POST", headers: { "X-Lapidary-Refresh": "1", Origin: url },
  });
  const { access_token: token } = await refreshed.json();
  async function ask(method, path, body) {
    const headers = { authorization: `Bearer ${token}`, ...(body && { "content-type": "application/json" }) };
    const answer = await fetch(`${url}${path}`, { method, headers, body: body && JSON.stringify(body) });
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return answer.json();
  }
  await ask("PATCH", "/v1/me", { age_confirmed: true });
  const { key } = await ask("POST", "/v1/me/api-keys", { name: "conformance", scopes: SCOPES });
  return {
    key,
    remaining: async () => (await ask("GET", "/v1/gems")).remaining,
    generations: async () => (await ask("GET", "/v1/generations")).data,
  };
}

/**
 * In front of the server. Its first connections reach it and get no answer: broken off when `holds` does, or, without it, kept
 * silent until the client itself gives up; where `holds` is "begun", broken off after the first piece of the answer's body. All
 * later ones pass.
 */
export async function startProxy(port, broken, holds) {
  const proxy = { seen: 0 };
  const open = new Set();
  const listener = net.createServer(async (client) => {
    proxy.seen += 1;
    const passes = proxy.seen > broken;
    const server = net.connect(port, "127.0.0.1");
    for (const [end, other] of [[client, server], [server, client]]) {
      open.add(end);
      end.on("error", () => {}).on("close", () => {
        open.delete(end);
        other.destroy();
      });
    }
    client.pipe(server);
    if (passes) {
      server.pipe(client);
    } else if (holds === "begun") {
      let told = "";
      server.on("data", (data) => {
        told += data.toString("latin1");
        // Head, then a first piece with its length before it.
        const [head, body] = told.split(/(?<=\r\n\r\n)(.*)/s);
        const pieces = (body ?? "").split("\r\n");
        if (pieces.length < 3) return;
        server.pause();
        client.write(Buffer.from(`${head}${pieces[0]}\r\n${pieces[1]}\r\n`, "latin1"), () => client.end());
      });
    } else {
      server.resume();
      if (holds) await until(holds, () => "what should hold never did").then(() => client.destroy());
    }
  });
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  proxy.url = `http://127.0.0.1:${listener.address().port}`;
  proxy.stop = () => {
    for (const end of open) end.destroy();
    listener.close();
  };
  return proxy;
}
