// The same questions to the sandbox and to the vendor: what both answer alike is what Lapidary may rely on. The vendor is
// asked where STRIPE_TEST_SECRET_KEY is set (a test key, never a live one); without it that half says that it was skipped.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, describe, test } from "node:test";

import Stripe from "stripe";

import { startSandbox } from "./sandbox.mjs";

const sandbox = await startSandbox();
after(() => sandbox.stop());

const options = { maxNetworkRetries: 2, telemetry: false };
const { hostname: host, port, protocol } = new URL(sandbox.stripe_url);
const local = new Stripe(sandbox.stripe_secret_key, { ...options, host, port, protocol: protocol.replace(":", "") });
const key = process.env.STRIPE_TEST_SECRET_KEY;
if (key && !/^(sk|rk)_test_/.test(key)) throw new Error("STRIPE_TEST_SECRET_KEY is no test key: nothing is asked");

conforms("the sandbox", local);
conforms("the vendor", key ? new Stripe(key, options) : null);

function conforms(who, stripe) {
  const skip = stripe === null && "no STRIPE_TEST_SECRET_KEY in the environment: the vendor itself was not asked";
  const checkout = () => ({
    mode: "payment",
    success_url: "https://shop.example/thanks?session={CHECKOUT_SESSION_ID}",
    client_reference_id: randomUUID(),
    line_items: [{ quantity: 1, price_data: { currency: "usd", unit_amount: 499, product_data: { name: "400 gems" } } }],
  });

  describe(who, { skip }, () => {
    test("a payment page is open and unpaid, says our own reference, and is found again", async () => {
      const customer = await stripe.customers.create({ email: "conformance@example.com" });
      const asked = { ...checkout(), customer: customer.id, metadata: { purchase: "1" }, invoice_creation: { enabled: true } };
      const made = await stripe.checkout.sessions.create(asked);
      const seen = await stripe.checkout.sessions.retrieve(made.id, { expand: ["line_items", "payment_intent"] });
      assert.deepEqual(
        [seen.status, seen.payment_status, seen.amount_total, seen.currency, seen.livemode, seen.customer],
        ["open", "unpaid", 499, "usd", false, customer.id],
      );
      assert.deepEqual([seen.client_reference_id, seen.metadata], [asked.client_reference_id, { purchase: "1" }]);
      assert.equal(seen.line_items.data[0].amount_total, 499);
      assert.match(seen.url, /^https?:\/\//);
      const expired = await stripe.checkout.sessions.expire(made.id);
      assert.deepEqual([expired.status, expired.payment_status, expired.url], ["expired", "unpaid", null]);
      await assert.rejects(stripe.checkout.sessions.expire(made.id), Stripe.errors.StripeInvalidRequestError);
      assert.equal((await stripe.customers.del(customer.id)).deleted, true);
    });

    test("the same key is one page, and another request with it is an idempotency error", async () => {
      const [asked, idempotencyKey] = [checkout(), randomUUID()];
      const first = await stripe.checkout.sessions.create(asked, { idempotencyKey });
      const again = await stripe.checkout.sessions.create(asked, { idempotencyKey });
      assert.equal(again.id, first.id);
      assert.equal(again.lastResponse.headers["idempotent-replayed"], "true");
      const other = stripe.checkout.sessions.create({ ...asked, client_reference_id: "another" }, { idempotencyKey });
      await assert.rejects(other, Stripe.errors.StripeIdempotencyError);
      await stripe.checkout.sessions.expire(first.id);
    });

    test("what this release does not take is refused by name", async () => {
      for (const [wrong, about] of [
        [{ payment_method_types: ["card"] }, /payment_method_types/],
        [{ no_such_parameter: "1" }, /no_such_parameter/],
        [{ expires_at: Math.floor(Date.now() / 1000) + 60 }, /expires_at/],
        [{ customer: "cus_missing" }, /customer/],
      ]) {
        await assert.rejects(stripe.checkout.sessions.create({ ...checkout(), ...wrong }), (failure) => {
          assert.ok(failure instanceof Stripe.errors.StripeInvalidRequestError, String(failure));
          assert.match(`${failure.param} ${failure.message}`, about);
          return true;
        });
      }
    });

    test("what is not there is missing, and lists of nothing are empty lists", async () => {
      const missing = { code: "resource_missing", statusCode: 404 };
      await assert.rejects(stripe.checkout.sessions.retrieve("cs_test_missing"), missing);
      await assert.rejects(stripe.paymentIntents.retrieve("pi_missing"), missing);
      const since = { gte: Math.floor(Date.now() / 1000) + 3600 };
      for (const list of [stripe.events.list({ created: since, limit: 1 }), stripe.refunds.list({ created: since, limit: 1 })]) {
        const { object, data, has_more } = await list;
        assert.deepEqual([object, data, has_more], ["list", [], false]);
      }
    });

    test("an endpoint is pinned to this release and shows its secret once", async () => {
      const asked = {
        url: `https://shop.example/v1/stripe/webhook?${randomUUID()}`,
        enabled_events: ["checkout.session.completed", "refund.failed", "charge.dispute.funds_reinstated"],
        api_version: "2026-09-30.endive",
      };
      const made = await stripe.webhookEndpoints.create(asked);
      const seen = await stripe.webhookEndpoints.retrieve(made.id);
      await stripe.webhookEndpoints.del(made.id);
      assert.match(made.secret, /^whsec_/);
      assert.deepEqual([seen.api_version, seen.status, seen.secret], [asked.api_version, "enabled", undefined]);
    });
  });
}
