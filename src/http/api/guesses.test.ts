import assert from 'node:assert/strict';
import { once } from 'node:events';
import { suite, test } from 'node:test';
import { WebSocket } from 'ws';
import { policies } from '../../accounts/rate-limit.ts';
import { asAdmin, shareTestServer, textReply, token } from '../fixture.ts';

type Fields = Record<string, string>;

async function statusOf(url: string, headers: Fields, body?: object): Promise<number> {
  const response = await fetch(url, {
    headers: { ...(body && { 'content-type': 'application/json' }), ...headers },
    ...(body && { method: 'POST', body: JSON.stringify(body) }),
  });
  await response.arrayBuffer();
  return response.status;
}

const from = (address: string): Fields => ({ 'x-forwarded-for': address });
const guess = (word: number | string): Fields => ({ authorization: `Bearer guess-${word}` });
const { turns } = policies.tokens;

suite('guessing bearer tokens', () => {
  const shared = shareTestServer();
  const system = () => `${shared().url}/api/v1/system`;
  const guessAll = async (address: string) => {
    for (let i = 0; i < turns; i++) assert.equal(await statusOf(system(), { ...guess(i), ...from(address) }), 401);
  };

  test('an address without tries left gets 429 for the valid token too: it is not compared', async () => {
    const { url, clock } = shared();
    await guessAll('192.0.2.1');
    assert.equal(await statusOf(system(), { ...asAdmin, ...from('192.0.2.1') }), 429);
    assert.equal(
      await statusOf(`${url}/live/private/index.m3u8`, { ...asAdmin, ...from('192.0.2.1') }),
      429,
      'at media',
    );
    const headers = { ...asAdmin, ...from('192.0.2.1') };
    const socket = new WebSocket(`${url.replace('http', 'ws')}/api/v1/events`, { headers });
    const [error] = (await once(socket, 'error')) as [Error];
    assert.match(error.message, /429/, 'for a WebSocket');
    clock.advance(60_000);
    assert.equal(await statusOf(system(), { ...asAdmin, ...from('192.0.2.1') }), 200);
  });

  test('a token that was valid from an address within the last hour costs no try there', async () => {
    const { clock } = shared();
    const known = { ...asAdmin, ...from('192.0.2.2') };
    assert.equal(await statusOf(system(), known), 200);
    await guessAll('192.0.2.2');
    assert.equal(await statusOf(system(), { ...guess('more'), ...from('192.0.2.2') }), 429);
    assert.equal(await statusOf(system(), known), 200);
    clock.advance(3_600_000);
    await guessAll('192.0.2.2');
    assert.equal(await statusOf(system(), known), 429, 'after an hour it costs a try again');
  });

  test('that it is valid from another address reveals nothing', async () => {
    assert.equal(await statusOf(system(), { ...asAdmin, ...from('192.0.2.3') }), 200);
    await guessAll('192.0.2.4');
    assert.equal(await statusOf(system(), { ...asAdmin, ...from('192.0.2.4') }), 429);
  });

  test('valid tokens cost nothing, however many requests there are', async () => {
    for (let i = 0; i < 2 * turns; i++) {
      assert.equal(await statusOf(system(), { ...asAdmin, ...from('192.0.2.5') }), 200);
    }
  });

  test('does not affect what this server has made: the secret of its worker, API tokens', async () => {
    const { url, deps } = shared();
    const { tokens, ownWorker } = deps.access;
    const { secret } = await tokens.make({ label: 'script', scopes: ['view'], expiresMs: undefined });
    const expired = await tokens.make({ label: 'old', scopes: ['view'], expiresMs: 1 });
    for (let i = 0; i < 2 * turns; i++) await statusOf(system(), guess(i)); // of this computer
    for (const address of [{}, from('192.0.2.7')]) {
      for (let i = 0; i < turns; i++) await statusOf(system(), { ...guess(i), ...address });
      const bearer = (token: string) => ({ authorization: `Bearer ${token}`, ...address });
      assert.equal(await statusOf(`${url}/api/v1/streams`, bearer(secret)), 200);
      assert.notEqual(await statusOf(`${url}/api/v1/jobs`, bearer(ownWorker.secret)), 429);
      assert.equal(await statusOf(`${url}/api/v1/streams`, bearer(`${secret}x`)), 429);
      assert.equal(await statusOf(`${url}/api/v1/streams`, bearer(expired.secret)), 429);
    }
  });

  test('does not affect sign-in', async () => {
    await guessAll('192.0.2.6');
    assert.equal(await statusOf(`${shared().url}/api/v1/sessions`, from('192.0.2.6'), { token }), 201);
  });
});

suite('requests that a proxy on this computer forwarded', () => {
  const shared = shareTestServer(() => ({ answer: () => textReply('clip') }));

  for (const [what, fields] of [
    ['with Forwarded beside X-Forwarded-For', { forwarded: 'for=1.2.3.4', 'x-forwarded-for': '192.0.2.9' }],
    ['with a last hop that is no address', { 'x-forwarded-for': '192.0.2.9, unknown' }],
    ['with a list that is very long', { 'x-forwarded-for': `${'1.2.3.4, '.repeat(600)}192.0.2.9` }],
    ['with an address of this computer', { 'x-forwarded-for': '127.0.0.1' }],
    ['with a field that we do not read', { 'x-real-ip': '192.0.2.10' }],
  ] as const) {
    test(`${what} are limited`, async () => {
      const { url, clock } = shared();
      clock.advance(120_000);
      for (let i = 0; i < policies.clips.turns; i++) {
        assert.equal(await statusOf(`${url}/clip/public/1/2.mp4`, fields), 200, `${i}`);
      }
      assert.equal(await statusOf(`${url}/clip/public/1/2.mp4`, fields), 429);
      assert.equal(await statusOf(`${url}/clip/public/1/2.mp4`, {}), 200, 'this computer is not limited');
    });
  }

  test('do not use up the operator’s tries on this computer', async () => {
    const { url } = shared();
    for (let i = 0; i <= turns; i++) {
      await statusOf(`${url}/api/v1/system`, { ...guess(i), forwarded: 'for=1.2.3.4', 'x-forwarded-for': '9.9.9.9' });
      await statusOf(`${url}/api/v1/sessions`, { 'x-forwarded-for': '127.0.0.1' }, { token: 'wrong' });
    }
    assert.equal(await statusOf(`${url}/api/v1/system`, asAdmin), 200);
    assert.equal(await statusOf(`${url}/api/v1/sessions`, {}, { token }), 201);
  });
});
