import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressForms } from './address-forms.fixture.ts';
import { createNet, type Resolve } from './net.ts';

const { signal } = new AbortController();
const user = { signal, trusted: false };
const admin = { signal, trusted: true };
const refused = { name: 'OxbowError', code: 'address-refused' };
const names =
  (table: Record<string, readonly string[]>): Resolve =>
  async (name) =>
    (table[name] ?? []).map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));

test('every spelling of an address that is not public is refused', async () => {
  await using net = createNet({ allow: [] });
  const forms = addressForms();
  assert.ok(forms.length >= 169, String(forms.length));
  for (const form of forms) await assert.rejects(net.resolveHost(form, 1935, user), refused, form);
});

test('a name is resolved once, and one refused address refuses it', async () => {
  let lookups = 0;
  const resolve: Resolve = async (name) => {
    lookups++;
    return names({ 'good.test': ['93.184.216.34', '2606:4700::1'], 'mixed.test': ['93.184.216.34', '10.0.0.1'] })(name);
  };
  await using net = createNet({ allow: [], resolve });
  const found = await net.resolveHost('good.test', 8890, user);
  assert.deepEqual(found, {
    host: 'good.test',
    port: 8890,
    addresses: [
      { address: '93.184.216.34', family: 4 },
      { address: '2606:4700::1', family: 6 },
    ],
  });
  assert.equal(lookups, 1);
  await assert.rejects(net.resolveHost('mixed.test', 8890, user), refused);
  await assert.rejects(net.resolveHost('none.test', 8890, user), { code: 'source-failed' });
});

test('what an administrator configured is allowed, except names of metadata services', async () => {
  await using net = createNet({
    allow: [],
    resolve: names({ 'nas.test': ['10.0.0.7'], 'meta.test': ['169.254.169.254'] }),
  });
  assert.deepEqual((await net.resolveHost('127.1', 1935, admin)).addresses, [{ address: '127.0.0.1', family: 4 }]);
  assert.deepEqual((await net.resolveHost('[::1]', 1935, admin)).addresses, [{ address: '::1', family: 6 }]);
  assert.equal((await net.resolveHost('nas.test', 1935, admin)).addresses[0]!.address, '10.0.0.7');
  await assert.rejects(net.resolveHost('meta.test', 1935, admin), refused);
});

test('net.allow opens a range for users', async () => {
  await using net = createNet({ allow: ['10.0.0.0/8'], resolve: names({ 'nas.test': ['10.0.0.7'] }) });
  assert.equal((await net.resolveHost('nas.test', 1935, user)).addresses[0]!.address, '10.0.0.7');
  await assert.rejects(net.resolveHost('192.168.1.1', 1935, user), refused);
});

test('text that is no host and numbers that are no port are refused', async () => {
  await using net = createNet({ allow: ['0.0.0.0/0'] });
  for (const host of ['', 'a b', 'a/b', 'user@host', 'host:99', '[::1', 'x'.repeat(300), '300.1.1.1', 'a\\b']) {
    await assert.rejects(net.resolveHost(host, 1935, admin), refused, host);
  }
  for (const port of [0, -1, 1.5, 65_536, Number.NaN]) {
    await assert.rejects(net.resolveHost('example.com', port, admin), refused, String(port));
  }
});

test('an abort ends the wait for a resolver that does not answer', async () => {
  await using net = createNet({ allow: [], resolve: () => new Promise(() => {}) });
  const abort = new AbortController();
  const found = net.resolveHost('slow.test', 1935, { signal: abort.signal, trusted: true });
  abort.abort(new Error('stopped'));
  await assert.rejects(found, /stopped/);
});
