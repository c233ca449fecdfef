// openapi.json through a well-known generator: its TypeScript compiles under `strict`, and does the main job.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { copyFile, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { startLapidary } from "../openai-node/lapidary.mjs";

const run = promisify(execFile);
const here = fileURLToPath(new URL(".", import.meta.url));
const COMPILER = {
  strict: true, target: "es2022", module: "commonjs", moduleResolution: "node10", lib: ["es2022", "dom", "dom.iterable"],
  types: ["node"], outDir: "out",
};

test("a generated TypeScript client compiles strictly and does the main job", async () => {
  const app = await startLapidary();
  const folder = await mkdtemp(join(tmpdir(), "lapidary-document-"));
  try {
    const document = join(folder, "openapi.json");
    await writeFile(document, await (await fetch(`${app.url}/openapi.json`)).text());
    const bin = (name) => join(here, "node_modules/.bin", name);
    await run(bin("openapi-ts"), ["-i", document, "-o", join(folder, "client"), "-c", "@hey-api/client-fetch"], { cwd: here });
    await copyFile(join(here, "main_job.ts"), join(folder, "main_job.ts"));
    await symlink(join(here, "node_modules"), join(folder, "node_modules"));
    await writeFile(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions: COMPILER, files: ["main_job.ts"] }));
    await run(bin("tsc"), ["-p", folder]).catch((why) => assert.fail(why.stdout));
    const { key } = await app.person("Ada Lovelace");
    const { stdout } = await run(process.execPath, [join(folder, "out/main_job.js"), app.url, key]);
    const seen = JSON.parse(stdout);
    assert.deepEqual(seen, {
      status: "succeeded", price: seen.price, paid: seen.price, first: [0x89, 0x50, 0x4e, 0x47], refused: "/problems/not-found",
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
    await app.stop();
  }
});
