import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { SecretBox } from '../../../accounts/secret-box.ts';
import { waitFor } from '../../../lib/abort.ts';
import { createManualClock } from '../../../lib/clock.ts';
import type { OxbowError } from '../../../lib/errors.ts';
import type { Net } from '../../../net/net.ts';
import { openRig } from './media-proxy.fixture.ts';
import { MediaProxy } from './media-proxy.ts';
import { AddressSeal, expiryOf } from './sealed-address.ts';

const day = 24 * 3_600_000;
const code = (expected: string) => (error: OxbowError) => error.code === expected;

suite('the media proxy', () => {
  test('passes a file on by range, with the headers of the item; its address shows neither host nor query', async () => {
    await using rig = await openRig(
      (request, response) => {
        response.writeHead(206, {
          'content-type': 'video/mp4',
          'content-range': 'bytes 2-4/10',
          'content-length': 3,
          'set-cookie': 'a=b',
        });
        response.end('cde');
        assert.deepEqual([request.headers.range, request.headers.referer], ['bytes=2-4', 'https://site.example/']);
      },
      (origin) => ({ url: `${origin}/films/a.mp4?key=secret`, headers: { Referer: 'https://site.example/' } }),
    );
    assert.match(rig.address, /^[\w-]+\/a\.mp4$/);
    const { status, headers, text } = await rig.fetch(rig.address, { range: 'bytes=2-4' });
    assert.deepEqual(
      [status, text, headers['content-type'], headers['content-range']],
      [206, 'cde', 'video/mp4', 'bytes 2-4/10'],
    );
    assert.equal(headers['set-cookie'], undefined);
    assert.equal(rig.requests[0]!.url, '/films/a.mp4?key=secret');
    assert.deepEqual(rig.ends, [['ok', 3]]);
  });

  test('does not let a member of the room fetch other files with the headers of the item', async () => {
    await using rig = await openRig(
      (_, response) => response.end('x'),
      (origin) => ({ url: `${origin}/films/a.mp4` }),
    );
    const [token] = rig.address.split('/');
    for (const address of [
      `${token}/b.mp4`,
      `${token}/../b.mp4`,
      `${token}//evil.example/x`,
      `${token}/%2e%2e/b.mp4`,
    ]) {
      await assert.rejects(rig.fetch(address), code('proxy-refused'), address);
    }
    await assert.rejects(rig.fetch(rig.address, { room: 'r2' }), code('proxy-refused'), 'another room');
    await assert.rejects(rig.fetch(`${token!.slice(0, -2)}AA/a.mp4`), code('proxy-refused'), 'another token');
    assert.equal(rig.requests.length, 0);
    rig.removeItem();
    await assert.rejects(rig.fetch(rig.address), code('item-unknown'));
  });

  test('ends an address after two days at most, and the same item has one address a day', async () => {
    await using rig = await openRig(
      (_, response) => response.end('x'),
      (origin) => ({ url: `${origin}/a.mp4` }),
    );
    rig.clock.advance(day - 1);
    assert.equal(rig.proxy.mediaAddress('r1', 'i1', rig.target), rig.address);
    rig.clock.advance(1);
    assert.notEqual(rig.proxy.mediaAddress('r1', 'i1', rig.target), rig.address);
    await rig.fetch(rig.address);
    rig.clock.advance(day);
    await assert.rejects(rig.fetch(rig.address), code('proxy-refused'));
    assert.equal(expiryOf(0), 2 * day);
  });

  test('rewrites playlists: everything they name goes through the proxy; a page is never passed on as one', async () => {
    const playlist =
      '#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI="/keys/k"\n#EXTINF:4,\nseg/1.ts\n#EXTINF:4,\nhttps://cdn.example/x/2.ts?s=1\n';
    await using rig = await openRig(
      (request, response) => {
        if (request.url!.startsWith('/live/a.m3u8')) {
          response.setHeader('content-type', 'application/vnd.apple.mpegurl');
          response.end(playlist);
          return;
        }
        response.setHeader('content-type', 'text/html');
        response.end('<script>1</script>');
      },
      (origin) => ({ url: `${origin}/live/a.m3u8` }),
    );
    const { text, headers } = await rig.fetch(rig.address);
    assert.equal(headers['content-type'], 'application/vnd.apple.mpegurl');
    const [, key, , first, , second] = text.split('\n');
    assert.match(first!, /^\.\/[\w-]{22}\/seg\/1\.ts$/);
    assert.match(key!, /URI="\.\.\/[\w-]+\/k"/);
    assert.match(second!, /^\.\.\/[\w-]+\/2\.ts$/, 'without its query, which may be a key');
    const base = new URL(rig.address, 'http://oxbow/media/');
    const segment = await rig.fetch(new URL(first!, base).pathname.slice('/media/'.length));
    assert.equal(segment.headers['content-type'], 'application/octet-stream');
    assert.match(segment.headers['content-security-policy']!, /sandbox/);
    await rig.fetch(new URL(/"(.*)"/.exec(key!)![1]!, base).pathname.slice('/media/'.length));
    assert.deepEqual(
      rig.requests.map(({ url }) => url),
      ['/live/a.m3u8', '/live/seg/1.ts', '/keys/k'],
    );
    // The third leads to a host that the test has no address for: the guarded client decides.
    await assert.rejects(rig.fetch(new URL(second!, base).href), code('source-failed'));
  });

  test('fetches a live playlist once for everyone in the room, and again after a moment', async () => {
    await using rig = await openRig(
      (_, response) => response.end('#EXTM3U\n#EXTINF:4,\n1.ts\n'),
      (origin) => ({ url: `${origin}/a.m3u8` }),
    );
    await Promise.all([rig.fetch(rig.address), rig.fetch(rig.address)]);
    await rig.fetch(rig.address);
    const before = rig.requests.length;
    assert.ok(before <= 2, `${before} requests`);
    rig.clock.advance(1000);
    await rig.fetch(rig.address);
    assert.equal(rig.requests.length, before + 1);
  });

  test('fetches a live playlist again also when the clock of the computer was set back', async () => {
    await using rig = await openRig(
      (_, response) => response.end('#EXTM3U\n#EXTINF:4,\n1.ts\n'),
      (origin) => ({ url: `${origin}/a.m3u8` }),
    );
    rig.clock.advance(86_400_000);
    const address = rig.proxy.mediaAddress('r1', 'i1', rig.target);
    await rig.fetch(address);
    rig.clock.step(-3_600_000);
    rig.clock.advance(1000);
    await rig.fetch(address);
    assert.equal(rig.requests.length, 2);
  });

  test('remembers no part of a playlist: a client that requests a range gets all of it, as everyone', async () => {
    const text = '#EXTM3U\n#EXTINF:4,\n1.ts\n';
    await using rig = await openRig(
      ({ headers: { range } }, response) => {
        response.setHeader('content-type', 'application/vnd.apple.mpegurl');
        if (range === undefined) response.end(text);
        else response.writeHead(206, { 'content-range': `bytes 0-7/${text.length}` }).end(text.slice(0, 8));
      },
      (origin) => ({ url: `${origin}/a.m3u8` }),
    );
    const part = await rig.fetch(rig.address, { range: 'bytes=0-7' });
    assert.equal(part.status, 200);
    assert.match(part.text, /^#EXTM3U\n#EXTINF:4,\n\.\/[\w-]{22}\/1\.ts\n$/);
    assert.equal((await rig.fetch(rig.address)).text, part.text);
  });

  test('a playlist that several wait for does not end with the client that requested it first', async () => {
    let finish = () => {};
    const net: Pick<Net, 'fetch'> = {
      fetch: async (url, { signal }) => ({
        status: 200,
        headers: { 'content-type': 'audio/mpegurl' },
        url: new URL(url),
        body: () => Promise.reject(new Error('unused')),
        pieces: () => Promise.reject(new Error('unused')),
        async *stream() {
          yield Buffer.from('#EXTM3U\n');
          await waitFor(new Promise<void>((resolve) => (finish = resolve)), { signal });
        },
        [Symbol.dispose]() {},
      }),
    };
    const seal = new AddressSeal(new SecretBox(Buffer.from('a secret of this server'), 'media proxy'));
    const media = { url: 'https://elsewhere.example/a.m3u8', type: undefined, headers: {} };
    const proxy = new MediaProxy({ net, seal, clock: createManualClock(), media: async () => media });
    const [token, rest] = proxy.mediaAddress('r1', 'i1', media).split('/') as [string, string];
    const leaving = new AbortController();
    const request = { token, rest, query: '', range: undefined, user: 'u1' };
    const first = proxy.fetch('r1', { ...request, signal: leaving.signal });
    await turn();
    const second = proxy.fetch('r1', { ...request, signal: new AbortController().signal });
    await turn();
    leaving.abort();
    await turn();
    finish();
    assert.deepEqual([(await first).status, (await second).status], [200, 200]);
  });

  test('rewrites manifests of DASH: templates stay templates', async () => {
    const mpd = `<MPD type="static"><Period><BaseURL>//cdn.example/v/</BaseURL><AdaptationSet>
<SegmentTemplate media="https://cdn.example/t/$RepresentationID$/$Number%05d$.m4s" initialization="$RepresentationID$.mp4"/></AdaptationSet></Period></MPD>`;
    await using rig = await openRig(
      (_, response) => response.end(mpd),
      (origin) => ({ url: `${origin}/d/a.mpd` }),
    );
    const { text, headers } = await rig.fetch(rig.address);
    assert.equal(headers['content-type'], 'application/dash+xml');
    assert.match(text, /<BaseURL>\.\/<\/BaseURL>/);
    assert.match(text, /media="\.\.\/[\w-]+\/\$Number\$" initialization="\.\.\/[\w-]+\/\.mp4"/);
  });

  test('converts subtitles to WebVTT', async () => {
    await using rig = await openRig(
      (_, response) => response.end('1\n00:00:01,000 --> 00:00:02,500\n<i>Hello</i>\n'),
      (origin) => ({ url: `${origin}/a.mp4` }),
    );
    const { text, headers } = await rig.fetch(rig.proxy.subtitleAddress('r1', 'i1', `${rig.origin}/a.srt?key=1`));
    assert.match(headers['content-type']!, /^text\/vtt/);
    assert.match(text, /^WEBVTT\n\n00:00:01\.000 --> 00:00:02\.500/);
  });

  test('fetches no private address, neither of an item nor of a playlist', async () => {
    await using rig = await openRig(
      (_, response) => response.end('x'),
      (origin) => ({ url: `${origin}/a.mp4` }),
      { allow: [] },
    );
    await assert.rejects(rig.fetch(rig.address), code('address-refused'));
    assert.equal(rig.requests.length, 0);
  });

  test('sends the secrets of an item to its own server alone', async () => {
    await using other = await openRig(
      (_, response) => response.end('x'),
      (origin) => ({ url: `${origin}/a.ts` }),
    );
    await using rig = await openRig(
      (request, response) => {
        assert.equal(request.headers.authorization, 'Bearer s');
        response.end(`#EXTM3U\n#EXTINF:4,\n${other.origin}/x/1.ts\n`);
      },
      (origin) => ({ url: `${origin}/a.m3u8`, headers: { Authorization: 'Bearer s', Referer: 'https://a.example/' } }),
    );
    const { text } = await rig.fetch(rig.address);
    await rig.fetch(new URL(text.split('\n')[2]!, `http://oxbow/media/${rig.address}`).href);
    const { authorization, referer } = other.requests[0]!.headers;
    assert.deepEqual([authorization, referer], [undefined, 'https://a.example/']);
  });

  test('counts the addresses that are rewritten, and nothing of what is in memory', async () => {
    const lists = ['#EXTM3U\n#EXTINF:4,\n1.ts\n#EXTINF:4,\n2.ts\n#EXT-X-ENDLIST\n', '#EXTM3U\n1.ts\nhttp://\n'];
    await using rig = await openRig(
      ({ url }, response) => response.end(lists[url!.includes('_HLS_msn') ? 1 : 0]),
      (origin) => ({ url: `${origin}/a.m3u8` }),
    );
    const [token, rest] = rig.address.split('/') as [string, string];
    const counts: number[] = [];
    const rewrote = (addresses: number) => void counts.push(addresses);
    const { signal } = new AbortController();
    const request = { token, rest, range: undefined, user: 'u1', signal, rewrote };
    for (const query of ['', '', '?_HLS_msn=1']) await rig.proxy.fetch('r1', { ...request, query });
    assert.deepEqual(counts, [3, 2], 'the text counts as one');
  });

  test('bounds the requests of a room, and counts one out when its client leaves', async () => {
    await using rig = await openRig(
      (_, response) => void response.writeHead(200, { 'content-type': 'video/mp4' }).write('x'),
      (origin) => ({ url: `${origin}/a.mp4` }),
    );
    const [token, rest] = rig.address.split('/') as [string, string];
    const { signal } = new AbortController();
    const request = (user: string) => ({ token, rest, query: '', range: undefined, user, signal });
    const fetch = (user: string) => rig.proxy.fetch('r1', request(user));
    const of1 = await Promise.all(Array.from({ length: 12 }, () => fetch('u1')));
    await assert.rejects(fetch('u1'), code('busy'), 'one member does not take the places of the others');
    const open = [...of1, ...(await Promise.all(Array.from({ length: 48 }, (_, at) => fetch(`u${2 + (at % 4)}`))))];
    await assert.rejects(fetch('u6'), code('busy'));
    open[0]!.close();
    (await fetch('u1')).close();
    for (const { close } of open) close();
    assert.equal(rig.ends.length, 61);
  });

  test('passes on what the server of the media refuses as a failure of the source', async () => {
    await using rig = await openRig(
      (_, response) => response.writeHead(403).end('<html>'),
      (origin) => ({ url: `${origin}/a.mp4` }),
    );
    await assert.rejects(rig.fetch(rig.address), code('source-failed'));
    assert.deepEqual(rig.ends, [['source-failed', 0]]);
  });
});
