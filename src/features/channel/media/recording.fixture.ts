/**
 * Recordings of single pictures for tests.
 * In: numbers of segments. Out: what `recordedMedia` reads, and how often it looked into the index.
 */
import { crc32 } from 'node:zlib';
import type { Frame } from '@oxbow/media/frame';
import { fragmentLength, printFragment } from '@oxbow/media/isobmff/fragment';
import type { Init } from '@oxbow/media/segment';
import { videoTrack } from '../../../live/frames.fixture.ts';
import type { recordedMedia } from './stored-media.ts';

const track = videoTrack();

/** A recording of segments of ten seconds from `startS` on, by their numbers; each has one picture. */
export function recordingOf(msns: readonly number[], startS = 0) {
  const fragments = msns.map((msn, i) => {
    const startUs = (startS + i * 10) * 1e6;
    const at = startUs * 0.09;
    const frames: Frame[] = [{ trackId: 1, dts: at, pts: at, duration: 900_000, key: true, data: Buffer.from('x') }];
    const bytes = new Uint8Array(fragmentLength(frames));
    printFragment(bytes, 0, { sequence: 0, trackId: 1, tfdt: at, frames });
    const place = { trackId: 1, offset: i, length: bytes.length, crc: crc32(bytes), flags: 1, location: 'file' };
    return { bytes, group: { msn, startUs, durationUs: 10e6, utcOffsetUs: 0, run: 0, tracks: [place] } };
  });
  let queries = 0;
  const recording = {
    between: async (fromUs: number, toUs: number) => {
      queries++;
      return fragments.map(({ group }) => group).filter(({ startUs }) => startUs < toUs && startUs + 10e6 > fromUs);
    },
  };
  const parts = {
    recording,
    initOf: () => ({ tracks: [track] }) as unknown as Init,
    reader: { read: async (_location: unknown, offset: number) => fragments[offset]!.bytes },
  };
  return { parts: parts as unknown as Parameters<typeof recordedMedia>[0], queries: () => queries };
}
