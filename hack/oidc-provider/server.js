// A real oidc-provider on loopback, with dynamic registration, and a control port for what happens behind its back.
//
//   node server.js PORT CONTROL_PORT CERT_FILE KEY_FILE INITIAL_ACCESS_TOKEN [WITHOUT...]
//
// WITHOUT is a feature that this server lacks: management (RFC 7592), or logout, whose metadata it leaves out of registrations.
import { readFileSync } from 'node:fs';
import { createServer as createPlain } from 'node:http';
import { createServer } from 'node:https';

import { Provider } from 'oidc-provider';

const [port, controlPort, cert, key, initialAccessToken, ...without] = process.argv.slice(2);
const issuer = `https://127.0.0.1:${port}`;

// Everything that the provider stores, by kind and id. It never expires within a test.
const stores = {};
class Memory {
  constructor(name) {
    stores[name] ??= new Map();
    this.store = stores[name];
  }

  async upsert(id, payload) { this.store.set(id, payload); }

  async find(id) { return this.store.get(id); }

  async findByUserCode() { return undefined; }

  async findByUid(uid) { return [...this.store.values()].find((stored) => stored.uid === uid); }

  async consume(id) { const found = this.store.get(id); if (found) found.consumed = Math.floor(Date.now() / 1000); }

  async destroy(id) { this.store.delete(id); }

  async revokeByGrantId() {}
}

const provider = new Provider(issuer, {
  adapter: Memory,
  scopes: ['openid', 'offline_access', 'read', 'update'],
  features: {
    devInteractions: { enabled: true },
    clientCredentials: { enabled: true },
    introspection: { enabled: true },
    registration: { enabled: true, initialAccessToken, issueRegistrationAccessToken: !without.includes('management') },
    registrationManagement: { enabled: !without.includes('management'), rotateRegistrationAccessToken: true },
    rpInitiatedLogout: { enabled: !without.includes('logout') },
  },
  clientDefaults: { id_token_signed_response_alg: 'RS256' },
  jwks: undefined,
  cookies: { keys: ['of-a-test'] },
});
provider.on('server_error', (ctx, err) => console.error(err.stack));

createServer({ cert: readFileSync(cert), key: readFileSync(key) }, provider.callback()).listen(Number(port), '127.0.0.1');

// GET /ready; GET and DELETE /clients; GET, PATCH and DELETE /clients/ID.
createPlain(async (req, res) => {
  const clients = stores.Client ?? new Map();
  const [, kind, id] = req.url.split('/').map(decodeURIComponent);
  const answer = (status, body) => { res.writeHead(status, { 'content-type': 'application/json' }); res.end(JSON.stringify(body ?? {})); };
  if (kind === 'ready') return answer(200);
  if (kind === 'clients' && !id && req.method === 'GET') return answer(200, [...clients.values()]);
  if (kind === 'clients' && !id && req.method === 'DELETE') { clients.clear(); return answer(200); }
  if (kind !== 'clients' || !clients.has(id)) return answer(404);
  if (req.method === 'DELETE') { clients.delete(id); return answer(200); }
  if (req.method === 'PATCH') {
    let text = '';
    for await (const chunk of req) text += chunk;
    clients.set(id, { ...clients.get(id), ...JSON.parse(text) });
  }
  return answer(200, clients.get(id));
}).listen(Number(controlPort), '127.0.0.1');
