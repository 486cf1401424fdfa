/**
 * The body of a clip as MPEG-TS: each segment group is muxed separately. The length of each is computed once;
 * the packets are created again when they are sent.
 * In: the groups of a clip. Out: body parts. ISO/IEC 13818-1; docs/media.md 20.
 */
import assert from 'node:assert/strict';
import type { Frame, Track } from '@oxbow/media/frame';
import { type ClipLine, movieTimeOf } from '@oxbow/media/isobmff/clip/clip-times';
import { movieTimescale } from '@oxbow/media/isobmff/movie/movie';
import { muxedLength, muxSegment, type SegmentInput } from '@oxbow/media/mpegts/muxer/muxer';
import { rescale } from '@oxbow/media/rescale';
import { mapEach } from '../../lib/map-each.ts';
import type { BodyPart } from '../reply.ts';
import type { Memo } from '../segment-memo.ts';
import { type Portion, portionsOf, type RemuxRequest, readFrames } from './clip-portion.ts';

/**
 * Presentation time of the first frame, ticks of 90 kHz, or slightly later: decode times and the PCR before
 * it must not be negative.
 */
const START = 90_000;

/**
 * The body of an MPEG-TS file.
 *
 * @param memo lengths of portions, bytes, shared by all requests
 * @throws OxbowError `unsupported-media` for segments that cannot be parsed, and for AAC that ADTS cannot
 *   carry
 */
export async function tsBody(
  request: RemuxRequest,
  memo: Memo<number>,
  { signal }: { signal: AbortSignal },
): Promise<BodyPart[]> {
  const { tracks, times, reader } = request;
  const used = tracks.filter(({ id }) => times.lines.some(({ track }) => track.id === id));
  const portions = portionsOf(request.groups);
  // The tables in each segment name the tracks of the clip, and count in the length.
  const suffix = `#${used.map(({ id }) => id).join()}`;
  const read = (portion: Portion) =>
    memo.get(portion.key + suffix, async () => muxedLength(inputOf(used, await readFrames(portion, reader))));
  const lengths = await mapEach(portions, read, { signal });
  const start = START + Math.max(...times.lines.map(leadTime));
  return portions.map((portion, i): BodyPart => {
    const shifts = shiftsOf(request, i, start);
    const length = lengths[i]!;
    const read = async (): Promise<Uint8Array> => {
      const bytes = muxSegment(inputOf(used, await readFrames(portion, reader), shifts));
      assert.equal(bytes.length, length, 'packets have the computed length');
      return bytes;
    };
    return { length, read };
  });
}

/** Time from the first decode time of a track to the clip's zero, ticks of 90 kHz, 0 or more. */
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
 * Converts frames for the muxer: to ticks of 90 kHz before they are shifted, so that the position in a clip
 * changes neither the distance between two frames nor the length.
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
