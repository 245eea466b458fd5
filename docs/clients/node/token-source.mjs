// Gets tokens for a service whose Secret is mounted as a directory. Node.js 18 or later, no dependencies.
import { createPrivateKey, randomUUID, sign } from 'node:crypto';
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

// TokenSource reads the files whenever a token is needed, and tries client_secret_next where client_secret is refused. An application with a key
// (method PrivateKeyJWT) signs an assertion instead (RFC 7523).
export class TokenSource {
  #directory;
  #token;
  #expires = 0;

  constructor(directory) {
    this.#directory = directory;
  }

  async accessToken() {
    if (Date.now() >= this.#expires) {
      const got = await this.#request();
      this.#token = got.access_token;
      this.#expires = Date.now() + ((got.expires_in ?? 0) - 30) * 1000;
    }
    return this.#token;
  }

  async #request() {
    const files = this.#read();
    const proofs = files.private_key
      ? [{ client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer', client_assertion: assertion(files) }]
      : [{ client_secret: files.client_secret }];
    if (files.client_secret_next) proofs.push({ client_secret: files.client_secret_next }); // announced: the server may know it already
    let refused;
    for (const proof of proofs) {
      const body = new URLSearchParams({ grant_type: 'client_credentials', client_id: files.client_id, ...proof });
      const answer = await fetch(files.token_endpoint, { method: 'POST', body, signal: AbortSignal.timeout(30_000) });
      const got = await answer.json();
      if (answer.ok) return got;
      refused = new Error(`getting a token: HTTP ${answer.status}, ${got.error}`);
      if (got.error !== 'invalid_client') break; // another secret would not help
    }
    throw refused;
  }

  #read() {
    // The kubelet changes over to the next refresh by moving the link ..data: what is read through one resolved path belongs together.
    const link = join(this.#directory, '..data');
    const directory = existsSync(link) ? realpathSync(link) : this.#directory;
    const files = {};
    for (const name of ['client_id', 'client_secret', 'client_secret_next', 'private_key', 'key_id', 'token_endpoint']) {
      const path = join(directory, name);
      if (!['client_id', 'token_endpoint'].includes(name) && !existsSync(path)) continue; // a secret or a key, not both
      files[name] = readFileSync(path, 'utf8').trim();
    }
    return files;
  }
}

function assertion({ client_id, private_key, key_id, token_endpoint }) {
  const key = createPrivateKey(private_key);
  const now = Math.floor(Date.now() / 1000);
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const header = { alg: key.asymmetricKeyType === 'ec' ? 'ES256' : 'RS256', typ: 'JWT', kid: key_id };
  const claims = { iss: client_id, sub: client_id, aud: token_endpoint, jti: randomUUID(), iat: now, exp: now + 60 };
  const text = `${part(header)}.${part(claims)}`;
  return `${text}.${sign('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    console.log(await new TokenSource(process.argv[2]).accessToken());
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  }
}
