import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { need } from '../../../test/fixtures/need.ts';
import { FPS, listOf, makeMedia, type Pull, pull, removeMedia, ts } from './pull.fixture.ts';

/** Before the second try, and before each later one: three quarters of 250 ms, and of half a second. */
const PAUSES_MS = [187.5, 375] as const;
/** Limits of failed segments without the minimum of 30 s or 60 s. */
const short = { limits: { minWaitMs: 0, endedWaitMs: 0 } };

/** When each of this many segments was published, ms. */
async function publishedAtMs(p: Pull, segments: number): Promise<number[]> {
  const atMs: number[] = [];
  for (let count = 1; count <= segments; count++) {
    await p.until(() => p.input.segments >= count);
    atMs.push(p.time.nowMs);
  }
  return atMs;
}

suite('failed segments are retried while the source lists them', {
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
    await p.end();
    assert.deepEqual([p.input.absences, p.input.damages, p.input.runs.length], [[], [], 1]);
    assert.equal(p.input.videoFrames, 8 * FPS);
    assert.equal(p.counts.retries, 4);
    assert.equal(p.time.nowMs, PAUSES_MS[0]);
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
    await p.end();
    await ranged.end();
    assert.deepEqual([p.input.absences, ranged.input.absences], [[], []]);
    assert.deepEqual([p.input.videoFrames, ranged.input.videoFrames], [4 * FPS, 2 * FPS]);
    assert.equal(p.time.nowMs, PAUSES_MS[0] + PAUSES_MS[1], 'the range was complete at the third try');
  });

  test('a request without response ends after a target duration, and the next one succeeds', async () => {
    await using p = await pull('/live.m3u8', {}, (origin) => {
      origin.fault('seg1.ts', { kind: 'hang' }, 1);
      origin.put('/live.m3u8', () => listOf({ segments: ts(0, 1, 2) }));
    });
    await p.until(() => p.input.segments === 3);
    // The target duration is 1 s; a request without response may take 2 s in any case.
    assert.equal(p.time.nowMs, 2000 + PAUSES_MS[0]);
    assert.deepEqual(p.input.absences, []);
  });

  test('a permanent 404 in a playlist of four hours delays the stream by at most the limit', async () => {
    await using p = await pull('/live.m3u8', short, (origin, time) => {
      const listed = () => 4 + Math.min(4, Math.floor(time.nowMs / 1000));
      const old = Array.from({ length: 4 * 3600 }, (_, n) => `old/${n}.ts`);
      origin.put('/live.m3u8', () => listOf({ segments: [...old, ...ts(0, 1, 2, 3, 4, 5, 6, 7).slice(0, listed())] }));
      origin.fault('/seg2.ts', { kind: 'status', status: 404 });
    });
    // The pull begins three segments before the edge.
    // A ninth try would end after three target durations.
    const givenUpMs = PAUSES_MS[0] + 6 * PAUSES_MS[1];
    assert.deepEqual(await publishedAtMs(p, 6), [0, givenUpMs, givenUpMs, givenUpMs, 3000, 4000]);
    assert.deepEqual(p.input.absences, ['source-skipped seg2.ts answered with HTTP 404 (8 tries)']);
    assert.equal(p.input.videoFrames, 6 * FPS);
    assert.equal(p.counts.skipped, 1);
  });

  test('during a permanent 404 in an EVENT playlist newer segments are downloaded, and nothing else is lost', async () => {
    let listed = 2;
    await using p = await pull('/live.m3u8', { limits: { minWaitMs: 20_000, endedWaitMs: 20_000 } }, (origin) => {
      const head = '#EXT-X-PLAYLIST-TYPE:EVENT\n';
      origin.put('/live.m3u8', () => {
        listed = Math.min(8, listed + 1);
        return listOf({ segments: ts(0, 1, 2, 3, 4, 5, 6, 7).slice(0, listed), end: listed === 8, head });
      });
      origin.fault('/seg1.ts', { kind: 'status', status: 404 });
    });
    await p.asked('/seg7.ts');
    assert.equal(p.input.segments, 1, 'the last segment is fetched before the missing one is given up');
    assert.equal(p.time.nowMs, 5000, 'when it is listed');
    await p.end();
    assert.equal(p.time.nowMs, PAUSES_MS[0] + 52 * PAUSES_MS[1]);
    assert.deepEqual(p.input.absences, ['source-skipped seg1.ts answered with HTTP 404 (54 tries)']);
    assert.equal(p.input.videoFrames, 7 * FPS);
  });

  test('a permanent 404 in an ended playlist is given up after the limit, and nothing else is lost', async () => {
    await using p = await pull('/ts/index.m3u8', { limits: { minWaitMs: 0, endedWaitMs: 4000 } }, (origin) => {
      origin.fault('/seg3.ts', { kind: 'status', status: 404 });
    });
    await p.end();
    assert.equal(p.time.nowMs, PAUSES_MS[0] + 9 * PAUSES_MS[1]);
    assert.deepEqual(p.input.absences, ['source-skipped seg3.ts answered with HTTP 404 (11 tries)']);
    assert.equal(p.input.videoFrames, 7 * FPS);
  });

  test('no segment of a short window is missed although the target duration is a minute', async () => {
    const loadedAtMs: number[] = [];
    await using p = await pull('/live.m3u8', {}, (origin, time) => {
      origin.put('/live.m3u8', () => {
        loadedAtMs.push(time.nowMs);
        const newest = Math.min(7, 2 + Math.floor(time.nowMs / 1000));
        const first = newest - 2;
        const list = listOf({ segments: ts(first, first + 1, first + 2), first, end: newest === 7 });
        return list.replace('TARGETDURATION:1', 'TARGETDURATION:60');
      });
    });
    await p.end();
    assert.deepEqual(loadedAtMs, [0, 1500, 3000, 4500, 6000], 'more often than once a target duration');
    assert.deepEqual(p.input.absences, []);
    assert.equal(p.input.videoFrames, 8 * FPS);
  });
});
