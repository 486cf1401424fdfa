import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { suite, test } from 'node:test';
import { SignJWT } from 'jose';
import { createNet } from '../../net/net.ts';
import { openWatchJwt } from './open-watch-jwt.ts';

/** A program that publishes keys, and oxbow's side of it with its own clock. */
async function openRig() {
  let status = 200;
  let text: string | undefined;
  let keys: object[] = [];
  let requests = 0;
  let nowMs = 0;
  const fetched: boolean[] = [];
  const server = createServer((_, response) => {
    requests++;
    response.statusCode = status;
    response.end(text ?? JSON.stringify({ keys }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const net = createNet({ allow: [] });
  const { jwt, set } = await openWatchJwt(
    {
      algorithm: 'EdDSA',
      secret: undefined,
      publicKey: '',
      jwks: `http://127.0.0.1:${port}/keys.json`,
      issuer: undefined,
      audience: undefined,
      claim: 'stream',
    },
    {
      net,
      nowMs: () => nowMs,
      signal: new AbortController().signal,
      onRefused() {},
      onFetched: (error) => fetched.push(error === undefined),
    },
  );
  return {
    set: set!,
    fetched,
    get requests() {
      return requests;
    },
    answer(next: { status?: number; text?: string | undefined }) {
      status = next.status ?? 200;
      text = next.text;
    },
    pass(ms: number) {
      nowMs += ms;
    },
    /** Publishes a new key, with others or instead of them; returns what signs with it. */
    publish(kid: string, { alone = true } = {}) {
      const { privateKey, publicKey } = generateKeyPairSync('ed25519');
      keys = [...(alone ? [] : keys), { ...publicKey.export({ format: 'jwk' }), kid }];
      return () =>
        new SignJWT({ stream: 'door', exp: 4_000_000_000 }).setProtectedHeader({ alg: 'EdDSA', kid }).sign(privateKey);
    },
    async accepts(token: string) {
      await jwt.admit(token, Date.UTC(2026, 10, 19));
      return jwt.expiryFor(token, 'door') !== undefined;
    },
    async [Symbol.asyncDispose]() {
      await net.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

suite('the published keys of another program', () => {
  test('are fetched with the first token, and once for all that wait', async () => {
    await using rig = await openRig();
    const sign = rig.publish('k1');
    const token = await sign();
    assert.deepEqual(await Promise.all(Array.from({ length: 20 }, () => rig.accepts(token))), Array(20).fill(true));
    assert.equal(rig.requests, 1);
  });

  test('are fetched again for an unknown key, at most every 30 s', async () => {
    await using rig = await openRig();
    const first = rig.publish('k1');
    assert.equal(await rig.accepts(await first()), true);
    const second = rig.publish('k2', { alone: false });
    assert.equal(await rig.accepts(await second()), false, 'fetched a moment ago');
    rig.pass(30_000);
    assert.equal(await rig.accepts(await second()), true);
    assert.equal(rig.requests, 2);
    const { privateKey } = generateKeyPairSync('ed25519');
    for (let i = 0; i < 50; i++) {
      const forged = new SignJWT({ stream: 'door', exp: 4_000_000_000, i });
      assert.equal(
        await rig.accepts(await forged.setProtectedHeader({ alg: 'EdDSA', kid: `x${i}` }).sign(privateKey)),
        false,
      );
    }
    assert.equal(rig.requests, 2, 'unknown keys cause no flood');
    assert.equal(await rig.accepts(await first()), true, 'a rotation keeps the old key while it is published');
  });

  test('are kept while they cannot be fetched; before the first fetch the answer is `auth-unavailable`', async () => {
    await using rig = await openRig();
    const sign = rig.publish('k1');
    for (const broken of [
      { status: 500 },
      { text: '<html>' },
      { text: '[]' },
      { text: '{"keys":7}' },
      { text: `{"keys":[],"x":"${'x'.repeat(300_000)}"}` },
    ]) {
      rig.answer(broken);
      const token = await sign();
      await assert.rejects(rig.accepts(token), { code: 'auth-unavailable' }, JSON.stringify(broken).slice(0, 30));
      rig.pass(30_000);
    }
    rig.answer({});
    assert.equal(await rig.accepts(await sign()), true);
    rig.answer({ status: 500 });
    rig.pass(3_600_000);
    assert.equal(await rig.accepts(`${await sign()}`), true);
    assert.deepEqual(new Set(rig.fetched.slice(0, 5)), new Set([false]));
    assert.equal(rig.fetched[5], true);
  });

  test('that are withdrawn verify nothing any more once the set was fetched again', async () => {
    await using rig = await openRig();
    const token = await rig.publish('k1')();
    assert.equal(await rig.accepts(token), true);
    const changed = new Promise((resolve) => rig.set.changed.subscribe(resolve));
    const next = rig.publish('k2');
    rig.pass(30_000);
    assert.equal(await rig.accepts(await next()), true);
    await changed;
    assert.equal(await rig.accepts(token), false);
  });
});
