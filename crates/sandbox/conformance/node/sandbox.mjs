// Starts the program `sandbox` for one file of tests and ends it by closing its standard input.
// Knows addresses and faults; must know nothing of any vendor's protocol.
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** Where the app would be: identity vendors send people back there only. Nothing listens there. */
export const APP = "http://localhost:18080";

function program() {
  if (process.env.SANDBOX_BIN) return process.env.SANDBOX_BIN;
  const built = process.env.LAPIDARY_TARGET ?? fileURLToPath(new URL("../../../../target/debug", import.meta.url));
  return join(built, "sandbox");
}

export async function startSandbox() {
  // No mkdtemp: as root the database runs as another account, which must be able to reach its folder.
  const data = join(tmpdir(), `sandbox-conformance-${randomUUID()}`);
  await mkdir(data);
  // The ports at the very end: what is taken, and what lies beyond, becomes any free port.
  const options = ["--public-url", APP, "--port-base", "65530", "--until-stdin-closes", "--fast"];
  const child = spawn(program(), ["--data", data, ...options], { stdio: ["pipe", "pipe", "pipe"] });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text) => (said += text));
  const ended = once(child, "close");
  const line = await Promise.race([
    once(createInterface({ input: child.stdout }), "line").then(([line]) => line),
    ended.then(() => Promise.reject(new Error(`the sandbox did not start: ${said}`))),
  ]);
  const addresses = JSON.parse(line);
  const faults = `${addresses.control_url}/faults`;
  return {
    ...addresses,

    async setFault(vendor, kind, more = {}) {
      const body = JSON.stringify({ vendor, kind, ...more });
      const answer = await fetch(faults, { method: "POST", headers: { "content-type": "application/json" }, body });
      if (answer.status !== 201) throw new Error(`fault ${kind}: ${answer.status} ${await answer.text()}`);
    },

    /** Faults that have not struck yet. */
    async pendingFaults() {
      return (await fetch(faults)).json();
    },

    async clearFaults() {
      await fetch(faults, { method: "DELETE" });
    },

    async stop() {
      child.stdin.end();
      const [code] = await ended;
      await rm(data, { recursive: true, force: true });
      if (code !== 0) throw new Error(`the sandbox ended with ${code}: ${said}`);
    },
  };
}
