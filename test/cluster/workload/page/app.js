"use strict";
// A single-page application: the Authorization Code flow with PKCE in the browser (RFC 7636), with nothing but the published ConfigMap.

const encode = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
const random = () => encode(crypto.getRandomValues(new Uint8Array(32)));
const decode = (token) => JSON.parse(atob(token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/")));
const redirectURI = (config) => config.redirect_uris.split("\n")[0];

async function signIn(config) {
  const attempt = { state: random(), nonce: random(), verifier: random() };
  sessionStorage.setItem("attempt", JSON.stringify(attempt));
  const challenge = encode(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(attempt.verifier)));
  location.assign(config.authorization_endpoint + "?" + new URLSearchParams({
    response_type: "code", client_id: config.client_id, redirect_uri: redirectURI(config),
    scope: "openid profile " + config.scope, state: attempt.state, nonce: attempt.nonce,
    code_challenge: challenge, code_challenge_method: "S256",
  }));
}

async function finish(config, answer) {
  const attempt = JSON.parse(sessionStorage.getItem("attempt"));
  sessionStorage.removeItem("attempt");
  if (answer.has("error")) throw new Error(answer.get("error") + ": " + answer.get("error_description"));
  if (!attempt || answer.get("state") !== attempt.state) throw new Error("the state is not the one that was sent");
  const response = await fetch(config.token_endpoint, {
    method: "POST",
    body: new URLSearchParams({
      grant_type: "authorization_code", client_id: config.client_id, redirect_uri: redirectURI(config),
      code: answer.get("code"), code_verifier: attempt.verifier,
    }),
  });
  const tokens = await response.json();
  if (!response.ok) throw new Error("the token endpoint answered " + response.status + " " + tokens.error);
  const id = decode(tokens.id_token);
  if (id.nonce !== attempt.nonce || id.aud !== config.client_id || id.iss !== config.authority) throw new Error("the ID token is not for this sign-in");
  const profile = await fetch(config.userinfo_endpoint, { headers: { Authorization: "Bearer " + tokens.access_token } });
  if (!profile.ok) throw new Error("the user info endpoint answered " + profile.status);
  sessionStorage.setItem("access_token", tokens.access_token); // for the test, which calls the API with it
  return { claims: decode(tokens.access_token), id, profile: await profile.json() };
}

async function main() {
  const config = await (await fetch("/config.json")).json();
  const answer = new URLSearchParams(location.search);
  if (answer.has("state")) {
    const result = document.getElementById("result");
    result.textContent = JSON.stringify(await finish(config, answer));
    result.hidden = false;
    return;
  }
  const button = document.getElementById("sign-in");
  button.addEventListener("click", () => signIn(config).catch(complain));
  button.disabled = false;
}

function complain(error) { document.getElementById("problem").textContent = error.message; }

main().catch(complain);
