import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Track, VideoTrack } from '../../media/frame.ts';
import { audioTrack, videoTrack } from '../../media/isobmff/media.fixture.ts';
import { hlsMultivariant } from '../format/hls-multivariant.ts';
import type { PastWindow } from './past-presentation.ts';
import { joinQualities } from './past-qualities.ts';

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
