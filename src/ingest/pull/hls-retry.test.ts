import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { need } from '../../../test/fixtures/need.ts';
import { FPS, listOf, makeMedia, type Pull, pull, removeMedia, ts } from './pull.fixture.ts';

/** Three target durations of the playlists of these tests, seconds. */
const LIMIT_S = 3;
/** The same limits without the minimum of 30 s or 60 s. */
const short = { limits: { minWaitMs: 0, endedWaitMs: 0 } };

/** Resolves when so many segments have been published; gives the longest time between two of them, ms. */
async function longestPauseMs(p: Pull, segments: number): Promise<number> {
  let last = performance.now();
  let longest = 0;
  for (let count = 1; count <= segments; count++) {
    await p.input.until(() => p.input.segments >= count);
    longest = Math.max(longest, performance.now() - last);
    last = performance.now();
  }
  return longest;
}

suite('failed segments are retried while the source lists them', {
  concurrency: 6,
  skip: need('ffmpeg'),
}, () => {
  let folder = '';
  const read = (path: string) => readFile(join(folder, path));
  before(async () => {
    folder = await makeMedia({ ts: { seconds: 8 }, fmp4: { seconds: 4, container: 'fmp4' } });
  });
  after(removeMedia);

  test('a segment that is once a web page, empty or truncated is not lost', async () => {
    await using p = await pull('/ts/index.m3u8', {}, async (origin) => {
      const whole = await read('ts/seg3.ts');
      origin.fault('seg1.ts', { kind: 'body', body: '<html>busy</html>' }, 1);
      origin.fault('seg2.ts', { kind: 'body', body: '' }, 1);
      origin.fault('seg3.ts', { kind: 'body', body: whole.subarray(0, Math.floor(whole.length / 2)) }, 1);
      // Complete packets, as from a server that reads a growing file.
      origin.fault('seg4.ts', { kind: 'body', body: whole.subarray(0, 188 * Math.floor(whole.length / 376)) }, 1);
    });
    await p.done;
    assert.deepEqual([p.input.absences, p.input.damages, p.input.runs.length], [[], [], 1]);
    assert.equal(p.input.videoFrames, 8 * FPS);
    assert.equal(p.counts.retries, 4);
  });

  test('a truncated fragment, byte range or Media Initialization Section is not lost either', async () => {
    await using p = await pull('/fmp4/index.m3u8', {}, async (origin) => {
      const [init, segment] = [await read('fmp4/init.mp4'), await read('fmp4/seg2.m4s')];
      origin.fault('init.mp4', { kind: 'body', body: init.subarray(0, init.length - 100) }, 1);
      origin.fault('seg2.m4s', { kind: 'body', body: segment.subarray(0, segment.length - 10) }, 1);
    });
    await using ranged = await pull('/live.m3u8', {}, async (origin) => {
      const parts = [await read('ts/seg0.ts'), await read('ts/seg1.ts')] as const;
      const whole = Buffer.concat(parts);
      let loads = 0;
      // The file grows after the playlist lists its end.
      origin.put('/all.ts', () => whole.subarray(0, loads++ < 3 ? parts[0].length + 1000 : whole.length));
      const ranges = parts.map(({ length }, i) => `#EXT-X-BYTERANGE:${length}@${i * parts[0].length}\nall.ts`);
      origin.put('/live.m3u8', listOf({ segments: ranges, end: true }));
    });
    await Promise.all([p.done, ranged.done]);
    assert.deepEqual([p.input.absences, ranged.input.absences], [[], []]);
    assert.deepEqual([p.input.videoFrames, ranged.input.videoFrames], [4 * FPS, 2 * FPS]);
  });

  test('a request without response ends after a target duration, and the next one succeeds', async () => {
    const started = performance.now();
    await using p = await pull('/live.m3u8', {}, (origin) => {
      origin.fault('seg1.ts', { kind: 'hang' }, 1);
      origin.put('/live.m3u8', () => listOf({ segments: ts(0, 1, 2) }));
    });
    await p.input.until(() => p.input.segments === 3);
    // The target duration is 1 s; without it a request may take 8 s and more.
    assert.ok(performance.now() - started < 7000);
    assert.deepEqual(p.input.absences, []);
  });

  test('a permanent 404 in a playlist of four hours delays the stream by at most the limit', async () => {
    const began = performance.now();
    const listed = () => 4 + Math.min(4, Math.floor((performance.now() - began) / 1000));
    await using p = await pull('/live.m3u8', short, (origin) => {
      const old = Array.from({ length: 4 * 3600 }, (_, n) => `old/${n}.ts`);
      origin.put('/live.m3u8', () => listOf({ segments: [...old, ...ts(0, 1, 2, 3, 4, 5, 6, 7).slice(0, listed())] }));
      origin.fault('/seg2.ts', { kind: 'status', status: 404 });
    });
    // The pull begins three segments before the edge.
    const pauseMs = await longestPauseMs(p, 6);
    // Four hours would be much more; a busy machine may need a few seconds for such a playlist.
    assert.ok(pauseMs < (LIMIT_S + 9) * 1000, `${pauseMs} ms without media`);
    assert.equal(p.input.absences.length, 1);
    assert.match(p.input.absences[0]!, /^source-skipped HTTP 404 seg2\.ts \(\d+ tries\)$/);
    assert.equal(p.input.videoFrames, 6 * FPS);
    assert.equal(p.counts.skipped, 1);
  });

  test('during a permanent 404 in an EVENT playlist newer segments are downloaded, and nothing else is lost', async () => {
    let listed = 2;
    let newestWhileHeld = 0;
    await using p = await pull('/live.m3u8', { limits: { minWaitMs: 20_000, endedWaitMs: 20_000 } }, (origin) => {
      const head = '#EXT-X-PLAYLIST-TYPE:EVENT\n';
      origin.put('/live.m3u8', () => {
        listed = Math.min(8, listed + 1);
        return listOf({ segments: ts(0, 1, 2, 3, 4, 5, 6, 7).slice(0, listed), end: listed === 8, head });
      });
      origin.fault('/seg1.ts', { kind: 'status', status: 404 });
    });
    await p.origin.asked('/seg7.ts');
    newestWhileHeld = p.input.segments;
    await p.done;
    assert.equal(newestWhileHeld, 1, 'the last segment was fetched before the missing one was given up');
    assert.match(p.input.absences.join(), /^source-skipped HTTP 404 seg1\.ts \(\d+ tries\)$/);
    assert.equal(p.input.videoFrames, 7 * FPS);
  });

  test('a permanent 404 in an ended playlist is given up after the limit, and nothing else is lost', async () => {
    const started = performance.now();
    await using p = await pull('/ts/index.m3u8', { limits: { minWaitMs: 0, endedWaitMs: 4000 } }, (origin) => {
      origin.fault('/seg3.ts', { kind: 'status', status: 404 });
    });
    await p.done;
    const tookMs = performance.now() - started;
    assert.ok(tookMs > 3000 && tookMs < 20_000, `${tookMs} ms`);
    assert.match(p.input.absences.join(), /^source-skipped HTTP 404 seg3\.ts \(\d+ tries\)$/);
    assert.equal(p.input.videoFrames, 7 * FPS);
  });

  test('no segment of a short window is missed although the target duration is a minute', async () => {
    const began = performance.now();
    let newest = 2;
    await using p = await pull('/live.m3u8', {}, (origin) => {
      origin.put('/live.m3u8', () => {
        // A segment is added each second, but none leaves the window that a slow machine could not have seen.
        newest = Math.min(7, newest + 2, 2 + Math.floor((performance.now() - began) / 1000));
        const first = newest - 2;
        const list = listOf({ segments: ts(first, first + 1, first + 2), first, end: newest === 7 });
        return list.replace('TARGETDURATION:1', 'TARGETDURATION:60');
      });
    });
    await p.done;
    assert.ok(performance.now() - began < 30_000, 'it is loaded more often than once a target duration');
    assert.deepEqual(p.input.absences, []);
    assert.equal(p.input.videoFrames, 8 * FPS);
  });
});
