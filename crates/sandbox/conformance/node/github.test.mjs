// GitHub's web flow as its own client (Octokit) and as a general OAuth client with PKCE see it.
import assert from "node:assert/strict";
import { after, afterEach, test } from "node:test";

import { exchangeWebFlowCode, getWebFlowAuthorizationUrl } from "@octokit/oauth-methods";
import { request } from "@octokit/request";
import * as openid from "openid-client";

import { allow, deny } from "./browser.mjs";
import { APP, startSandbox } from "./sandbox.mjs";

const CALLBACK = `${APP}/v1/auth/github/callback`;

const sandbox = await startSandbox();
after(() => sandbox.stop());
afterEach(() => sandbox.clearFaults());

const web = request.defaults({ baseUrl: sandbox.github_url });
const api = request.defaults({ baseUrl: sandbox.github_api_url });
const app = { clientType: "oauth-app", clientId: sandbox.github_client_id, redirectUrl: CALLBACK, request: web };

async function signIn(person, scopes = ["read:user", "user:email"]) {
  const { url } = getWebFlowAuthorizationUrl({ ...app, scopes, state: "a-state" });
  const landing = await allow(url, person);
  assert.equal(`${landing.origin}${landing.pathname}`, CALLBACK);
  assert.equal(landing.searchParams.get("state"), "a-state");
  return landing.searchParams.get("code");
}

function exchange(code, more = {}) {
  return exchangeWebFlowCode({ ...app, clientSecret: sandbox.github_client_secret, code, ...more });
}

function as(token) {
  return { headers: { authorization: `bearer ${token}`, "x-github-api-version": "2022-11-28" } };
}

test("Octokit signs a person in and reads profile and addresses", async () => {
  const { authentication } = await exchange(await signIn("Ada Lovelace"));
  assert.match(authentication.token, /^gho_/);
  const { data: user, headers } = await api("GET /user", as(authentication.token));
  assert.equal(user.login, "ada-lovelace");
  assert.equal(user.name, "Ada Lovelace");
  assert.ok(Number.isSafeInteger(user.id));
  assert.equal(headers["x-oauth-scopes"], "read:user, user:email");
  const { data: emails } = await api("GET /user/emails", as(authentication.token));
  const primary = emails.find((email) => email.primary);
  assert.deepEqual([primary.email, primary.verified], ["ada.lovelace@example.test", true]);
});

test("the account id stays when the login is renamed", async () => {
  const { authentication } = await exchange(await signIn("Grace Hopper"));
  const before = await api("GET /user", as(authentication.token));
  await sandbox.setFault("github", "renamed_login");
  const renamed = await api("GET /user", as(authentication.token));
  assert.notEqual(renamed.data.login, before.data.login);
  assert.equal(renamed.data.id, before.data.id);
});

test("addresses are 404 without their scope", async () => {
  const { authentication } = await exchange(await signIn("Ada Lovelace", ["read:user"]));
  await assert.rejects(api("GET /user/emails", as(authentication.token)), { status: 404 });
});

test("a used code is told with status 200 and an error that Octokit throws", async () => {
  const code = await signIn("Ada Lovelace");
  await exchange(code);
  await assert.rejects(exchange(code), (failure) => {
    assert.equal(failure.response.status, 200);
    assert.equal(failure.response.data.error, "bad_verification_code");
    return true;
  });
});

test("a wrong secret is incorrect_client_credentials", async () => {
  const code = await signIn("Ada Lovelace");
  await assert.rejects(exchange(code, { clientSecret: "wrong" }), /incorrect_client_credentials/);
});

test("a token that is not one is Bad credentials, and no token is Requires authentication", async () => {
  await assert.rejects(api("GET /user", as("gho_nobody")), { status: 401, message: /Bad credentials/ });
  await assert.rejects(api("GET /user"), { status: 401, message: /Requires authentication/ });
});

test("a person who denies is sent back with access_denied", async () => {
  const { url } = getWebFlowAuthorizationUrl({ ...app, scopes: [], state: "a-state" });
  const landing = await deny(url);
  assert.equal(landing.searchParams.get("error"), "access_denied");
  assert.equal(landing.searchParams.get("state"), "a-state");
});

test("a rate limit is the 403 that Octokit knows it by", async () => {
  const { authentication } = await exchange(await signIn("Ada Lovelace"));
  await sandbox.setFault("github", "rate_limited");
  await assert.rejects(api("GET /user", as(authentication.token)), (failure) => {
    assert.equal(failure.status, 403);
    assert.equal(failure.response.headers["x-ratelimit-remaining"], "0");
    return true;
  });
});

function oauthClient() {
  const server = {
    issuer: sandbox.github_url,
    authorization_endpoint: `${sandbox.github_url}/login/oauth/authorize`,
    token_endpoint: `${sandbox.github_url}/login/oauth/access_token`,
  };
  const authentication = openid.ClientSecretPost(sandbox.github_client_secret);
  const config = new openid.Configuration(server, sandbox.github_client_id, undefined, authentication);
  openid.allowInsecureRequests(config);
  return config;
}

async function beginWithPkce(config) {
  const checks = { pkceCodeVerifier: openid.randomPKCECodeVerifier(), expectedState: openid.randomState() };
  const page = openid.buildAuthorizationUrl(config, {
    redirect_uri: CALLBACK,
    scope: "user:email",
    state: checks.expectedState,
    code_challenge: await openid.calculatePKCECodeChallenge(checks.pkceCodeVerifier),
    code_challenge_method: "S256",
  });
  return { landing: await allow(page, "Telkes Mária"), checks };
}

test("a general OAuth client signs in with PKCE", async () => {
  const config = oauthClient();
  const { landing, checks } = await beginWithPkce(config);
  const tokens = await openid.authorizationCodeGrant(config, landing, checks);
  assert.equal(tokens.token_type, "bearer");
  const { data: user } = await api("GET /user", as(tokens.access_token));
  assert.equal(user.name, "Telkes Mária");
});

test("a code that was bound to a verifier is worth nothing without it", async () => {
  const config = oauthClient();
  const stolen = await beginWithPkce(config);
  await assert.rejects(exchange(stolen.landing.searchParams.get("code")), /bad_verification_code/);
  const { landing, checks } = await beginWithPkce(config);
  const guessed = { ...checks, pkceCodeVerifier: openid.randomPKCECodeVerifier() };
  // An error in a 200 is no OAuth error to a client that keeps to the standard, but no token either.
  await assert.rejects(openid.authorizationCodeGrant(config, landing, guessed), (failure) => {
    assert.equal(failure.cause.cause.body.error, "bad_verification_code");
    return true;
  });
});
