/**
 * What a simulated source does over hours: lives between restarts, segments, dates, breaks, failures; all of
 * it made from one seed.
 * In: numbers by chance. Out: a plan, and what is in each segment. Pure.
 */
import { concatBytes } from '@oxbow/media/bytes';
import type { Frame, Track } from '@oxbow/media/frame';
import { h264Config } from '@oxbow/media/h264/avcc';
import { fragmentLength, printFragment } from '@oxbow/media/isobmff/fragment';
import { audioTrack, videoTrack } from '@oxbow/media/isobmff/media.fixture';
import { muxSegment } from '@oxbow/media/mpegts/muxer/muxer';
import { PPS, printSps } from '@oxbow/media/mpegts/packets.fixture';
import { seeded } from '@oxbow/media/random.fixture';

/** Marks the frames of a simulated source, to distinguish them from silence that the packager adds. */
const MARK = 0xa5;
/** Distance of two sounds, seconds. */
const AUDIO_STEP_S = 0.5;
const GOP_S = 2;

/** Tracks of a simulated source. */
export const sourceTracks: { readonly video: Track; readonly audio: Track } = {
  video: { ...videoTrack, config: h264Config([printSps()], [PPS]) } as Track,
  audio: { ...audioTrack, language: 'und', label: '' },
};

/** How a request for a segment fails. */
export type Failure = 'status-404' | 'status-500' | 'truncated' | 'html' | 'hang';

/** A segment of the source, with its place in the source's life. */
export interface SourceSegment {
  /** Over all lives, in order. */
  readonly index: number;
  readonly life: number;
  /** EXT-X-MEDIA-SEQUENCE counts these. */
  readonly msn: number;
  readonly discontinuity: boolean;
  readonly discontinuitySequence: number;
  /** UTC that the source claims, ms since the simulation began; undefined if it has none. */
  readonly dateMs: number | undefined;
  /** Where its timestamps begin, seconds. */
  readonly mediaS: number;
  /** It is complete and listed, ms since the simulation began. */
  readonly listedMs: number;
  /** Requests that fail, one after the other; `for-ever`: all of them. */
  readonly failures: readonly Failure[];
  readonly isBroken: boolean;
}

/** One life of the encoder behind the source. */
export interface SourceLife {
  /** ms since the simulation began. */
  readonly startMs: number;
  readonly endMs: number;
  readonly segments: readonly SourceSegment[];
  /** What its list says when it is over, until the next one begins. */
  readonly after: 'ended' | 'gone' | 'frozen';
  /** Whether its list begins with what is left of the one before. */
  readonly continues: boolean;
}

/** A step of the wall clock of oxbow's host. */
export interface ClockStep {
  readonly atMs: number;
  readonly byMs: number;
}

/** All that happens. */
export interface SourcePlan {
  readonly seed: number;
  readonly segmentS: number;
  /** EXT-X-TARGETDURATION of its lists, which may be wrong in both directions. */
  readonly targetDurationS: number;
  readonly framesPerSecond: number;
  /** Segments in the list. */
  readonly windowSegments: number;
  readonly audio: 'none' | 'muxed' | 'separate';
  /** The audio list is this many segments ahead of the video's. */
  readonly audioAhead: number;
  /** All of a segment's pictures come before its sound. */
  readonly tracksApart: boolean;
  /** Segments with video are MPEG-TS, not CMAF. */
  readonly isTs: boolean;
  /** So are those of sound with its own list: a frame of 21 ms each half second, so it ends early. */
  readonly isSoundTs: boolean;
  readonly dated: boolean;
  readonly lives: readonly SourceLife[];
  readonly clockSteps: readonly ClockStep[];
  /**
   * When oxbow is restarted, in order or by a kill, or its stream is deleted and made again; ms since the
   * simulation began.
   */
  readonly breaks: readonly { readonly atMs: number; readonly how: 'restart' | 'kill' | 'recreate' }[];
  /** The list is finished from the beginning, and so published as fast as it can be fetched. */
  readonly isFilm: boolean;
  /**
   * Every date is right, and so is the host's clock: a new process knows by them what is recorded already.
   */
  readonly hasTrueDates: boolean;
  /** Lists that come before this are old copies, ms since the simulation began. */
  readonly staleUntilMs: number;
  /** How old such a copy is. */
  readonly staleMs: number;
  readonly endMs: number;
}

const HOUR_MS = 3_600_000;

/**
 * Makes a plan.
 *
 * @param random gives a whole number below its argument
 */
export function planSource(seed: number, random: (below: number) => number): SourcePlan {
  return random(12) === 0 ? planFilm(seed, random) : planLive(seed, random);
}

function planLive(seed: number, random: (below: number) => number): SourcePlan {
  const oneOf = <T>(...values: readonly T[]): T => values[random(values.length)]!;
  const chance = (percent: number) => random(100) < percent;
  const segmentS = oneOf(2, 4, 6, 6, 10, 16, 30);
  const audio = oneOf('none' as const, 'muxed' as const, 'separate' as const, 'separate' as const);
  const dated = chance(60);
  const windowSegments = oneOf(4, 6, 10, 20);
  const count = 1 + random(4);
  const totalMs = (2 + random(46)) * HOUR_MS;
  const lives: SourceLife[] = [];
  let index = 0;
  let startMs = 5000 + random(20_000);
  let [msn, sequence, mediaS] = [random(1000), 0, random(100)];
  for (let life = 0; life < count; life++) {
    const continues = life > 0 && chance(50);
    if (!continues && life > 0) [msn, sequence, mediaS] = [chance(70) ? 0 : random(5000), 0, random(10)];
    const segments: SourceSegment[] = [];
    const length = 10 + random(60);
    let dateShiftMs = 0;
    for (let k = 0; k < length; k++) {
      const breaks = (k > 0 && chance(4)) || (k === 0 && continues);
      if (breaks) {
        sequence += 1;
        mediaS = random(100_000);
        // A date that is a little early, much early, or late; but always within the accepted range.
        const shiftMs = oneOf(-60, -200, -5000, -20_000, 0, 0, 3000);
        if (Math.abs(dateShiftMs + shiftMs) < 25_000) dateShiftMs += shiftMs;
      }
      const failures = chance(5) ? [oneOf<Failure>('status-404', 'status-500', 'truncated', 'html', 'hang')] : [];
      const beginMs = startMs + k * segmentS * 1000;
      segments.push({
        index,
        life,
        msn: msn + k,
        discontinuity: breaks,
        discontinuitySequence: sequence,
        mediaS,
        failures,
        dateMs: dated ? beginMs + dateShiftMs : undefined,
        listedMs: beginMs + segmentS * 1000,
        isBroken: chance(1),
      });
      mediaS += segmentS;
      index += 1;
    }
    msn += length;
    const endMs = startMs + length * segmentS * 1000;
    const after = oneOf('ended' as const, 'gone' as const, 'frozen' as const);
    lives.push({ startMs, endMs, segments, after, continues });
    // While it is away it is asked every ten seconds, or twice a segment: some thousand times are enough.
    const mostMs = Math.min(totalMs / count, 2000 * (after === 'frozen' ? 500 * segmentS : 10_000));
    startMs = endMs + 2000 + random(chance(50) ? 200_000 : mostMs);
  }
  const lastMs = lives.at(-1)!.endMs;
  const during = () => random(lastMs);
  const hasShiftedDates = lives.some(({ segments }) =>
    segments.some(({ dateMs, listedMs }) => dateMs !== listedMs - segmentS * 1000),
  );
  const clockSteps = chance(40)
    ? Array.from({ length: 1 + random(2) }, () => ({
        atMs: during(),
        byMs: oneOf(-20_000, -3000, 2000, 30_000, 600_000, 2 * 24 * HOUR_MS),
      })).sort((a, b) => a.atMs - b.atMs)
    : [];
  // From separate numbers, so that the rest of a seed stays as it was.
  const other = seeded(seed + 1_000_000);
  const wrong = [1, Math.ceil(segmentS / 2), 3 * segmentS, 60][other(4)]!;
  const targetDurationS = other(3) === 0 ? wrong : segmentS;
  return {
    seed,
    segmentS,
    windowSegments,
    audio,
    isTs: isTs(seed),
    isSoundTs: isTs(seed) && seed % 2 === 0,
    dated,
    lives,
    clockSteps,
    isFilm: false,
    hasTrueDates: !hasShiftedDates && clockSteps.length === 0,
    framesPerSecond: segmentS > 10 ? 1 : oneOf(1, 2, 5),
    audioAhead: audio === 'separate' ? random(2) : 0,
    tracksApart: chance(50),
    breaks: chance(30)
      ? [{ atMs: during(), how: oneOf('restart' as const, 'kill' as const, 'recreate' as const) }]
      : [],
    ...(chance(15) ? { staleUntilMs: lives[0]!.startMs + 60_000, staleMs: oneOf(8000, 15_000, 30_000) } : noStaleness),
    // After a large step retention pauses for an hour; what it does then counts.
    endMs:
      lastMs +
      3 * 60_000 +
      6000 * Math.max(segmentS, targetDurationS) +
      (clockSteps.some(({ byMs }) => byMs > HOUR_MS) ? 2 * HOUR_MS : 0),
    targetDurationS,
  };
}

/** A finished list of short segments, which is taken several times: its numbers run ahead of the clock. */
function planFilm(seed: number, random: (below: number) => number): SourcePlan {
  const startMs = 1000;
  const segmentS = 2;
  const segments = Array.from({ length: 50 + random(150) }, (_, index): SourceSegment => {
    const own = { index, life: 0, msn: index, mediaS: index * segmentS, listedMs: startMs };
    return {
      ...own,
      discontinuity: false,
      discontinuitySequence: 0,
      dateMs: undefined,
      failures: [],
      isBroken: false,
    };
  });
  const breaks = Array.from({ length: 2 }, (_, i) => ({
    atMs: 5000 + (i + random(2)) * 20_000,
    how: random(2) === 0 ? ('recreate' as const) : ('kill' as const),
  }));
  return {
    seed,
    segmentS,
    targetDurationS: segmentS,
    framesPerSecond: 1,
    audio: 'none',
    audioAhead: 0,
    tracksApart: false,
    isTs: isTs(seed),
    isSoundTs: false,
    dated: false,
    isFilm: true,
    hasTrueDates: false,
    clockSteps: [],
    breaks,
    ...noStaleness,
    windowSegments: segments.length,
    lives: [{ startMs, endMs: startMs + segmentS * 1000, segments, after: 'ended', continues: false }],
    endMs: 300_000,
  };
}

/** A fifth of them, so that the rest of a seed stays as it was. */
const isTs = (seed: number) => seed % 5 === 3;

const noStaleness = { staleUntilMs: 0, staleMs: 0 };

/** Until when the source lists a segment at least, ms since the simulation began. */
export function listedUntilMs({ lives, windowSegments, endMs }: SourcePlan, { life, index }: SourceSegment): number {
  const { segments, after, endMs: overMs } = lives[life]!;
  const pushedOut = segments[index - segments[0]!.index + windowSegments];
  if (pushedOut) return pushedOut.listedMs;
  if (after === 'gone') return overMs;
  return lives[life + 1]?.startMs ?? endMs;
}

/** Which frame of the source it is. */
export interface FrameName {
  readonly kind: 'video' | 'audio';
  /** Index of its segment. */
  readonly segment: number;
  /** Its place among those of its kind. */
  readonly place: number;
}

/** Frames in a segment of one kind. */
export function framesIn({ segmentS, framesPerSecond }: SourcePlan, kind: FrameName['kind']): number {
  return kind === 'video' ? segmentS * framesPerSecond : segmentS / AUDIO_STEP_S;
}

/** The frames of a segment; each carries the segment's index and its own. */
export function framesOf(plan: SourcePlan, { index, mediaS }: SourceSegment, kind: FrameName['kind']): Frame[] {
  const track = sourceTracks[kind];
  const count = framesIn(plan, kind);
  const step = (plan.segmentS / count) * track.timescale;
  const keyEvery = kind === 'video' ? GOP_S * plan.framesPerSecond : 1;
  return Array.from({ length: count }, (_, i): Frame => {
    const dts = mediaS * track.timescale + i * step;
    const key = i % keyEvery === 0;
    // Seven bits in each byte, so that no start code comes of them.
    const name = [MARK, index >> 14, index >> 7, index, i >> 7, i].map((byte) => byte | 0x80).map((byte) => byte & 255);
    const data = kind === 'video' ? [0, 0, 0, 7, key ? 0x65 : 0x41, ...name] : [0x21, ...name];
    return { trackId: track.id, dts, pts: dts, duration: step, key, data: Uint8Array.from(data) };
  });
}

/** Which frame of the source a sample's bytes are; undefined for silence, which no source sent. */
export function nameOf(data: Uint8Array): FrameName | undefined {
  const kind = data[0] === 0 ? 'video' : 'audio';
  const at = kind === 'video' ? 5 : 1;
  if (data.length !== at + 6 || data[at] !== MARK) return undefined;
  const [, a, b, c, d, e] = data.subarray(at);
  const bits = (...bytes: readonly number[]) => bytes.reduce((sum, byte) => (sum << 7) | (byte & 0x7f), 0);
  return { kind, segment: bits(a!, b!, c!), place: bits(d!, e!) };
}

/** A segment as bytes of CMAF, or of MPEG-TS. */
export function segmentBytes(
  plan: SourcePlan,
  segment: SourceSegment,
  kinds: readonly FrameName['kind'][],
): Uint8Array {
  const pieces: Uint8Array[] = [];
  const all = kinds.map((kind) => ({ track: sourceTracks[kind], frames: framesOf(plan, segment, kind) }));
  if (kinds[0] === 'video' ? plan.isTs : plan.isSoundTs) {
    const frames = new Map(all.map(({ track, frames: some }) => [track.id, some]));
    return muxSegment({ tracks: all.map(({ track }) => track), frames });
  }
  const chunks = plan.tracksApart ? 1 : plan.segmentS;
  for (let chunk = 0; chunk < chunks; chunk++) {
    for (const { track, frames } of all) {
      const per = frames.length / chunks;
      const some = frames.slice(chunk * per, (chunk + 1) * per);
      const bytes = new Uint8Array(fragmentLength(some));
      printFragment(bytes, 0, { sequence: pieces.length + 1, trackId: track.id, tfdt: some[0]!.dts, frames: some });
      pieces.push(bytes);
    }
  }
  return concatBytes(pieces);
}
