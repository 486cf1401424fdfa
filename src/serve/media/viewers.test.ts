import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { asAdmin, startTestServer, textReply } from '../../http/fixture.ts';
import { OxbowError } from '../../lib/errors.ts';

suite('viewers', () => {
  test('are clients that received playlists, segments or parts; by CMCD session, otherwise by address and user agent', async () => {
    await using server = await startTestServer({
      answer(address) {
        if ('msn' in address && address.msn === 404) throw new OxbowError('not-found', 'no');
        return textReply('media');
      },
    });
    const get = async (path: string, headers: Record<string, string> = {}, method = 'GET') => {
      await (await fetch(`${server.url}${path}`, { headers, method })).arrayBuffer();
    };
    const count = () => server.deps.viewers.of('public');
    // Probes, stills and clips do not count as watching.
    for (const path of ['/live/public/index.m3u8', '/thumb/public/1795000000.jpg', '/clip/public/1/2.mp4'])
      await get(path);
    await get('/live/public/av0/404.m4s');
    await get('/live/public/av0/7.m4s', {}, 'HEAD');
    assert.equal(count(), 0);
    await get('/live/public/av0/g1.m3u8');
    await get('/live/public/av0/7.m4s');
    await get('/live/public/av0/7.1.m4s');
    assert.equal(count(), 1);
    await get('/vod/public/1795000200/1795000800/av0.m3u8', { 'user-agent': 'another' });
    assert.equal(count(), 2);
    const sid = (name: string) => `?CMCD=${encodeURIComponent(`sid="${name}"`)}`;
    for (const name of ['a', 'b', 'a']) await get(`/live/public/av0/g1.m3u8${sid(name)}`);
    await get('/live/public/av0/8.m4s', { 'cmcd-session': 'sid="b"', 'user-agent': 'a third' });
    assert.equal(count(), 4);
    await get('/live/private/av0/7.m4s');
    assert.equal(server.deps.viewers.of('private'), 0);
    await get('/live/private/av0/7.m4s', asAdmin);
    assert.equal(server.deps.viewers.of('private'), 1);
    server.clock.advance(30_001);
    assert.equal(count(), 0);
  });
});
