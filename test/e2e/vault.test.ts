import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { objectClientContract } from '../../src/archive/objects/object-client.contract.ts';
import type { ObjectServer } from '../../src/archive/objects/object-servers.fixture.ts';
import { openOxbowClient } from '../../src/archive/objects/oxbow-client.ts';
import { openFolder, runOxbow, type Server, startPlainServer } from '../fixtures/server.ts';

const SECRET = 'a-secret-of-a-vault-for-tests';

/** A server with a vault, in a folder that goes with it. */
async function startVault(): Promise<ObjectServer & { readonly server: Server }> {
  const opened = new AsyncDisposableStack();
  const folder = opened.use(await openFolder('vault'));
  const path = join(folder.path, 'vault');
  await mkdir(path);
  const args = ['--vault-folder', path, '--vault-secret', SECRET];
  const server = opened.use(await startPlainServer({ data: join(folder.path, 'data'), args, sample: false }));
  const { port } = new URL(server.url);
  const endpointOf = (other: number) => `http://127.0.0.1:${other}`;
  return {
    server,
    port: Number(port),
    target: (other = Number(port)) => ({ type: 'oxbow', endpoint: endpointOf(other), vaultSecret: SECRET }),
    client: async (other = Number(port)) => openOxbowClient({ endpoint: endpointOf(other), secret: SECRET }),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

objectClientContract('the vault of another oxbow', startVault, {
  tagsParts: false,
  sendsParts: false,
  presigns: false,
});

suite('a vault', () => {
  test('is open only to those who have its secret', async () => {
    await using vault = await startVault();
    const { server } = vault;
    const paths = ['/api/v1/vault', '/api/v1/vault/objects?prefix=&after=', '/api/v1/vault/head?key=a'];
    for (const path of paths) {
      assert.equal((await server.fetch(path)).status, 403, path);
      assert.equal((await server.fetch(path, { headers: { 'oxbow-vault': `${SECRET}x` } })).status, 403, path);
    }
    await using wrong = openOxbowClient({ endpoint: server.url, secret: 'another-secret-of-this-length' });
    await assert.rejects(wrong.check(), /could not use the vault: 403 The header Oxbow-Vault/);
    const source = { size: 1, read: async () => Uint8Array.of(1) };
    await assert.rejects(wrong.put('a', source), /403/);
    await using right = await vault.client();
    await right.check();
    assert.deepEqual(await Array.fromAsync(right.list('')), [], 'nothing was stored');
    await assert.rejects(right.put('../a', source), /the key is no path below the folder/);
  });

  test('without its setting does not exist, and with a short secret does not start', async () => {
    await using folder = await openFolder('no-vault');
    const data = join(folder.path, 'data');
    await using server = await startPlainServer({ data, sample: false });
    const answer = await server.fetch('/api/v1/vault', { headers: { 'oxbow-vault': '' } });
    assert.equal(answer.status, 404);
    await server.stop();
    const args = ['serve', '--data', data, '--http', '127.0.0.1:0', '--vault-folder', folder.path];
    const { code, stderr } = await runOxbow([...args, '--vault-secret', 'short']);
    assert.notEqual(code, 0);
    assert.match(stderr, /vault\.secret/);
  });
});
