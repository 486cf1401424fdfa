/**
 * Levels of the sound of some media, decoded by the process of the media engine.
 * In: frames of an audio track. Out: levels on the clock of the frames.
 */
import { LEVELS_PER_SECOND, type SoundLevels } from '@oxbow/media/align/energy';
import { concatBytes } from '@oxbow/media/bytes';
import type { AudioTrack, Frame } from '@oxbow/media/frame';
import { fragmentLength, printFragment } from '@oxbow/media/isobmff/fragment';
import { printInit } from '@oxbow/media/isobmff/init';
import type { MeasureLevels } from './engine.ts';

/** Longest sound that is decoded at once, s: about a third of a second of processor time. */
export const MAX_SOUND_S = 300;

/**
 * Measures the sound of a track, its first five minutes.
 *
 * @returns undefined if there is none
 * @throws OxbowError `engine-failed`; the signal's reason when aborted
 */
export async function readLevels(
  track: AudioTrack,
  allFrames: readonly Frame[],
  measureLevels: MeasureLevels,
  { signal }: { signal: AbortSignal },
): Promise<SoundLevels | undefined> {
  const { id, timescale } = track;
  const ofTrack = allFrames.filter(({ trackId }) => trackId === id);
  const first = ofTrack[0]?.dts;
  if (first === undefined) return undefined;
  const frames = ofTrack.filter(({ dts }) => dts - first < MAX_SOUND_S * timescale);
  const pieces = withoutHoles(frames).map((piece, i) => {
    const bytes = new Uint8Array(fragmentLength(piece));
    printFragment(bytes, 0, { sequence: i + 1, trackId: id, tfdt: piece[0]!.dts - first, frames: piece });
    return bytes;
  });
  const bytes = concatBytes([printInit([track]), ...pieces]);
  const levels = await measureLevels(bytes, MAX_SOUND_S * LEVELS_PER_SECOND, { signal });
  return levels.length === 0 ? undefined : { fromMs: (first / timescale) * 1000, levels };
}

/** Stretches of frames that follow each other: a fragment has no holes. */
function withoutHoles(frames: readonly Frame[]): Frame[][] {
  const pieces: Frame[][] = [];
  let endsAt = Number.NaN;
  for (const frame of frames) {
    if (!(Math.abs(frame.dts - endsAt) <= frame.duration)) pieces.push([]);
    pieces.at(-1)!.push(frame);
    endsAt = frame.dts + frame.duration;
  }
  return pieces.filter((piece) => piece.length > 0);
}
