import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { type JWTPayload, SignJWT, UnsecuredJWT } from 'jose';
import { openAccess } from '../../accounts/access.ts';
import { memoryTables } from '../../accounts/memory-tables.fixture.ts';
import { openWatchJwt } from '../../accounts/watch-jwt/open-watch-jwt.ts';
import { startTestServer, textReply, token } from '../../http/fixture.ts';
import { createManualClock } from '../../lib/clock.ts';

const NOW_MS = Date.UTC(2026, 10, 19, 8);
const secret = 'a-secret-that-both-programs-share-0123';

async function openServer() {
  const clock = createManualClock(NOW_MS);
  const refused: string[] = [];
  const watchJwt = await openWatchJwt(
    {
      algorithm: 'HS256',
      secret,
      publicKey: '',
      jwks: undefined,
      issuer: undefined,
      audience: undefined,
      claim: 'stream',
    },
    {
      net: { fetch: () => Promise.reject(new Error('nothing is fetched')) },
      nowMs: () => clock.monotonicMs(),
      signal: new AbortController().signal,
      onRefused: (reason) => refused.push(reason),
      onFetched() {},
    },
  );
  const access = await openAccess({
    tables: memoryTables(),
    dataFolder: '/unused',
    clock,
    adminToken: token,
    watchSecret: 'x'.repeat(40),
    watchJwt,
  });
  const server = await startTestServer({ answer: () => textReply('media'), access, clock });
  const get = async (path: string) => {
    const response = await fetch(`${server.url}${path}`);
    const body = await response.text();
    return response.ok ? response.status : `${response.status} ${JSON.parse(body).code}`;
  };
  return { clock, refused, get, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

const sign = (payload: JWTPayload) =>
  new SignJWT({ exp: NOW_MS / 1000 + 60, ...payload }).setProtectedHeader({ alg: 'HS256' }).sign(Buffer.from(secret));

suite('media with a playback token of another program', () => {
  test('is served for the stream of the token, and for no other', async () => {
    await using open = await openServer();
    const jwt = await sign({ stream: 'private' });
    assert.equal(await open.get(`/t/${jwt}/live/private/av0/1.m4s`), 200);
    assert.equal(await open.get(`/t/${jwt}/live/private/av0/1.m4s`), 200);
    assert.equal(await open.get(`/t/${jwt}/live/signed/av0/1.m4s`), '403 watch-refused');
    assert.equal(await open.get(`/t/${jwt}/api/v1/streams/private`), 200);
    assert.equal(await open.get(`/t/${jwt}/api/v1/streams/signed`), '403 watch-refused');
    open.clock.advance(60_000);
    assert.equal(await open.get(`/t/${jwt}/live/private/index.m3u8`), '403 watch-expired');
  });

  test('is refused without a signature, with a wrong one, and with a token that is too long', async () => {
    await using open = await openServer();
    const unsigned = new UnsecuredJWT({ stream: 'private', exp: NOW_MS / 1000 + 60 }).encode();
    const forged = `${(await sign({ stream: 'private' })).slice(0, -6)}AAAAAA`;
    assert.equal(await open.get(`/t/${unsigned}/live/private/av0/1.m4s`), '403 watch-refused');
    assert.equal(await open.get(`/t/${forged}/live/private/av0/1.m4s`), '403 watch-refused');
    assert.deepEqual(open.refused, ['algorithm', 'signature']);
    const long = await sign({ stream: 'private', filler: 'x'.repeat(2500) });
    assert.equal(await open.get(`/t/${long}/live/private/av0/1.m4s`), '400 bad-request');
    assert.equal(open.refused.length, 2);
  });
});
