import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { need } from '../../../test/fixtures/need.ts';
import type { Asked } from '../../../test/fixtures/origin.ts';
import type { SourceFacts } from '../../api/source-facts.ts';
import { FPS, listOf, makeMedia, pull, pullOverNetwork, removeMedia, requested, ts } from './pull.fixture.ts';

suite('pulling HLS from real-world servers', { skip: need('ffmpeg') }, () => {
  let folder = '';
  const read = (path: string) => readFile(join(folder, path));
  before(async () => {
    folder = await makeMedia({ ts: { seconds: 6 }, fmp4: { seconds: 3, container: 'fmp4' } });
  });
  after(removeMedia);

  test('the requested quality is pulled, and all qualities are reported', async () => {
    const reported: SourceFacts[] = [];
    const options = { quality: '200p', onFacts: (facts: SourceFacts) => void reported.push(facts) };
    await using p = await pull('/master.m3u8', options, (origin) => {
      origin.put(
        '/master.m3u8',
        [
          '#EXTM3U',
          '#EXT-X-SESSION-DATA:DATA-ID="com.apple.hls.title",VALUE="The harbour"',
          '#EXT-X-STREAM-INF:BANDWIDTH=100000,RESOLUTION=160x90\nts/index.m3u8',
          '#EXT-X-STREAM-INF:BANDWIDTH=900000,RESOLUTION=640x360,FRAME-RATE=50\nhigh.m3u8',
        ].join('\n'),
      );
    });
    await p.end();
    assert.equal(p.input.videoFrames, 6 * FPS);
    assert.deepEqual(reported.at(-1), {
      protocol: 'hls',
      container: 'mpegts',
      title: 'The harbour',
      live: false,
      durationS: 6,
      qualities: [
        { name: '360p50', width: 640, height: 360, frameRate: 50, bandwidth: 900_000 },
        { name: '90p', width: 160, height: 90, bandwidth: 100_000 },
      ],
      chosen: '90p',
    });
  });

  test('the depth of a live playlist is reported once while it stays about the same', async () => {
    const reported: SourceFacts[] = [];
    await using p = await pull('/live.m3u8', { onFacts: (facts) => void reported.push(facts) }, (origin) => {
      let loads = 0;
      origin.put('/live.m3u8', () =>
        listOf({ segments: ts(0, 1, 2, 3, 4, 5).slice(0, 4 + loads), end: loads++ === 1 }),
      );
    });
    await p.end();
    assert.deepEqual(
      reported.map(({ container, live, backS, durationS }) => [container, live, backS, durationS]),
      [
        ['', true, 4, undefined],
        ['mpegts', true, 4, undefined],
        ['mpegts', false, undefined, 5],
      ],
    );
  });

  test('cookies of each server are sent back to it, in addition to configured ones', async () => {
    const seen: (string | undefined)[] = [];
    const note = (request: Asked) => void seen.push(request.headers.cookie);
    await using p = await pull('/start', { headers: { Cookie: 'own=1; pass=old' } }, (origin) => {
      origin.put('/start', (request) => {
        note(request);
        const cookie = ['pass=new; Path=/; HttpOnly', 'x=other; Domain=example.com', 'far=1; Path=/elsewhere'];
        return { status: 302, headers: { location: '/live.m3u8', 'set-cookie': cookie } };
      });
      origin.put('/live.m3u8', (request) => {
        note(request);
        return { status: 200, headers: { 'set-cookie': 'seg=2' }, body: listOf({ segments: ['a.ts'], end: true }) };
      });
      origin.put('/a.ts', (request) => {
        note(request);
        return { status: 302, headers: { location: '/ts/seg0.ts' } };
      });
    });
    await p.end();
    assert.deepEqual(seen, ['own=1; pass=old', 'own=1; pass=new', 'own=1; pass=new; seg=2']);
    assert.equal(p.input.videoFrames, FPS);
  });

  test('every request has the configured User-Agent', async () => {
    const seen = new Set<string | undefined>();
    await using p = await pull('/live.m3u8', { userAgent: 'vsr' }, async (origin) => {
      const segment = await read('ts/seg0.ts');
      origin.put('/live.m3u8', ({ headers }) => {
        seen.add(headers['user-agent']);
        return listOf({ segments: ['s.ts'], end: true });
      });
      origin.put('/s.ts', ({ headers }) => {
        seen.add(headers['user-agent']);
        return segment;
      });
    });
    await p.end();
    assert.deepEqual([...seen], ['iptv/1.0']);
  });

  for (const [encoding, pack] of [
    ['gzip', gzipSync],
    ['br', brotliCompressSync],
  ] as const) {
    test(`a playlist in ${encoding} encoding, with CRLF, a byte order mark and all forms of URLs is read`, async () => {
      // Packers work in threads, which virtual time cannot see.
      await using p = await pullOverNetwork('/deep/er/live.m3u8', (origin) => {
        const { host } = new URL(origin.url);
        const segments = ['../../ts/seg0.ts', '/ts/seg1.ts', `//${host}/ts/seg2.ts`, `${origin.url}/ts/seg3.ts`];
        const text = `\uFEFF${listOf({ segments, end: true }).replaceAll('\n', '\r\n')}`;
        origin.put('/deep/er/live.m3u8', () => ({
          status: 200,
          headers: { 'content-encoding': encoding },
          body: pack(text),
        }));
      });
      await p.done;
      assert.deepEqual([p.input.absences, p.input.videoFrames], [[], 4 * FPS]);
    });
  }

  test('segments with changing tokens are recognized as old', async () => {
    await using p = await pull('/live.m3u8', {}, (origin) => {
      let loads = 0;
      origin.put('/live.m3u8', () => {
        const count = Math.min(6, 3 + loads++);
        const segments = ts(0, 1, 2, 3, 4, 5)
          .slice(0, count)
          .map((uri) => `${uri}?token=${loads}`);
        return listOf({ segments, end: count === 6 });
      });
    });
    await p.end();
    assert.equal(p.input.videoFrames, 6 * FPS);
    assert.deepEqual([p.counts.duplicates, p.counts.resets, p.input.runs.length], [0, 0, 1]);
    assert.equal(requested(p.origin, '').filter((name) => name.includes('.ts')).length, 6);
  });

  test('byte ranges of one file, its Media Initialization Section included, from servers with and without range support', async () => {
    const pieces = await Promise.all(['init.mp4', 'seg0.m4s', 'seg1.m4s'].map((name) => read(`fmp4/${name}`)));
    const whole = Buffer.concat(pieces);
    const [a, b, c] = pieces.map(({ length }) => length) as [number, number, number];
    const map = `#EXT-X-MAP:URI="all.mp4",BYTERANGE="${a}@0"`;
    const segments = [`${map}\n#EXT-X-BYTERANGE:${b}@${a}\nall.mp4`, `#EXT-X-BYTERANGE:${c}\nall.mp4`];
    for (const knows of [true, false]) {
      await using p = await pull('/list.m3u8', {}, (origin) => {
        origin.put('/all.mp4', () => (knows ? whole : { status: 200, body: whole }));
        origin.put('/list.m3u8', listOf({ segments, end: true }));
      });
      await p.end();
      assert.deepEqual([p.input.absences, p.input.videoFrames], [[], 2 * FPS]);
    }
  });

  test('a range outside of its file is retried because the file may grow, and so is a wrong range', async () => {
    const [first, second] = [await read('ts/seg0.ts'), await read('ts/seg1.ts')];
    let asks = 0;
    await using p = await pull('/list.m3u8', { limits: { minWaitMs: 0, endedWaitMs: 0 } }, (origin) => {
      origin.put('/gone.ts', () => ({ status: 416 }));
      origin.put('/odd.ts', () => {
        asks += 1;
        const from = asks === 1 ? 188 : 0;
        return {
          status: 206,
          headers: { 'content-range': `bytes ${from}-${first.length - 1}/${first.length}` },
          body: first.subarray(from),
        };
      });
      origin.put('/two.ts', Buffer.concat([first, second]));
      const segments = [
        `#EXT-X-BYTERANGE:${first.length}@0\nodd.ts`,
        '#EXT-X-BYTERANGE:500@999999\ngone.ts',
        `#EXT-X-BYTERANGE:${second.length}@${first.length}\ntwo.ts`,
      ];
      origin.put('/list.m3u8', listOf({ segments, end: true }));
    });
    await p.end();
    assert.equal(asks, 2);
    assert.deepEqual(p.input.absences, ['source-skipped gone.ts answered with HTTP 416 (8 tries)']);
    assert.equal(requested(p.origin, 'gone.ts').length, 8);
    assert.equal(p.input.videoFrames, 2 * FPS);
  });

  test('the source is located before it is opened and again at once when its playlist is gone', async () => {
    let located = 0;
    let origin = '';
    let expired = false;
    const seen: [string, string | undefined, string | undefined][] = [];
    await using p = await pull(
      '/page',
      {
        headers: { 'X-Token': 'secret of the page' },
        async locate() {
          located += 1;
          expired = false;
          return { url: new URL(`${origin}/at${located}/live.m3u8`), headers: { 'X-At': String(located) } };
        },
      },
      (served) => {
        origin = served.url;
        const list = (request: Asked, count: number, name: string) => {
          seen.push([
            name,
            request.headers['x-at'] as string | undefined,
            request.headers['x-token'] as string | undefined,
          ]);
          return listOf({
            segments: ts(0, 1, 2, 3, 4, 5)
              .slice(0, count)
              .map((uri) => `/${uri}`),
            end: count === 6,
          });
        };
        served.put('/at1/live.m3u8', (request) => {
          if (expired) return { status: 403 };
          expired = true;
          return list(request, 3, 'at1');
        });
        served.put('/at2/live.m3u8', (request) => list(request, 6, 'at2'));
      },
    );
    await p.end();
    assert.equal(located, 2);
    assert.deepEqual(seen.slice(0, 2), [
      ['at1', '1', 'secret of the page'],
      ['at2', '2', 'secret of the page'],
    ]);
    assert.ok(!p.origin.requests.includes('/page'));
    assert.equal(p.input.videoFrames, 6 * FPS);
    assert.deepEqual(p.input.absences, []);
  });

  test('a Media Playlist whose URL expires is located again through the Multivariant Playlist', async () => {
    let session = 0;
    await using p = await pull('/master.m3u8', {}, (origin) => {
      origin.put('/master.m3u8', () => {
        session += 1;
        return `#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nlist.m3u8?session=${session}\n`;
      });
      let loads = 0;
      origin.put('/list.m3u8', ({ query }) => {
        loads += 1;
        if (loads > 1 && query.get('session') === '1') return { status: 410 };
        const count = loads === 1 ? 3 : 6;
        return listOf({ segments: ts(0, 1, 2, 3, 4, 5).slice(0, count), end: count === 6 });
      });
    });
    await p.end();
    assert.equal(session, 3, 'once more, to see what it was exchanged for');
    assert.deepEqual([p.input.videoFrames, p.input.runs.length, p.input.absences], [6 * FPS, 1, []]);
  });
});
