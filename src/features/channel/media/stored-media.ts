/**
 * Reads recordings and assets for a channel, segment by segment, without encoding.
 * In: the index of a recording or an asset, stored bytes. Out: pieces of frames. docs/media.md 20, 21.
 */
import type { Frame, Track } from '@oxbow/media/frame';
import type { CommittedTrack } from '@oxbow/media/isobmff/commit-box';
import { parseSegment } from '@oxbow/media/isobmff/segment-frames';
import { ticksToUs } from '@oxbow/media/run';
import type { Init } from '@oxbow/media/segment';
import type { AssetIndex } from '../../../archive/asset-index.ts';
import { readIntact } from '../../../archive/integrity/read-intact.ts';
import type { RangeReader } from '../../../archive/range-reader.ts';
import type { SegmentLocation } from '../../../archive/segment-store.ts';
import { sleep } from '../../../lib/abort.ts';
import { OxbowError } from '../../../lib/errors.ts';
import type { RecordedMedia } from '../../../recording/recording-reader.ts';
import { type Media, type Piece, playedTracks } from '../playable.ts';

/** The index of a recording is read for this long at a time, µs. */
const STEP_US = 60_000_000;
/** Longest hole that is looked through for more of a recording, µs. */
const MAX_HOLE_US = 24 * 3_600_000_000;
/** What is being recorded is looked for this often, ms. */
const GROWS_MS = 500;
/** A larger distance of two segments is a hole, µs. */
const HOLE_US = 500_000;

/** A stored segment of all tracks. */
interface StoredGroup {
  readonly msn: number;
  readonly startUs: number;
  readonly durationUs: number;
  readonly utcOffsetUs: number;
  readonly run: number;
  readonly init: Init | undefined;
  readonly tracks: readonly (CommittedTrack & { readonly location: SegmentLocation })[];
}

/** A recording that is played. */
interface RecordingParts {
  readonly recording: Pick<RecordedMedia, 'between'>;
  readonly initOf: (number: number) => Init | undefined;
  readonly reader: Pick<RangeReader, 'read'>;
  /** Where it ends now, µs since 1970: what is recorded later is waited for. Undefined: it does not grow. */
  readonly endUs?: (() => number) | undefined;
}

/**
 * A range of a recording; positions are UTC, µs since 1970, so that its gaps stay as long as they were.
 *
 * @param toUs its end
 */
export function recordedMedia({ recording, initOf, reader, endUs }: RecordingParts, toUs: number): Media {
  async function* groups(fromUs: number, signal: AbortSignal): AsyncGenerator<StoredGroup> {
    // Of the step before: what was found later of a gap has larger numbers than what follows it.
    let before: ReadonlySet<number> = new Set();
    let emptyUs = 0;
    for (let atUs = fromUs; atUs < toUs && emptyUs < MAX_HOLE_US; ) {
      signal.throwIfAborted(); // a long hole is looked through without anything to yield
      const lastUs = endUs?.() ?? toUs;
      const untilUs = Math.min(toUs, atUs + STEP_US);
      const found = await recording.between(atUs, untilUs);
      emptyUs = found.length === 0 ? emptyUs + STEP_US : 0;
      for (const group of found) {
        if (before.has(group.msn)) continue; // it overlaps two steps
        const tracks = group.tracks.map((track) => ({ ...track, location: track.location ?? group.location }));
        yield { ...group, init: initOf(group.initNumber), tracks };
      }
      before = new Set(found.map(({ msn }) => msn));
      if (lastUs >= untilUs) atUs = untilUs;
      else {
        atUs = Math.max(atUs, lastUs);
        emptyUs = 0;
        await sleep(GROWS_MS, { signal });
      }
    }
  }
  return {
    pieces: (fromUs, options) => read(groups(fromUs, options.signal), reader, (group) => group.utcOffsetUs, options),
  };
}

/** A recording without its gaps: what follows one moves to its beginning. */
export function withoutGaps(media: Media): Media {
  return {
    async *pieces(fromUs, options) {
      let nextUs = fromUs;
      let shiftUs = 0;
      for await (const piece of media.pieces(fromUs, options)) {
        const [first] = piece.frames;
        const scaleOf = (trackId: number) => piece.tracks.find(({ id }) => id === trackId)!.timescale;
        const startUs = ticksToUs(first!.pts, scaleOf(first!.trackId)) + piece.offsetUs;
        if (startUs - shiftUs - nextUs > HOLE_US) shiftUs = startUs - nextUs;
        nextUs = piece.frames.reduce(
          (end, { pts, duration, trackId }) => Math.max(end, ticksToUs(pts + duration, scaleOf(trackId))),
          Number.NEGATIVE_INFINITY,
        );
        nextUs += piece.offsetUs - shiftUs;
        yield { ...piece, offsetUs: piece.offsetUs - shiftUs };
      }
    },
  };
}

/** An asset; positions are µs from its start, without its gaps. */
export function assetMedia(index: AssetIndex, reader: Pick<RangeReader, 'read'>): Media {
  return {
    pieces(fromUs, options) {
      let shiftUs = 0;
      async function* groups(): AsyncGenerator<StoredGroup> {
        let endUs: number | undefined;
        for (const segment of index) {
          const joined = endUs !== undefined && Math.abs(segment.startUs + shiftUs - endUs) < HOLE_US;
          if (!joined) shiftUs = (endUs ?? 0) - segment.startUs;
          endUs = segment.startUs + shiftUs + segment.durationUs;
          if (endUs > fromUs) yield segment;
        }
      }
      return read(groups(), reader, (group) => group.utcOffsetUs + shiftUs, options);
    },
  };
}

/** The bytes of groups as pieces. */
async function* read(
  groups: AsyncIterable<StoredGroup>,
  reader: Pick<RangeReader, 'read'>,
  offsetOf: (group: StoredGroup) => number,
  { signal }: { readonly signal: AbortSignal },
): AsyncGenerator<Piece> {
  let before: { readonly group: StoredGroup; readonly offsetUs: number } | undefined;
  for await (const group of groups) {
    signal.throwIfAborted();
    const { init } = group;
    if (!init) throw new OxbowError('no-media', `The codec configuration of segment ${group.msn} is not known.`);
    const tracks = playedTracks(init.tracks);
    if (tracks.length === 0) throw new OxbowError('unsupported-media', 'It has no picture and no sound that plays.');
    const frames = (await Promise.all(tracks.map((track) => readFrames(group, track, reader)))).flat();
    const offsetUs = offsetOf(group);
    const jumps = before !== undefined && (before.group.run !== group.run || before.offsetUs !== offsetUs);
    before = { group, offsetUs };
    if (frames.length > 0) yield { tracks, frames: inOrder(frames, tracks), offsetUs, jumps };
  }
}

async function readFrames(group: StoredGroup, track: Track, reader: Pick<RangeReader, 'read'>): Promise<Frame[]> {
  const media = group.tracks.find(({ trackId, length }) => trackId === track.id && length > 0);
  if (!media) return [];
  const frames = parseSegment(await readIntact(reader, media));
  if (!frames) throw new OxbowError('unsupported-media', `Segment ${group.msn} cannot be parsed.`);
  return frames;
}

/** Frames of all tracks by their decode times. */
function inOrder(frames: readonly Frame[], tracks: readonly Track[]): readonly Frame[] {
  const scales = new Map(tracks.map(({ id, timescale }) => [id, timescale]));
  const atS = ({ dts, trackId }: Frame) => dts / scales.get(trackId)!;
  return frames.toSorted((a, b) => atS(a) - atS(b));
}
