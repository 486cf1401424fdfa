/**
 * Finds where media without a trusted clock belongs, by comparing it with the recording on both sides of a
 * gap: the same frames where the encode is the same, the loudness of the sound where it is not.
 * In: the surroundings of a gap, media on any clock. Out: its UTC offset and how exact it is, or the reason
 * why there is none. Two sides that contradict each other by seconds give none.
 */

import type { SoundLevels } from '@oxbow/media/align/energy';
import { type HashedFrame, matchFrames } from '@oxbow/media/align/frame-match';
import { matchSound, type SoundMatch } from '@oxbow/media/align/sound-match';
import type { AudioTrack, Frame, Track } from '@oxbow/media/frame';
import type { MeasureLevels } from '../../../ffmpeg/engine.ts';
import { readLevels } from '../../../ffmpeg/read-levels.ts';
import type { RecordedFrames } from '../../../recording/read-group.ts';
import type { Exactness, GapSurroundings } from '../source.ts';
import { hashFrames } from './coded-frames.ts';

/** Media on one clock. */
export interface ComparedMedia {
  readonly tracks: readonly Track[];
  /** In decode order of each track. */
  readonly frames: readonly Frame[];
  /** Hashes of earlier frames by their track; their bytes are not kept. */
  readonly early?: ReadonlyMap<number, readonly HashedFrame[]>;
}

/** Where media belongs. */
export type Placement =
  | {
      readonly isFound: true;
      /** UTC = offset + pts, µs since 1970. */
      readonly utcOffsetUs: number;
      readonly exactness: Exactness;
    }
  | {
      readonly isFound: false;
      /** A fragment for people. */
      readonly reason: string;
      /**
       * The media differs from the recording, or contradicts itself. False: nothing could be compared, so
       * that dates of the source may count.
       */
      readonly isContradicted: boolean;
    };

/** How media is compared. */
export interface MatchOptions {
  /** The offset that the clock of the source gives, µs; undefined without one. */
  readonly expectedUtcOffsetUs: number | undefined;
  /** Most by which that is wrong, ms. */
  readonly maxShiftMs: number;
  readonly measureLevels: MeasureLevels;
  readonly signal: AbortSignal;
}

/** One side of a gap, or a run of it: what is compared of its media. Pictures are not kept. */
interface Side {
  readonly tracks: readonly Track[];
  readonly utcOffsetUs: number;
  /** Of each track of video and audio, with UTC. */
  readonly hashed: readonly { readonly track: Track; readonly frames: HashedFrame[] }[];
  readonly sound: Frame[];
  /** Levels of the sound, once they were measured. */
  levels?: SoundLevels | undefined;
}

/**
 * The clock of a recording differs by at most this before and after a gap, ms: that of arrival is another one
 * after each connection. The media then continues what is before the gap.
 */
const MAX_APART_MS = 5000;
const KINDS = ['video', 'audio'] as const;
const reasons: Readonly<Record<Extract<SoundMatch, { isFound: false }>['reason'], string>> = {
  short: 'less than ten seconds of sound are on both sides of the edge',
  steady: 'its sound is silent or never changes',
  periodic: 'its sound repeats, so that several offsets fit',
  different: 'its sound differs from the recording',
};

/** The recorded media next to a gap; read once for all pieces of media that are compared. */
export class GapEdges {
  readonly #sides: readonly Side[];

  private constructor(sides: readonly Side[]) {
    this.#sides = sides;
  }

  /** Reads what is recorded around a gap. @throws as `GapSurroundings.read` */
  static async read(around: GapSurroundings, { signal }: { signal: AbortSignal }): Promise<GapEdges> {
    const sides: Side[] = [];
    for (const groups of [around.before, around.after]) {
      let side: Side | undefined;
      for (const group of groups) {
        const media = await around.read(group, { signal });
        if (!side || side.utcOffsetUs !== media.utcOffsetUs || side.tracks.length !== media.tracks.length) {
          side = sideOf(media);
          sides.push(side);
        }
        await add(side, media.frames, { signal });
      }
    }
    return new GapEdges(sides);
  }

  /** Whether there is nothing to compare with. */
  get isEmpty(): boolean {
    return this.#sides.length === 0;
  }

  /** Places media. @throws OxbowError `engine-failed`; the signal's reason when aborted */
  async place(media: ComparedMedia, options: MatchOptions): Promise<Placement> {
    if (this.isEmpty) return { isFound: false, reason: 'nothing is recorded to compare with', isContradicted: false };
    return (await this.#byFrames(media, options)) ?? (await this.#bySound(media, options));
  }

  /** The exact offset, where frames are the same; undefined otherwise. */
  async #byFrames(media: ComparedMedia, options: MatchOptions): Promise<Placement | undefined> {
    const { expectedUtcOffsetUs, maxShiftMs, signal } = options;
    for (const kind of KINDS) {
      const own = media.tracks.find((track) => track.kind === kind);
      if (!own) continue;
      const later = await hashFrames(own, media.frames, 0, { signal });
      const frames = [...(media.early?.get(own.id) ?? []), ...later];
      for (const { hashed } of this.#sides) {
        const recorded = hashed.find(({ track }) => track.kind === kind && track.config.codec === own.config.codec);
        const match = matchFrames(recorded?.frames ?? [], frames);
        if (!match.isFound) continue;
        const shiftUs = Math.abs(match.offsetUs - (expectedUtcOffsetUs ?? match.offsetUs));
        if (shiftUs > maxShiftMs * 1000) continue;
        return { isFound: true, utcOffsetUs: match.offsetUs, exactness: { kind: 'same-frames' } };
      }
    }
    return undefined;
  }

  async #bySound(media: ComparedMedia, options: MatchOptions): Promise<Placement> {
    const { expectedUtcOffsetUs, maxShiftMs, measureLevels, signal } = options;
    const own = media.tracks.find(isAudio);
    const levels = own && (await readLevels(own, media.frames, measureLevels, { signal }));
    if (!levels) return { isFound: false, reason: 'it has no sound to compare', isContradicted: false };
    // Times of a side are small numbers: of UTC, fractions of a millisecond would be rounded.
    const centreUs = expectedUtcOffsetUs ?? this.#sides[0]!.utcOffsetUs;
    const maxOffsetMs = expectedUtcOffsetUs === undefined ? Number.POSITIVE_INFINITY : maxShiftMs;
    const matches: SoundMatch[] = [];
    for (const side of this.#sides) {
      const track = side.tracks.find(isAudio);
      if (track) side.levels ??= await readLevels(track, side.sound, measureLevels, { signal });
      if (!side.levels) continue;
      const fromMs = side.levels.fromMs + (side.utcOffsetUs - centreUs) / 1000;
      matches.push(matchSound({ fromMs, levels: side.levels.levels }, levels, { maxOffsetMs }));
    }
    return placementOf(matches, centreUs);
  }
}

/** What the sides of a gap agree on. */
function placementOf(matches: readonly SoundMatch[], centreUs: number): Placement {
  const [first, other] = matches.filter((each) => each.isFound);
  const apartMs = first && other ? Math.abs(first.offsetMs - other.offsetMs) : 0;
  const agree = first && other && apartMs <= first.errorMs + other.errorMs;
  const best = agree && other.confidence > first.confidence ? other : first;
  if (!best) {
    const missed = matches.flatMap((each) => (each.isFound ? [] : each.reason));
    const reason = missed.find((each) => each === 'different') ?? missed[0];
    const text = reason ? reasons[reason] : 'the recording has no sound to compare';
    return { isFound: false, reason: text, isContradicted: reason === 'different' };
  }
  if (apartMs > MAX_APART_MS) {
    const reason = `its sound fits before and after the gap with offsets that differ by ${Math.round(apartMs)} ms`;
    return { isFound: false, reason, isContradicted: true };
  }
  const { offsetMs, errorMs, confidence } = best;
  const exactness: Exactness = { kind: 'sound', errorMs, confidence };
  return { isFound: true, utcOffsetUs: Math.round(centreUs + offsetMs * 1000), exactness };
}

function sideOf({ tracks, utcOffsetUs }: RecordedFrames): Side {
  const compared = tracks.filter(({ kind }) => kind === 'video' || kind === 'audio');
  return { tracks, utcOffsetUs, hashed: compared.map((track) => ({ track, frames: [] })), sound: [] };
}

async function add(side: Side, frames: readonly Frame[], { signal }: { signal: AbortSignal }): Promise<void> {
  for (const { track, frames: hashed } of side.hashed) {
    hashed.push(...(await hashFrames(track, frames, side.utcOffsetUs, { signal })));
  }
  const audio = side.tracks.find(isAudio);
  side.sound.push(...frames.filter(({ trackId }) => trackId === audio?.id));
}

function isAudio(track: Track): track is AudioTrack {
  return track.kind === 'audio';
}
