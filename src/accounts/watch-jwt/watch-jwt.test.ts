import assert from 'node:assert/strict';
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { seeded } from '@oxbow/media/random.fixture';
import { type JWTPayload, SignJWT, UnsecuredJWT } from 'jose';
import type { Net } from '../../net/net.ts';
import { WatchTokens } from '../watch-tokens.ts';
import { type OpenedWatchJwt, openThreadWatchJwt, openWatchJwt, type WatchJwtSettings } from './open-watch-jwt.ts';

const NOW_MS = Date.UTC(2026, 10, 19, 8);
const NOW_S = NOW_MS / 1000;
const secret = 'a-secret-that-both-programs-share-0123';
const noNet: Pick<Net, 'fetch'> = {
  fetch: () => Promise.reject(new Error('nothing is fetched')),
};
const usual: WatchJwtSettings = {
  algorithm: 'HS256',
  secret,
  publicKey: '',
  jwks: undefined,
  issuer: undefined,
  audience: undefined,
  claim: 'stream',
};

async function open(change: Partial<WatchJwtSettings> = {}, net = noNet) {
  const refused: string[] = [];
  const opened = await openWatchJwt(
    { ...usual, ...change },
    {
      net,
      nowMs: () => 0,
      signal: new AbortController().signal,
      onRefused: (reason) => refused.push(reason),
      onFetched() {},
    },
  );
  return { ...(await tokensOf(opened)), refused, opened };
}

async function tokensOf({ jwt }: Pick<OpenedWatchJwt, 'jwt'>) {
  const epochs = { all: async () => [], put: async () => {}, remove: async () => {} };
  const tokens = await WatchTokens.open({ secret: Buffer.alloc(32), epochs, jwt });
  return {
    tokens,
    async verdict(token: string, stream = 'door', nowMs = NOW_MS, kind: 'playlist' | 'media' = 'playlist') {
      await tokens.admit(token, nowMs);
      return tokens.verify(token, stream, kind, nowMs);
    },
  };
}

const claims = (more: JWTPayload = {}): JWTPayload => ({ stream: 'door', exp: NOW_S + 60, ...more });
const signed = (payload: JWTPayload, key: Uint8Array | KeyObject = Buffer.from(secret), alg = 'HS256', kid?: string) =>
  new SignJWT(payload).setProtectedHeader({ alg, ...(kid !== undefined && { kid }) }).sign(key);

suite('a playback token of another program', () => {
  test('gives access to its stream until it expires; what a playlist lists, two target durations longer', async () => {
    const { verdict, tokens } = await open();
    const token = await signed(claims());
    assert.equal(tokens.verify(token, 'door', 'playlist', NOW_MS), 'refused', 'not verified yet');
    assert.equal(await verdict(token), 'ok');
    assert.equal(tokens.admit(token, NOW_MS), undefined, 'verified once');
    assert.equal(await verdict(token, 'gate'), 'refused');
    assert.equal(await verdict(token, 'door', NOW_MS + 60_000), 'expired');
    assert.equal(await verdict(token, 'door', NOW_MS + 60_000, 'media'), 'ok');
    assert.equal(await verdict(token, 'door', NOW_MS + 72_000, 'media'), 'expired');
  });

  test('replayed after its expiry is refused, also by a server that has never seen it', async () => {
    const { verdict, refused } = await open();
    assert.equal(await verdict(await signed(claims({ exp: NOW_S - 3600 }))), 'expired');
    assert.equal(await verdict(await signed(claims({ exp: NOW_S - 1 }))), 'expired', 'no tolerance for `exp`');
    assert.deepEqual(refused, ['expired']);
  });

  test('needs an expiry', async () => {
    const { verdict, refused } = await open();
    assert.equal(await verdict(await signed({ stream: 'door' })), 'refused');
    const endless = `${Buffer.from('{"alg":"HS256"}').toString('base64url')}.${Buffer.from('{"stream":"door","exp":1e999}').toString('base64url')}.`;
    assert.equal(await verdict(endless), 'refused');
    assert.deepEqual(refused, ['claim', 'signature']);
  });

  test('is not accepted before `nbf`, but for clocks that differ by a few seconds', async () => {
    const { verdict } = await open();
    assert.equal(await verdict(await signed(claims({ nbf: NOW_S + 9 }))), 'ok');
    const early = await signed(claims({ nbf: NOW_S + 30 }));
    assert.equal(await verdict(early), 'refused');
    assert.equal(await verdict(early, 'door', NOW_MS + 30_000), 'ok');
  });

  test('has the issuer and audience that are set', async () => {
    const { verdict } = await open({ issuer: 'https://shop.example', audience: 'oxbow' });
    const iss = 'https://shop.example';
    assert.equal(await verdict(await signed(claims({ iss, aud: 'oxbow' }))), 'ok');
    assert.equal(await verdict(await signed(claims({ iss, aud: ['other', 'oxbow'] }))), 'ok');
    assert.equal(await verdict(await signed(claims({ iss, aud: 'other' }))), 'refused');
    assert.equal(await verdict(await signed(claims({ iss }))), 'refused');
    assert.equal(await verdict(await signed(claims({ iss: 'https://evil.example', aud: 'oxbow' }))), 'refused');
  });

  test('names streams, beginnings of names, or a list of both; a beginning never covers an asset', async () => {
    const { verdict } = await open({ claim: 'sub' });
    const of = async (sub: unknown, name: string) => verdict(await signed(claims({ sub } as JWTPayload)), name);
    assert.equal(await of('studio-*', 'studio-1'), 'ok');
    assert.equal(await of('studio-*', 'studio'), 'refused');
    assert.equal(await of('*', 'any'), 'ok');
    assert.equal(await of('*', 'asset/1'), 'refused');
    assert.equal(await of('asset/*', 'asset/1'), 'refused');
    assert.equal(await of('asset/1', 'asset/1'), 'ok');
    for (const wrong of ['', 'd*r', '*door', ['door', 7], [], {}, null, 7, true]) {
      assert.equal(await of(wrong, 'door'), 'refused', JSON.stringify(wrong));
    }
    assert.equal(await verdict(await signed(claims({ stream: ['gate', 'do*'] }))), 'refused', 'the claim is `sub`');
  });

  test('without a signature (`alg: none`) is refused', async () => {
    const { verdict, refused } = await open();
    assert.equal(await verdict(new UnsecuredJWT(claims()).encode()), 'refused');
    const [, payload] = (await signed(claims())).split('.');
    for (const alg of ['none', 'None', 'NONE', 'HS512', '']) {
      const header = Buffer.from(JSON.stringify({ alg })).toString('base64url');
      assert.equal(await verdict(`${header}.${payload}.`), 'refused', alg);
    }
    assert.ok(
      refused.every((reason) => reason === 'algorithm' || reason === 'malformed'),
      refused.join(),
    );
  });

  test('is not signed with the public key as secret: the algorithm is that of the settings', async () => {
    await using key = await publicKeyFile('rsa');
    const { verdict, refused } = await open({ algorithm: 'RS256', secret: undefined, publicKey: key.path });
    assert.equal(await verdict(await signed(claims(), key.privateKey, 'RS256')), 'ok');
    assert.equal(await verdict(await signed(claims(), Buffer.from(key.pem))), 'refused');
    assert.equal(await verdict(await signed(claims(), key.privateKey, 'PS256')), 'refused');
    assert.deepEqual(refused, ['algorithm', 'algorithm']);
  });

  test('has the signature of the key: EdDSA and ES256', async () => {
    for (const [kind, algorithm] of [
      ['ed25519', 'EdDSA'],
      ['ec', 'ES256'],
    ] as const) {
      await using key = await publicKeyFile(kind);
      await using other = await publicKeyFile(kind);
      const { verdict, refused } = await open({ algorithm, secret: undefined, publicKey: key.path });
      assert.equal(await verdict(await signed(claims(), key.privateKey, algorithm)), 'ok');
      assert.equal(await verdict(await signed(claims(), other.privateKey, algorithm)), 'refused');
      assert.deepEqual(refused, ['signature']);
    }
  });

  test('that is too long is refused without a look at it, and so is any other text', async () => {
    const { verdict, tokens, refused } = await open();
    const long = await signed(claims({ filler: 'x'.repeat(3000) }));
    assert.equal(tokens.admit(long, NOW_MS), undefined);
    assert.equal(tokens.verify(long, 'door', 'playlist', NOW_MS), 'refused');
    assert.deepEqual(refused, []);
    const random = seeded(20261122);
    const token = await signed(claims());
    for (let i = 0; i < 2000; i++) {
      const at = random(token.length);
      const piece = 'ab-_.=%'[random(7)]!;
      const cut = random(3);
      const changed = token.slice(0, at) + (cut === 0 ? piece : '') + token.slice(at + cut);
      if (changed === token) continue;
      const same = Buffer.from(changed.split('.')[2] ?? '', 'base64url').equals(
        Buffer.from(token.split('.')[2]!, 'base64url'),
      );
      if (same && changed.split('.').slice(0, 2).join() === token.split('.').slice(0, 2).join()) continue;
      assert.equal(await verdict(changed), 'refused', changed);
    }
  });

  test('is verified once when many requests bring it at the same time', async () => {
    const { tokens, opened } = await open();
    const token = await signed(claims());
    const waits = Array.from({ length: 50 }, () => tokens.admit(token, NOW_MS));
    assert.equal(new Set(waits).size, 1);
    await Promise.all(waits);
    assert.equal(opened.jwt.size, 1);
  });

  test('is accepted by a serving thread with the same settings, and with published keys once it has them', async () => {
    const own = await tokensOf(await openThreadWatchJwt(usual, undefined));
    assert.equal(await own.verdict(await signed(claims())), 'ok');
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    const settings = { ...usual, algorithm: 'EdDSA', secret: undefined, jwks: 'https://keys.example/' } as const;
    const thread = await openThreadWatchJwt(settings, undefined);
    const { verdict } = await tokensOf(thread);
    const token = await signed(claims(), privateKey, 'EdDSA', 'k1');
    assert.equal(await verdict(token), 'refused');
    thread.use({ keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'k1' }] as never });
    assert.equal(await verdict(token), 'ok');
    thread.use({ keys: [] });
    assert.equal(await verdict(token), 'refused', 'its key was withdrawn');
  });
});

suite('the key of playback tokens', () => {
  const bad = { code: 'bad-setting' };

  test('is one, and fits the algorithm', async () => {
    await using rsa = await publicKeyFile('rsa');
    const of = (change: Partial<WatchJwtSettings>) => open({ secret: undefined, ...change });
    await assert.rejects(of({}), bad);
    await assert.rejects(of({ publicKey: rsa.path }), bad, 'HS256 with a public key');
    await assert.rejects(of({ jwks: 'https://keys.example/' }), bad, 'HS256 with published keys');
    await assert.rejects(of({ algorithm: 'RS256', secret }), bad);
    await assert.rejects(of({ algorithm: 'RS256', publicKey: rsa.path, jwks: 'https://keys.example/' }), bad);
    await assert.rejects(of({ algorithm: 'EdDSA', publicKey: rsa.path }), bad);
    await assert.rejects(of({ algorithm: 'RS256', publicKey: '/no/such/file' }), bad);
  });

  test('is long enough, and no private or public key where a secret is meant', async () => {
    await using rsa = await publicKeyFile('rsa');
    await assert.rejects(open({ secret: 'sixteen-letters!' }), bad);
    await assert.rejects(open({ secret: rsa.pem }), bad);
    await writeFile(rsa.path, rsa.privateKey.export({ type: 'pkcs8', format: 'pem' }));
    await assert.rejects(open({ algorithm: 'RS256', secret: undefined, publicKey: rsa.path }), bad);
    await writeFile(rsa.path, JSON.stringify(rsa.privateKey.export({ format: 'jwk' })));
    await assert.rejects(open({ algorithm: 'RS256', secret: undefined, publicKey: rsa.path }), bad);
  });
});

async function publicKeyFile(kind: 'rsa' | 'ec' | 'ed25519') {
  const { privateKey, publicKey } =
    kind === 'rsa'
      ? generateKeyPairSync('rsa', { modulusLength: 2048 })
      : kind === 'ec'
        ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
        : generateKeyPairSync('ed25519');
  const folder = await mkdtemp(join(tmpdir(), 'oxbow-jwt-'));
  const path = join(folder, 'public.pem');
  const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
  await writeFile(path, pem);
  return { path, pem, privateKey, [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) };
}
