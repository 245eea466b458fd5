// Gets tokens for a service whose Secret is mounted as a directory. Node.js 18 or later, no dependencies.
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

// TokenSource reads the files whenever a token is needed, and tries client_secret_next where client_secret is refused.
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
    const secrets = [files.client_secret];
    if (files.client_secret_next) secrets.push(files.client_secret_next); // announced: the server may know it already
    let refused;
    for (const secret of secrets) {
      const body = new URLSearchParams({ grant_type: 'client_credentials', client_id: files.client_id, client_secret: secret });
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
    for (const name of ['client_id', 'client_secret', 'client_secret_next', 'token_endpoint']) {
      const path = join(directory, name);
      if (name === 'client_secret_next' && !existsSync(path)) continue;
      files[name] = readFileSync(path, 'utf8').trim();
    }
    return files;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    console.log(await new TokenSource(process.argv[2]).accessToken());
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  }
}
