import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Track, VideoTrack } from '@oxbow/media/frame';
import { audioTrack, videoTrack } from '@oxbow/media/isobmff/media.fixture';
import { hlsMultivariant } from '../format/hls-multivariant.ts';
import type { ServedStream } from '../served-stream.ts';
import type { PastWindow } from './past-presentation.ts';
import { clipSource, joinQualities } from './past-qualities.ts';

/** A window of ten segments, of which this many have no media. */
function windowOf(tracks: readonly Track[], missing = 0): PastWindow {
  const segments = Array.from({ length: 10 }, (_, i) => ({ tracks: i < missing ? [] : [{ trackId: 1 }] }));
  const description = { tracks, bandwidthOf: () => 1000, frameRateOf: () => 25 };
  return { segments, describe: () => description } as unknown as PastWindow;
}

test('a window lists a quality that has nine of ten segments, and one in place of the source where it has all', () => {
  const listed = (rung: string, missing: number) => {
    const quality = { ...(videoTrack as VideoTrack), id: 101, rung };
    const joined = joinQualities(windowOf([videoTrack, audioTrack]), [windowOf([quality, audioTrack], missing)]);
    return hlsMultivariant(joined, (id) => id).variants.map(({ uri }) => uri);
  };
  assert.deepEqual(listed('480', 1), ['av0', 'av0-480']);
  assert.deepEqual(listed('480', 2), ['av0']);
  assert.deepEqual(listed('480-full', 0), ['av0-480-full']);
  assert.deepEqual(listed('480-full', 1), ['av0'], 'what it misses would be missing in every quality');
});

test('a quality that did not exist in the requested time is refused with that time, and from when to when it exists', async () => {
  const SECOND = 1_000_000;
  const startUs = Date.parse('2026-03-01T12:00:00Z') * 1000;
  const groups = Array.from({ length: 5 }, (_, i) => ({
    startUs: startUs + (100 + i) * SECOND,
    tracks: i === 0 ? [] : [{ trackId: 1 }],
  }));
  const recording = {
    countFrom: async (us: number) => groups.filter((each) => each.tracks.length > 0 && each.startUs >= us).length,
    walk: async (fromUs: number, toUs: number) =>
      groups.filter((each) => each.startUs >= fromUs && each.startUs < toUs),
  };
  const qualities = new Map([['240', { recording, settled: () => true }]]);
  const stream = { name: 'cam', createdUs: startUs, horizonUs: () => 0, qualities } as unknown as ServedStream;
  const refusal = (quality: string, fromS: number, toS: number) =>
    clipSource(stream, { fromUs: startUs + fromS * SECOND, toUs: startUs + toS * SECOND }, quality).then(
      () => 'taken',
      ({ message }: Error) => message,
    );
  assert.equal(
    await refusal('240p', 0, 60),
    'The quality 240p of cam is not recorded in all of 2026-03-01T12:00:00.000Z to 2026-03-01T12:01:00.000Z: it is recorded from 2026-03-01T12:01:41.000Z until 2026-03-01T12:01:44.000Z or later.',
  );
  assert.match(await refusal('480', 0, 60), /12:01:00.000Z: the stream has 240\.$/);
  assert.equal(await refusal('240', 101, 104), 'taken');
});
