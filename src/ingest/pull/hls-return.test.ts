import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { need } from '../../../test/fixtures/need.ts';
import type { Origin } from '../../../test/fixtures/origin.ts';
import { FPS, listOf, makeMedia, type Pull, pull, removeMedia, requested, ts } from './pull.fixture.ts';
import { spanOf } from './run/recording-input.fixture.ts';

const awaited = { awaitReturn: true } as const;
const OFFLINE = 'offline the source ended its playlist; oxbow checks at least once a minute whether it returns';

/** When the playlists of these tests have ended, ms: at their second load. */
const ENDED_MS = 1000;
/** Distance of loads of an ended playlist, at first: half a target duration. */
const POLL_MS = 500;

/** A playlist that is live at first, then ends with one more segment. */
function endingList(origin: Origin, path: string, uris: readonly string[]): void {
  let loads = 0;
  origin.put(path, () => listOf({ segments: uris.slice(0, loads++ === 0 ? -1 : undefined), end: loads > 1 }));
}

/** The segments of another session of the encoder, with other names. */
async function putNew(origin: Origin, folder: string): Promise<void> {
  for (let n = 0; n < 4; n++) origin.put(`/new${n}.ts`, await readFile(join(folder, `other/seg${n}.ts`)));
}

/** Moves time until this many further requests for `path` came. */
const reloads = (p: Pull, path: string, times: number) =>
  p.asked(path, p.origin.requests.filter((one) => one.includes(path)).length + times);

suite('a live source that ends its playlist', { skip: need('ffmpeg') }, () => {
  let folder = '';
  before(async () => {
    folder = await makeMedia({
      ts: { seconds: 8 },
      other: { seconds: 4 },
      apart: { seconds: 4, container: 'fmp4', audio: 'separate' },
    });
  });
  after(removeMedia);
  const prepare = async (origin: Origin, uris: readonly string[]) => {
    await putNew(origin, folder);
    endingList(origin, '/live.m3u8', uris);
  };

  test('is offline, polled, and pulled again when it is live again with sequence numbers from 0', async () => {
    await using p = await pull('/live.m3u8', awaited, (origin) => prepare(origin, ts(0, 1, 2, 3)));
    await p.until(() => p.input.absences.length === 1);
    assert.deepEqual(p.input.absences, [OFFLINE]);
    assert.equal(p.input.videoFrames, 4 * FPS);
    await reloads(p, '/live.m3u8', 3);
    assert.equal(p.time.nowMs, ENDED_MS + 3 * POLL_MS);
    assert.equal(requested(p.origin).length, 4, 'the ended list is not fetched again');
    p.origin.put('/live.m3u8', listOf({ segments: ['new0.ts', 'new1.ts'] }));
    await p.until(() => p.input.segments === 6);
    assert.equal(p.input.videoFrames, 6 * FPS);
    const [first, second] = p.input.runs.map(spanOf);
    assert.ok(second!.fromUs >= first!.toUs);
    assert.deepEqual(p.input.absences, [OFFLINE]);
  });

  test('may reuse file names after a restart, and nothing is lost', async () => {
    await using p = await pull('/live.m3u8', awaited, (origin) => prepare(origin, ts(0, 1, 2)));
    await p.until(() => p.input.absences.length === 1);
    // Longer than the lag of caches.
    await reloads(p, '/live.m3u8', 7);
    assert.equal(p.time.nowMs, ENDED_MS + 7 * POLL_MS);
    p.origin.put('/live.m3u8', listOf({ segments: ts(0, 1) }));
    await p.until(() => p.input.segments === 5);
    assert.equal(p.input.videoFrames, 5 * FPS);
  });

  test('may continue its playlist after a DISCONTINUITY', async () => {
    await using p = await pull('/live.m3u8', awaited, (origin) => prepare(origin, ts(0, 1, 2)));
    await p.until(() => p.input.absences.length === 1);
    const [three, four] = ['#EXT-X-DISCONTINUITY\nnew0.ts', 'new1.ts'];
    p.origin.put('/live.m3u8', listOf({ segments: [...ts(0, 1, 2), three, four] }));
    await p.until(() => p.input.segments === 5);
    p.origin.put('/live.m3u8', listOf({ segments: [...ts(0, 1, 2), three, four, 'new2.ts'], end: true }));
    await p.until(() => p.input.absences.length === 2);
    assert.deepEqual(p.input.absences, [OFFLINE, OFFLINE]);
    assert.equal(p.input.videoFrames, 6 * FPS);
    assert.equal(requested(p.origin).length, 6, 'each was fetched once');
  });

  test('may have ended again at the next reload: its new segments are pulled, a copy of old ones is not', async () => {
    await using p = await pull('/live.m3u8', awaited, (origin) => prepare(origin, ts(0, 1, 2)));
    await p.until(() => p.input.absences.length === 1);
    const copy = Array.from({ length: 60 }, (_, n) => `archive/${n}.ts`);
    p.origin.put('/live.m3u8', listOf({ segments: copy, end: true }));
    await reloads(p, '/live.m3u8', 2);
    p.origin.put('/live.m3u8', listOf({ segments: ['new0.ts', 'new1.ts'], end: true }));
    await p.until(() => p.input.segments === 5);
    assert.equal(p.input.videoFrames, 5 * FPS);
    assert.equal(requested(p.origin).length, 5);
  });

  test('is located again through its Multivariant Playlist, with its audio', async () => {
    const list = (kind: 0 | 1, from: number, to: number, end: boolean) => {
      const segments = Array.from({ length: to - from }, (_, i) => `apart/${kind}-seg${from + i}.m4s`);
      segments[0] = `#EXT-X-MAP:URI="apart/init-${kind}.mp4"\n${segments[0]}`;
      return listOf({ segments, end });
    };
    const master = (name: string) =>
      `#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="a",URI="${name}-0.m3u8"\n` +
      `#EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO="a"\n${name}-1.m3u8\n`;
    await using p = await pull('/master.m3u8', awaited, (origin) => {
      origin.put('/master.m3u8', master('first'));
      for (const kind of [0, 1] as const) {
        let loads = 0;
        origin.put(`/first-${kind}.m3u8`, () => list(kind, 0, loads++ === 0 ? 1 : 2, loads > 1));
        origin.put(`/second-${kind}.m3u8`, list(kind, 2, 4, false));
      }
    });
    await p.until(() => p.input.absences.length === 1);
    assert.deepEqual(p.input.absences, [OFFLINE]);
    p.origin.put('/master.m3u8', master('second'));
    await p.until(() => p.input.segments === 4);
    assert.equal(p.input.videoFrames, 4 * FPS);
    const last = p.input.runs.at(-1)!;
    const audio = last.start.tracks.find(({ kind }) => kind === 'audio');
    assert.ok(last.frames.filter(({ trackId }) => trackId === audio?.id).length > 80, 'its audio has returned as well');
  });

  test('stays offline, not down, while its server is away', async () => {
    await using p = await pull('/live.m3u8', awaited, (origin) => prepare(origin, ts(0, 1, 2)));
    await p.until(() => p.input.absences.length === 1);
    p.origin.fault('/live.m3u8', { kind: 'status', status: 503 }, 4);
    await reloads(p, '/live.m3u8', 5);
    assert.equal(p.time.nowMs, ENDED_MS + 5 * POLL_MS);
    p.origin.put('/live.m3u8', listOf({ segments: ['new0.ts'] }));
    await p.until(() => p.input.segments === 4);
    assert.deepEqual(p.input.absences, [OFFLINE]);
  });

  test('that had ended before a restart of oxbow is not VOD: nothing is pulled twice, but its return is', async () => {
    await using p = await pull('/live.m3u8', { ...awaited, wasLive: true }, async (origin) => {
      await putNew(origin, folder);
      origin.put('/live.m3u8', listOf({ segments: ts(0, 1, 2, 3), end: true }));
    });
    await p.until(() => p.input.absences.length === 1);
    assert.deepEqual([p.input.absences, requested(p.origin)], [[OFFLINE], []]);
    p.origin.put('/live.m3u8', listOf({ segments: [...ts(0, 1, 2, 3), '#EXT-X-DISCONTINUITY\nnew0.ts'] }));
    await p.until(() => p.input.segments === 1);
    assert.equal(p.input.videoFrames, FPS);
  });

  test('ends the pull without awaitReturn, and so does VOD', async () => {
    await using live = await pull('/live.m3u8', {}, (origin) => endingList(origin, '/live.m3u8', ts(0, 1, 2)));
    await using vod = await pull('/ts/index.m3u8', awaited);
    await live.end();
    await vod.end();
    assert.deepEqual([live.input.absences, vod.input.absences], [[], []]);
    assert.equal(vod.input.videoFrames, 8 * FPS);
  });
});
