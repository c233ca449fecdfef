// The OpenID provider as openid-client sees it. It decides what a valid sign-in is.
import assert from "node:assert/strict";
import { after, afterEach, test } from "node:test";

import * as openid from "openid-client";

import { allow, deny } from "./browser.mjs";
import { APP, startSandbox } from "./sandbox.mjs";

const CALLBACK = `${APP}/v1/auth/google/callback`;

const sandbox = await startSandbox();
after(() => sandbox.stop());
afterEach(() => sandbox.clearFaults());

function discover(authentication = openid.ClientSecretPost()) {
  const { oidc_issuer, oidc_client_id, oidc_client_secret } = sandbox;
  // Non-repudiation: the id_token's signature is verified too, with the published keys.
  const execute = [openid.allowInsecureRequests, openid.enableNonRepudiationChecks];
  const metadata = { client_secret: oidc_client_secret };
  return openid.discovery(new URL(oidc_issuer), oidc_client_id, metadata, authentication, { execute });
}

/** One attempt to sign in, from the moment the person is sent away. */
async function begin(config, scope = "openid email profile") {
  const pkceCodeVerifier = openid.randomPKCECodeVerifier();
  const checks = { pkceCodeVerifier, expectedState: openid.randomState(), expectedNonce: openid.randomNonce() };
  const page = openid.buildAuthorizationUrl(config, {
    redirect_uri: CALLBACK,
    scope,
    state: checks.expectedState,
    nonce: checks.expectedNonce,
    code_challenge: await openid.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: "S256",
  });
  return { page, checks };
}

async function signIn(config, person, scope) {
  const { page, checks } = await begin(config, scope);
  const landing = await allow(page, person);
  return { landing, checks, tokens: await openid.authorizationCodeGrant(config, landing, checks) };
}

for (const [name, authentication] of [
  ["client_secret_post", openid.ClientSecretPost],
  ["client_secret_basic", openid.ClientSecretBasic],
]) {
  test(`discovery leads to a verified id_token with ${name}`, async () => {
    const config = await discover(authentication(sandbox.oidc_client_secret));
    const { landing, tokens } = await signIn(config, "Ada Lovelace");
    assert.equal(`${landing.origin}${landing.pathname}`, CALLBACK);
    const claims = tokens.claims();
    assert.equal(claims.iss, sandbox.oidc_issuer);
    assert.equal(claims.aud, sandbox.oidc_client_id);
    assert.match(claims.sub, /^\d{21}$/);
    assert.equal(claims.email, "ada.lovelace@example.test");
    assert.equal(claims.email_verified, true);
    assert.equal(claims.name, "Ada Lovelace");
    assert.ok(tokens.expiresIn() > 3000);
  });
}

test("userinfo tells the same person as the id_token, whose picture can be fetched", async () => {
  const config = await discover();
  const { tokens } = await signIn(config, "李清照");
  const claims = tokens.claims();
  const person = await openid.fetchUserInfo(config, tokens.access_token, claims.sub);
  assert.equal(person.name, "李清照");
  assert.equal(person.email, claims.email);
  const picture = await fetch(person.picture);
  assert.equal(picture.headers.get("content-type"), "image/png");
});

test("only what was asked for is told", async () => {
  const { tokens } = await signIn(await discover(), "Grace Hopper", "openid");
  const claims = tokens.claims();
  assert.equal(claims.email, undefined);
  assert.equal(claims.name, undefined);
});

test("the same person comes back with the same subject, another one with another", async () => {
  const config = await discover();
  const subject = async (person) => (await signIn(config, person)).tokens.claims().sub;
  assert.equal(await subject("Ada Lovelace"), await subject("ada.lovelace@example.test"));
  assert.notEqual(await subject("Ada Lovelace"), await subject("Grace Hopper"));
});

test("a person who denies is an access_denied to the client", async () => {
  const config = await discover();
  const { page, checks } = await begin(config);
  const landing = await deny(page);
  await assert.rejects(openid.authorizationCodeGrant(config, landing, checks), { error: "access_denied" });
});

test("a replayed code is an invalid_grant and closes what it opened", async () => {
  const config = await discover();
  const { landing, checks, tokens } = await signIn(config, "Ada Lovelace");
  const again = openid.authorizationCodeGrant(config, landing, checks);
  await assert.rejects(again, { error: "invalid_grant", status: 400 });
  await assert.rejects(openid.fetchUserInfo(config, tokens.access_token, tokens.claims().sub), (failure) => {
    assert.equal(failure.cause[0].parameters.error, "invalid_token");
    return true;
  });
});

test("a code is worth nothing without its verifier", async () => {
  const config = await discover();
  const { page, checks } = await begin(config);
  const landing = await allow(page, "Ada Lovelace");
  const stolen = { ...checks, pkceCodeVerifier: openid.randomPKCECodeVerifier() };
  await assert.rejects(openid.authorizationCodeGrant(config, landing, stolen), { error: "invalid_grant" });
});

test("a wrong client secret is a 401 that asks for another one", async () => {
  const config = await discover(openid.ClientSecretBasic("wrong"));
  const { page, checks } = await begin(config);
  const landing = await allow(page, "Ada Lovelace");
  const asked = openid.authorizationCodeGrant(config, landing, checks);
  await assert.rejects(asked, { code: "OAUTH_WWW_AUTHENTICATE_CHALLENGE", status: 401 });
});

for (const kind of ["wrong_iss", "wrong_aud", "wrong_nonce", "missing_nonce", "expired", "bad_signature",
  "unknown_kid", "alg_none", "alg_hs256"]) {
  test(`an id_token with ${kind} is refused by the client`, async () => {
    const config = await discover();
    await sandbox.setFault("oidc", kind);
    await assert.rejects(signIn(config, "Ada Lovelace"));
    assert.deepEqual(await sandbox.pendingFaults(), []);
    await signIn(config, "Ada Lovelace");
  });
}

for (const kind of ["wrong_state", "wrong_response_iss"]) {
  test(`a callback with ${kind} is refused by the client`, async () => {
    const config = await discover();
    await sandbox.setFault("oidc", kind);
    const { page, checks } = await begin(config);
    const landing = await allow(page, "Ada Lovelace");
    await assert.rejects(openid.authorizationCodeGrant(config, landing, checks), { code: "OAUTH_INVALID_RESPONSE" });
  });
}

test("userinfo of somebody else is refused by the client", async () => {
  const config = await discover();
  const { tokens } = await signIn(config, "Ada Lovelace");
  await sandbox.setFault("oidc", "userinfo_wrong_sub");
  await assert.rejects(openid.fetchUserInfo(config, tokens.access_token, tokens.claims().sub));
});

for (const kind of ["discovery_down", "discovery_issuer_mismatch", "junk_discovery"]) {
  test(`no client is made from a discovery with ${kind}`, async () => {
    await sandbox.setFault("oidc", kind);
    await assert.rejects(discover());
    assert.deepEqual(await sandbox.pendingFaults(), []);
    await discover();
  });
}
