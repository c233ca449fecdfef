// Stripe as its official SDK sees it: checkout, refunds, disputes, portal, events, errors by class, retries, signatures.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { after, afterEach, before, test } from "node:test";

import Stripe from "stripe";

import { startSandbox } from "./sandbox.mjs";

const sandbox = await startSandbox();
const api = new URL(sandbox.stripe_url);
const stripe = client();
const heard = [];
const listener = createServer((request, response) => {
  const pieces = [];
  request.on("data", (piece) => pieces.push(piece));
  request.on("end", () => {
    heard.push({ body: Buffer.concat(pieces), signature: request.headers["stripe-signature"] });
    response.end();
  });
});
let endpoint;

before(async () => {
  await new Promise((listens) => listener.listen(0, "127.0.0.1", listens));
  endpoint = await stripe.webhookEndpoints.create({
    url: `http://127.0.0.1:${listener.address().port}/hook`,
    enabled_events: ["checkout.session.completed", "refund.created", "charge.dispute.created"],
    api_version: "2026-10-28.endive",
  });
});
after(async () => {
  listener.closeAllConnections();
  listener.close();
  await sandbox.stop();
});
afterEach(() => sandbox.clearFaults());

function client(options = {}) {
  const { protocol, hostname: host, port } = api;
  const where = { protocol: protocol.replace(":", ""), host, port };
  return new Stripe(sandbox.stripe_secret_key, { ...where, maxNetworkRetries: 0, telemetry: false, ...options });
}

const checkout = {
  mode: "payment",
  success_url: "http://shop.test/thanks?session={CHECKOUT_SESSION_ID}",
  line_items: [
    { quantity: 1, price_data: { currency: "usd", unit_amount: 1999, product_data: { name: "1,800 gems" } } },
  ],
};

/** What a person, a bank or the operator does. */
async function act(act, id, more = {}) {
  const body = JSON.stringify({ act, id, ...more });
  const headers = { "content-type": "application/json" };
  const answer = await fetch(`${sandbox.stripe_url}/_control/acts`, { method: "POST", headers, body });
  assert.equal(answer.status, 200, await answer.clone().text());
  return answer.json();
}

async function paid(more = {}) {
  const session = await stripe.checkout.sessions.create({ ...checkout, ...more });
  return act("pay", session.id);
}

/** Waits for an event of a kind about an object. */
async function delivery(kind, about) {
  for (let tries = 0; tries < 200; tries += 1) {
    const found = heard.find(({ body }) => {
      const event = JSON.parse(body);
      return event.type === kind && event.data.object.id === about;
    });
    if (found) return found;
    await new Promise((wakes) => setTimeout(wakes, 25));
  }
  throw new Error(`${kind} of ${about} never came`);
}

test("the SDK speaks the release the sandbox answers in", async () => {
  const account = await stripe.accounts.retrieveCurrent();
  assert.equal(account.object, "account");
  assert.match(stripe.getApiField("version"), /\.endive$/);
  assert.match(account.lastResponse.requestId, /^req_/);
  assert.equal((await stripe.balance.retrieve()).object, "balance");
});

test("a checkout is made, paid on its page and read with everything in it", async () => {
  const customer = await stripe.customers.create({ email: "ada@example.test", metadata: { person: "1" } });
  const session = await stripe.checkout.sessions.create({
    ...checkout,
    customer: customer.id,
    client_reference_id: "purchase-1",
    invoice_creation: { enabled: true },
    payment_intent_data: { metadata: { purchase: "purchase-1" } },
  });
  assert.deepEqual([session.status, session.payment_status, session.amount_total], ["open", "unpaid", 1999]);
  const body = new URLSearchParams({ decision: "pay", email: "other@example.test" });
  const landing = await fetch(session.url, { method: "POST", body, redirect: "manual" });
  assert.equal(landing.headers.get("location"), `http://shop.test/thanks?session=${session.id}`);
  const expand = ["payment_intent.latest_charge", "line_items", "invoice", "customer"];
  const seen = await stripe.checkout.sessions.retrieve(session.id, { expand });
  assert.deepEqual([seen.status, seen.payment_status, seen.url], ["complete", "paid", null]);
  assert.equal(seen.customer_details.email, "other@example.test");
  assert.equal(seen.payment_intent.latest_charge.amount, 1999);
  assert.deepEqual(seen.payment_intent.metadata, { purchase: "purchase-1" });
  assert.equal(seen.line_items.data[0].description, "1,800 gems");
  assert.equal(seen.customer.email, "ada@example.test");
  assert.equal((await fetch(seen.invoice.hosted_invoice_url)).status, 200);
  assert.equal((await fetch(seen.payment_intent.latest_charge.receipt_url)).status, 200);
  const again = await stripe.invoices.retrieve(seen.invoice.id);
  assert.equal(again.status, "paid");
});

test("refunds add up, are listed page by page, and end at the charge", async () => {
  const { payment_intent } = await paid();
  for (const amount of [600, 600]) await stripe.refunds.create({ payment_intent, amount });
  await assert.rejects(stripe.refunds.create({ payment_intent, amount: 800 }), (failure) => {
    assert.ok(failure instanceof Stripe.errors.StripeInvalidRequestError);
    assert.deepEqual([failure.statusCode, failure.param], [400, "amount"]);
    return true;
  });
  await stripe.refunds.create({ payment_intent });
  const amounts = [];
  for await (const refund of stripe.refunds.list({ payment_intent, limit: 1 })) amounts.push(refund.amount);
  assert.deepEqual(amounts, [799, 600, 600]);
  await assert.rejects(stripe.refunds.create({ payment_intent }), { code: "charge_already_refunded" });
});

test("a dispute shows what was withdrawn and what came back", async () => {
  const { payment_intent } = await paid();
  const dispute = await act("dispute", payment_intent);
  const amounts = async () => {
    const list = await stripe.disputes.list({ payment_intent });
    return list.data[0].balance_transactions.map((moved) => moved.amount);
  };
  assert.deepEqual(await amounts(), [-1999]);
  await act("dispute_won", dispute.id);
  assert.deepEqual(await amounts(), [-1999, 1999]);
  assert.equal((await stripe.disputes.retrieve(dispute.id)).status, "won");
});

test("the portal opens for a customer and for nobody else", async () => {
  const customer = await stripe.customers.create({ email: "grace@example.test" });
  const portal = await stripe.billingPortal.sessions.create({ customer: customer.id, return_url: "http://shop.test" });
  assert.match(await (await fetch(portal.url)).text(), /grace@example\.test/);
  await stripe.customers.del(customer.id);
  assert.equal((await stripe.customers.retrieve(customer.id)).deleted, true);
  await assert.rejects(stripe.billingPortal.sessions.create({ customer: customer.id }), { code: "resource_missing" });
});

test("a delivery passes constructEvent, and fails with another secret or another body", async () => {
  const session = await paid({ client_reference_id: "purchase-2" });
  const { body, signature } = await delivery("checkout.session.completed", session.id);
  const event = stripe.webhooks.constructEvent(body, signature, endpoint.secret);
  assert.equal(event.data.object.client_reference_id, "purchase-2");
  assert.equal(event.livemode, false);
  const wrong = Stripe.errors.StripeSignatureVerificationError;
  assert.throws(() => stripe.webhooks.constructEvent(body, signature, "whsec_other"), wrong);
  const again = JSON.stringify(JSON.parse(body));
  assert.throws(() => stripe.webhooks.constructEvent(again, signature, endpoint.secret), wrong);
});

for (const kind of ["webhook_bad_signature", "webhook_old_timestamp"]) {
  test(`${kind} does not pass constructEvent`, async () => {
    const { payment_intent } = await paid();
    await sandbox.setFault("stripe", kind, { times: 0, value: { event: "refund.created" } });
    const refund = await stripe.refunds.create({ payment_intent });
    const { body, signature } = await delivery("refund.created", refund.id);
    assert.throws(
      () => stripe.webhooks.constructEvent(body, signature, endpoint.secret),
      Stripe.errors.StripeSignatureVerificationError,
    );
  });
}

test("events are caught up with by kind and time", async () => {
  const since = Math.floor(Date.now() / 1000);
  const { payment_intent } = await paid();
  const refund = await stripe.refunds.create({ payment_intent, amount: 5 });
  const types = ["refund.created", "checkout.session.completed"];
  const events = await stripe.events.list({ types, created: { gte: since }, limit: 2 });
  assert.deepEqual(events.data.map((event) => event.type), types);
  assert.equal((await stripe.events.retrieve(events.data[0].id)).data.object.id, refund.id);
});

test("the same key is one request, and another request with it is an idempotency error", async () => {
  const idempotencyKey = randomUUID();
  const first = await stripe.checkout.sessions.create(checkout, { idempotencyKey });
  const again = await stripe.checkout.sessions.create(checkout, { idempotencyKey });
  assert.equal(again.id, first.id);
  assert.equal(again.lastResponse.headers["idempotent-replayed"], "true");
  const other = stripe.checkout.sessions.create({ ...checkout, client_reference_id: "x" }, { idempotencyKey });
  await assert.rejects(other, Stripe.errors.StripeIdempotencyError);
});

test("a client that retries gets its session once, whatever became of the first answer", async () => {
  for (const kind of ["server_error", "lock_conflict", "answer_lost"]) {
    await sandbox.setFault("stripe", kind);
    const client_reference_id = randomUUID();
    const session = await client({ maxNetworkRetries: 2 }).checkout.sessions.create({ ...checkout, client_reference_id });
    const all = await stripe.checkout.sessions.list({ limit: 100 });
    const made = all.data.filter((one) => one.client_reference_id === client_reference_id);
    assert.deepEqual(made.map((one) => one.id), [session.id], kind);
  }
});

const { errors } = Stripe;
for (const [what, type, ask] of [
  ["a wrong key", errors.StripeAuthenticationError, () => wrongKey().balance.retrieve()],
  ["an unknown id", errors.StripeInvalidRequestError, () => stripe.refunds.retrieve("re_x")],
  ["payment_method_types", errors.StripeInvalidRequestError, () => old({ payment_method_types: ["card"] })],
  ["an old ui_mode", errors.StripeInvalidRequestError, () => old({ ui_mode: "hosted" })],
  ["a customer and an e-mail", errors.StripeInvalidRequestError, () => old({ customer: "cus_x", customer_email: "a@b.test" })],
  ["an old version", errors.StripeInvalidRequestError, () => client({ apiVersion: "2026-03-25.dahlia" }).balance.retrieve()],
]) {
  test(`${what} is a ${type.name}`, async () => {
    await assert.rejects(ask(), type);
  });
}

function wrongKey() {
  const { protocol, hostname: host, port } = api;
  return new Stripe("sk_test_wrong", { protocol: protocol.replace(":", ""), host, port, maxNetworkRetries: 0 });
}

function old(params) {
  return stripe.checkout.sessions.create({ ...checkout, ...params });
}

for (const [kind, type] of [["rate_limited", errors.StripeRateLimitError], ["server_error", errors.StripeAPIError]]) {
  test(`${kind} is a ${type.name}`, async () => {
    await sandbox.setFault("stripe", kind);
    await assert.rejects(stripe.balance.retrieve(), type);
  });
}

test("a silent vendor is a connection error", async () => {
  await sandbox.setFault("stripe", "hang");
  await assert.rejects(client({ timeout: 200 }).balance.retrieve(), errors.StripeConnectionError);
});
