/**
 * A clip as MPEG-TS, whole and by range: each segment group muxed for itself, one after the other. How long it becomes is learned
 * once; the packets are made again when they are sent.
 * In: the groups of a clip. Out: pieces. ISO/IEC 13818-1; docs/media.md 20.
 */
import assert from 'node:assert/strict';
import type { Frame, Track } from '../../media/frame.ts';
import { type ClipLine, movieTimeOf } from '../../media/isobmff/clip/clip-times.ts';
import { movieTimescale } from '../../media/isobmff/movie/movie.ts';
import { muxedLength, muxSegment, type SegmentInput } from '../../media/mpegts/muxer/muxer.ts';
import { rescale } from '../../media/rescale.ts';
import type { BodyPart } from '../reply.ts';
import { askEach, type Memo } from './clip-memo.ts';
import { type Portion, portionsOf, type RemuxRequest, readFrames } from './clip-portion.ts';

/** The first picture is shown at this time or a little later, ticks of 90 kHz: decoding and the clock run ahead of it, and begin above 0. */
const START = 90_000;

/**
 * The pieces of an MPEG-TS file.
 *
 * @param memo lengths of portions, bytes, shared by all requests
 * @throws OxbowError `unsupported-media` for segments that cannot be taken apart, and for AAC that ADTS cannot carry
 */
export async function tsBody(
  request: RemuxRequest,
  memo: Memo<number>,
  { signal }: { signal: AbortSignal },
): Promise<BodyPart[]> {
  const { tracks, times, reader } = request;
  const used = tracks.filter(({ id }) => times.lines.some(({ track }) => track.id === id));
  const portions = portionsOf(request.groups);
  // The tables of all segments name the tracks of the clip, and are part of the length.
  const suffix = `#${used.map(({ id }) => id).join()}`;
  const learn = (portion: Portion) =>
    memo.learn(portion.key + suffix, async () => muxedLength(inputOf(used, await readFrames(portion, reader))));
  const lengths = await askEach(portions, learn, { signal });
  const start = START + Math.max(...times.lines.map(leadTime));
  return portions.map((portion, i): BodyPart => {
    const shifts = shiftsOf(request, i, start);
    const length = lengths[i]!;
    const read = async (): Promise<Uint8Array> => {
      const bytes = muxSegment(inputOf(used, await readFrames(portion, reader), shifts));
      assert.equal(bytes.length, length, 'packets are as many as were promised');
      return bytes;
    };
    return { length, read };
  });
}

/** How long before the clip's zero a track's decoding begins, ticks of 90 kHz, 0 or more. */
function leadTime(line: ClipLine): number {
  return Math.max(0, 0 - movieTimeOf(line, 0));
}

/** By track id: what to add to times of a group, ticks of 90 kHz. */
function shiftsOf({ groups, times }: RemuxRequest, index: number, start: number): Map<number, number> {
  const trackIds = groups[index]!.tracks.map(({ trackId }) => trackId);
  return new Map(
    times.lines.map((line) => {
      const delta = times.deltas[index]![trackIds.indexOf(line.track.id)] ?? 0;
      return [line.track.id, start + movieTimeOf(line, delta)];
    }),
  );
}

/**
 * Frames as the muxer gets them: all in ticks of 90 kHz before they are moved, so that the place in a clip changes no distance between
 * two of them, and with it no length.
 */
function inputOf(
  tracks: readonly Track[],
  frames: ReadonlyMap<number, readonly Frame[]>,
  shifts?: ReadonlyMap<number, number>,
): SegmentInput {
  const moved = new Map<number, readonly Frame[]>();
  for (const { id, timescale } of tracks) {
    const shift = shifts?.get(id) ?? 0;
    const toTicks = (time: number) => rescale(time, timescale, movieTimescale);
    const move = (frame: Frame): Frame => {
      const dts = toTicks(frame.dts) + shift;
      const duration = toTicks(frame.dts + frame.duration) + shift - dts;
      return { ...frame, dts, pts: toTicks(frame.pts) + shift, duration };
    };
    moved.set(id, (frames.get(id) ?? []).map(move));
  }
  return { tracks: tracks.map((track) => ({ ...track, timescale: movieTimescale })), frames: moved };
}
