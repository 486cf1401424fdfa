import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WatchTokens } from '../accounts/watch-tokens.ts';
import { edgeTargetOf, originTarget } from './edge-target.ts';

test('the key of a playlist is its path with the directives of HLS in one order; nothing else of the query', () => {
  const found = edgeTargetOf('/live/door/v0/g1.m3u8?CMCD=sid%3D%22a%22&_HLS_part=2&_HLS_msn=7');
  assert.equal(found?.key, '/live/door/v0/g1.m3u8?_HLS_msn=7&_HLS_part=2');
  assert.ok(found.isHeld && !found.isDelta);
  assert.equal(found.key, edgeTargetOf('/live/door/v0/g1.m3u8?_HLS_msn=7&_HLS_part=2&x=1')?.key);
});

test('the token is no part of the key, and the origin is asked with it', () => {
  const found = edgeTargetOf('/t/AWr123/live/door/v0/7.2.m4s?CMCD=bl%3D1');
  assert.equal(found?.key, '/live/door/v0/7.2.m4s');
  assert.equal(found.token, 'AWr123');
  assert.equal(found.name, 'door');
  assert.equal(originTarget(found, found.token), '/t/AWr123/live/door/v0/7.2.m4s');
});

test('only the origin answers a token that may be exempt from the rules for the past', async () => {
  const epochs = { all: async () => [], put: async () => {}, remove: async () => {} };
  const tokens = await WatchTokens.open({ secret: Buffer.from('a secret'), epochs });
  const holders = [undefined, { id: 'u1', isAdmin: false }, { id: 'u2', isAdmin: true }];
  for (const holder of holders) {
    const [plain, exempt] = [false, true].map((isExempt) => tokens.sign('door', 1_795_000_000_000, holder, isExempt));
    assert.equal(edgeTargetOf(`/t/${plain}/live/door/v0/7.m4s`)?.token, plain);
    assert.equal(edgeTargetOf(`/t/${exempt}/live/door/v0/7.m4s`), undefined);
    assert.deepEqual([tokens.isExempt(plain!, 'door'), tokens.isExempt(exempt!, 'door')], [false, true]);
    assert.equal(tokens.isExempt(exempt!, 'gate'), false, 'for another stream');
    assert.equal(tokens.read(exempt!, 'door')?.holder?.id, holder?.id);
    // The first byte is signed: a token does not become exempt by another one.
    const forged = Buffer.from(plain!, 'base64url');
    forged[0]! += 16;
    assert.equal(tokens.isExempt(forged.toString('base64url'), 'door'), false);
  }
});

test('tokens of assets and clips have names of their own', () => {
  assert.equal(edgeTargetOf('/assets/abc/v0/3.m4s')?.name, 'asset/abc');
  assert.equal(edgeTargetOf('/vod/door/1795160400/1795160460/v1/index.m3u8')?.name, 'door');
});

for (const target of [
  '/api/v1/streams',
  '/live/door/session?CMCD=1',
  '/live/door/time.txt',
  '/clip/door/1795160400/90s.mp4',
  '/assets/abc/original',
  '/live/stream.m3u8?utc=1',
  '/live/door/ts/index.m3u8?utc=1795160400&lutc=1795164000',
  '/live/door/ts/timeshift_abs-1795160400.m3u8',
  '/live/door/v0/g1.m3u8?%5FHLS_msn=7',
  '/live/door/v0/g1.m3u8?_HLS_msn=7&_HLS_msn=8',
  '/live/door/v0/nothing.txt',
]) {
  test(`only the origin answers ${target}`, () => assert.equal(edgeTargetOf(target), undefined));
}
