import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { OxbowError } from '../../../lib/errors.ts';
import { openRig } from './media-proxy.fixture.ts';

const code = (expected: string) => (error: OxbowError) => error.code === expected;
/** The path of an address in a playlist that was served at another. */
const from = (address: string, of: string) => new URL(address, `http://oxbow/media/${of}`).href;

suite('the media proxy against a server that means harm', () => {
  test('follows no redirect to a private address', async () => {
    await using rig = await openRig(
      (_, response) => response.writeHead(302, { location: 'http://10.0.0.1/secret' }).end(),
      (origin) => ({ url: `${origin}/a.mp4` }),
    );
    await assert.rejects(rig.fetch(rig.address), code('address-refused'));
    assert.deepEqual(rig.ends, [['address-refused', 0]]);
  });

  test('connects to no name that has a private address', async () => {
    await using rig = await openRig(
      (_, response) => response.end('x'),
      (origin) => ({ url: origin.replace('127.0.0.1', 'inside.example') }),
      { allow: [], resolve: async () => [{ address: '127.0.0.1', family: 4 }] },
    );
    await assert.rejects(rig.fetch(rig.address), code('address-refused'));
    assert.equal(rig.requests.length, 0);
  });

  test('drops secret headers at a redirect to another server', async () => {
    await using other = await openRig(
      (_, response) => response.writeHead(200, { 'content-type': 'video/mp4' }).end('x'),
      (origin) => ({ url: `${origin}/b.mp4` }),
    );
    await using rig = await openRig(
      (_, response) => response.writeHead(302, { location: `${other.origin}/b.mp4` }).end(),
      (origin) => ({
        url: `${origin}/a.mp4`,
        headers: { Cookie: 'a=1', 'X-Api-Key': 'k', Authorization: 'Basic x', Referer: 'https://a.example/' },
      }),
    );
    await rig.fetch(rig.address);
    const { cookie, authorization, referer, 'x-api-key': key } = other.requests[0]!.headers;
    assert.deepEqual([cookie, authorization, key, referer], [undefined, undefined, undefined, 'https://a.example/']);
    assert.equal(rig.requests[0]!.headers.cookie, 'a=1');
  });

  test('passes on neither cookies nor any other header that is not of the media', async () => {
    await using rig = await openRig(
      (_, response) =>
        response
          .writeHead(200, {
            'content-type': 'video/mp4',
            'set-cookie': 'a=1',
            'access-control-allow-origin': '*',
            'content-disposition': 'attachment',
            refresh: '0; url=https://evil.example',
            link: '<x>; rel=preload',
          })
          .end('x'),
      (origin) => ({ url: `${origin}/a.mp4` }),
    );
    const { headers } = await rig.fetch(rig.address);
    const known =
      /^(?:content-(?:type|length|security-policy)|cache-control|cross-origin-resource-policy|x-content-type-options)$/;
    assert.deepEqual(
      Object.keys(headers).filter((name) => !known.test(name)),
      [],
    );
  });

  test('shows no page, script or picture that runs', async () => {
    for (const type of ['text/html', 'image/svg+xml', 'text/javascript', 'application/xhtml+xml', 'text/xml', '']) {
      await using rig = await openRig(
        (_, response) => response.writeHead(200, type === '' ? {} : { 'content-type': type }).end('<svg/>'),
        (origin) => ({ url: `${origin}/a.mp4` }),
      );
      const { headers } = await rig.fetch(rig.address);
      assert.equal(headers['content-type'], 'application/octet-stream', type);
      assert.equal(headers['x-content-type-options'], 'nosniff');
      assert.match(headers['content-security-policy']!, /default-src 'none'; sandbox/);
    }
  });

  test('reads no playlist without an end, and no page in its place', async () => {
    let sent = 0;
    await using endless = await openRig(
      (_, response) => {
        const more = () => {
          while (!response.destroyed && response.write(`${'#'.repeat(1024)}\n`.repeat(64))) sent += 65_600;
          if (!response.destroyed) response.once('drain', more);
        };
        response.writeHead(200, { 'content-type': 'application/vnd.apple.mpegurl' }).write('#EXTM3U\n');
        more();
      },
      (origin) => ({ url: `${origin}/a.m3u8` }),
    );
    await assert.rejects(endless.fetch(endless.address), code('source-failed'));
    assert.ok(sent < 64 * 1024 * 1024, `${sent} bytes`);
    await using page = await openRig(
      (_, response) => response.end('<html>'),
      (origin) => ({ url: `${origin}/a.m3u8` }),
    );
    await assert.rejects(page.fetch(page.address), code('source-failed'));
  });

  test('rewrites keys, maps, byte ranges and nested playlists; data: addresses stay what they are', async () => {
    const lists: Readonly<Record<string, string>> = {
      '/m/a.m3u8': '#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n../other/v.m3u8\n',
      '/other/v.m3u8': [
        ...['#EXTM3U', '#EXT-X-KEY:METHOD=AES-128,URI="data:text/plain;base64,AAAA"'],
        ...['#EXT-X-KEY:METHOD=AES-128,URI="/keys/k?id=1"', '#EXT-X-MAP:URI="all.mp4",BYTERANGE="10@0"'],
        ...['#EXTINF:4,', '#EXT-X-BYTERANGE:5@10', 'all.mp4', '#EXT-X-ENDLIST', ''],
      ].join('\n'),
    };
    await using rig = await openRig(
      ({ url }, response) => {
        response.setHeader('content-type', url!.endsWith('m3u8') ? 'audio/mpegurl' : 'application/octet-stream');
        response.end(lists[url!] ?? 'bytes');
      },
      (origin) => ({ url: `${origin}/m/a.m3u8` }),
    );
    const top = await rig.fetch(rig.address);
    const nested = from(top.text.split('\n')[2]!, rig.address);
    const inner = (await rig.fetch(nested)).text.split('\n');
    assert.equal(inner[1], '#EXT-X-KEY:METHOD=AES-128,URI="data:text/plain;base64,AAAA"');
    assert.match(inner[3]!, /^#EXT-X-MAP:URI="\.\/[\w-]{22}\/all\.mp4",BYTERANGE="10@0"$/);
    assert.equal(inner[5], '#EXT-X-BYTERANGE:5@10');
    await rig.fetch(new URL(/URI="(.*)"/.exec(inner[2]!)![1]!, nested).href);
    await rig.fetch(new URL(inner[6]!, nested).href, { range: 'bytes=10-14' });
    assert.deepEqual(
      rig.requests.map(({ url, headers }) => [url, headers.range]),
      [
        ['/m/a.m3u8', undefined],
        ['/other/v.m3u8', undefined],
        ['/keys/k?id=1', undefined],
        ['/other/all.mp4', 'bytes=10-14'],
      ],
    );
  });

  test('rewrites every address of a manifest: bases, locations, links to other documents', async () => {
    const mpd = `<MPD type="dynamic" xmlns:xlink="http://www.w3.org/1999/xlink"><Location>https://evil.example/next.mpd</Location>
<BaseURL>https://cdn.example/a/</BaseURL><Period xlink:href="https://evil.example/period.xml"><BaseURL>http://169.254.169.254/x/</BaseURL>
<AdaptationSet><SegmentList><SegmentURL media="https://evil.example/1.m4s" index='//evil.example/1.sidx'/></SegmentList></AdaptationSet></Period></MPD>`;
    await using rig = await openRig(
      (_, response) => response.end(mpd),
      (origin) => ({ url: `${origin}/a.mpd` }),
    );
    const { text } = await rig.fetch(rig.address);
    assert.doesNotMatch(text.replace('http://www.w3.org/1999/xlink', ''), /https?:|\/\/|evil|169\.254/);
    const base = /<Period[^>]*><BaseURL>(.*?)<\/BaseURL>/.exec(text)![1]!;
    await assert.rejects(rig.fetch(from(`${base}latest`, rig.address)), code('proxy-refused'));
  });

  test('passes ranges on as they are and remembers none: a wrong one is the answer of the server', async () => {
    await using rig = await openRig(
      ({ headers: { range = '' } }, response) => {
        if (range.length > 100) response.writeHead(416, { 'content-range': 'bytes */10' }).end();
        else response.writeHead(200, { 'content-type': 'video/mp4' }).end('0123456789');
      },
      (origin) => ({ url: `${origin}/a.mp4` }),
    );
    const many = `bytes=${Array.from({ length: 200 }, (_, at) => `${at}-${at}`).join(',')}`;
    const refused = await rig.fetch(rig.address, { range: many });
    assert.deepEqual([refused.status, refused.headers['content-range'], refused.text], [416, 'bytes */10', '']);
    assert.equal((await rig.fetch(rig.address, { range: 'bytes=9-1' })).status, 200);
  });

  test('a short playlist does not become a gigabyte of addresses', async () => {
    const lines = (count: number, more: string) =>
      Array.from({ length: count }, (_, at) => `#EXTINF:1,\n${at}.ts${more}\n`).join('');
    const deep = `${'a/'.repeat(4000)}x.m3u8`;
    const lists: Readonly<Record<string, string>> = {
      '/variables.m3u8': `#EXTM3U\n#EXT-X-DEFINE:NAME="a",VALUE="${'x'.repeat(1_000_000)}"\n${lines(200, '')}`,
      '/top.m3u8': `#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n/variables.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=1\n${deep}\n`,
      [`/${deep}`]: `#EXTM3U\n${lines(2000, '?k')}`,
    };
    await using rig = await openRig(
      ({ url }, response) => response.end(lists[url!]),
      (origin) => ({ url: `${origin}/top.m3u8` }),
    );
    const [, , variables, , nested] = (await rig.fetch(rig.address)).text.split('\n') as [
      string,
      string,
      string,
      string,
      string,
    ];
    const peak = process.memoryUsage.rss();
    for (const address of [variables, nested])
      await assert.rejects(rig.fetch(from(address, rig.address)), /too long with the addresses/);
    assert.ok(process.memoryUsage.rss() - peak < 300 * 1024 * 1024);
  });

  test('keeps a bounded number of playlists in memory', async () => {
    let served = 0;
    const names = Array.from({ length: 202 }, (_, at) => `${at}.m3u8`);
    await using rig = await openRig(
      ({ url }, response) => {
        served += 1;
        response.setHeader('content-type', 'audio/mpegurl');
        response.end(`#EXTM3U\n${url === '/0.m3u8' ? names.join('\n') : ''}\n#EXT-X-ENDLIST\n`);
      },
      (origin) => ({ url: `${origin}/0.m3u8` }),
    );
    const lists = (await rig.fetch(rig.address)).text.split('\n').slice(1);
    const list = (at: number) => rig.fetch(from(lists[at]!, rig.address));
    for (let at = 1; at <= 201; at++) await list(at);
    await list(201);
    assert.equal(served, 202, 'the newest is remembered');
    await list(1);
    assert.equal(served, 203, 'the oldest is not');
  });
});
