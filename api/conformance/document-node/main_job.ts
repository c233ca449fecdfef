// Compiled strictly beside the generated client, and run: what a caller would write. Prints what it saw as JSON.
import { createClient } from "./client/client";
import { createGeneration, createQuote, getGems, getGeneration, getImage } from "./client";

async function main(baseUrl: string, key: string) {
  const client = createClient({ baseUrl, auth: key, throwOnError: true });
  const before = (await getGems({ client, throwOnError: true })).data.remaining;
  const body = { prompt: "A fox crossing a frozen river", quality: "low" };
  const price = (await createQuote({ client, body, throwOnError: true })).data.price_gems;
  const headers = { "Idempotency-Key": "a fox" };
  let generation = (await createGeneration({ client, body, headers, throwOnError: true })).data;
  while (generation.status === "queued" || generation.status === "running") {
    await new Promise((resume) => setTimeout(resume, 100));
    generation = (await getGeneration({ client, path: { id: generation.id }, throwOnError: true })).data;
  }
  const [image] = generation.images;
  if (image === undefined) throw new Error(`no image: ${generation.status}`);
  const bytes = new Uint8Array(await (await fetch(image.url)).arrayBuffer());
  const after = (await getGems({ client, throwOnError: true })).data.remaining;
  const missing = { id: "019ac0de-0000-7000-8000-000000000000" };
  const refused = await getImage({ client, path: missing, throwOnError: false });
  const paid = before - after;
  const seen = { status: generation.status, price, paid, first: [...bytes.slice(0, 4)], refused: refused.error?.type };
  console.log(JSON.stringify(seen));
}

main(process.argv[2] ?? "", process.argv[3] ?? "").catch((why) => {
  console.error(why);
  process.exitCode = 1;
});
