/**
 * Input and result of jobs of kind `encode`, and how a plan becomes jobs: video in pieces of at least 30 s,
 * each audio track whole.
 * In: a plan, the cuts of an asset. Out: inputs of jobs. Pure.
 */
import type { JoinedPart } from '../../ffmpeg/joined-clock.ts';
import type {
  LadderAudioRendition,
  LadderCounts,
  LadderMeasured,
  LadderPicture,
  LadderVideoRendition,
} from '../../ffmpeg/ladder-options.ts';
import { bitShares } from './bit-shares.ts';
import { MEASURED_CRFS } from './measured-plan.ts';
import type { LadderPlan } from './plan-shapes.ts';
import { samplesOf } from './samples.ts';

/** Kind of the jobs. */
export const ENCODE_KIND = 'encode';

/** Where the segments of an asset begin. */
export interface AssetTimes {
  /** Time in the container at which the asset begins, with edit lists applied as FFmpeg does, µs. */
  readonly originUs: number;
  /**
   * Time of the media clock when the asset begins, µs; 10 s where it is absent: an earlier version imported
   * it.
   */
  readonly clockStartUs?: number;
  /** The parts of a file that was joined: it is encoded in one piece, because no time in it can be sought. */
  readonly joined?: readonly JoinedPart[];
  /** Start of each segment, µs of the asset, the first 0; the segment of the first has MSN 1. */
  readonly cuts: readonly number[];
  /** End of the last segment, µs. */
  readonly endUs: number;
}

/** A piece of the video of an asset, in all renditions. */
export interface EncodeVideo {
  readonly kind: 'video';
  readonly stream: number;
  readonly picture: LadderPicture;
  readonly renditions: readonly LadderVideoRendition[];
  /** MSN of its first segment. */
  readonly firstMsn: number;
  /** Starts of its segments, µs of the asset. */
  readonly cuts: readonly number[];
  /** Where the next piece begins, µs; absent for the last piece, which takes all that there is. */
  readonly nextUs?: number;
}

/**
 * The first look at a piece that is encoded in two passes: its size at constant quality in the smallest
 * rendition decides how many of the bits of the whole it gets. Nothing of it is stored.
 */
interface EncodeLook extends Omit<EncodeVideo, 'kind'> {
  readonly kind: 'look';
}

/** Samples of the video of an asset, which decide its renditions. Nothing of it is stored. */
export interface EncodeMeasure {
  readonly kind: 'measure';
  readonly stream: number;
  readonly picture: LadderPicture;
  readonly renditions: readonly [];
  /** The largest first. */
  readonly sizes: readonly LadderVideoRendition[];
  readonly crfs: readonly number[];
  /** Starts of the samples, µs of the asset, in the order in which they are measured. */
  readonly cuts: readonly number[];
  /** Duration of each, µs. */
  readonly sampleUs: number;
  /** Average duration of a segment, s. */
  readonly keyEveryS: number;
}

/** An audio track of an asset, whole, in all renditions. */
export interface EncodeAudio {
  readonly kind: 'audio';
  readonly stream: number;
  readonly renditions: readonly LadderAudioRendition[];
  /** Starts of all segments, µs of the asset; the first has MSN 1. */
  readonly cuts: readonly number[];
  /** LUFS to normalize to; absent leaves the loudness. */
  readonly loudness?: number;
}

/** Input of a job of kind `encode`. */
export interface EncodeJobInput {
  readonly assetId: string;
  readonly originUs: number;
  /** As of {@link AssetTimes}. */
  readonly clockStartUs?: number;
  readonly joined?: readonly JoinedPart[];
  /** End of the asset, µs. */
  readonly endUs: number;
  /** No device encodes it: pieces of several encoders do not play as one. */
  readonly software?: true;
  readonly media: EncodeVideo | EncodeLook | EncodeMeasure | EncodeAudio;
}

/** A chunk file that the job produced; its output is named `{rendition}/{firstMsn}.mp4`. */
export interface EncodedChunk {
  readonly rendition: string;
  readonly firstMsn: number;
  /** Number of its segments. */
  readonly segments: number;
  readonly bytes: number;
}

/** Result of a job of kind `encode`. */
export interface EncodeJobResult {
  readonly chunks: readonly EncodedChunk[];
  readonly counts: LadderCounts;
  /** Of a look: the size of the piece. */
  readonly bytes?: number;
  /** Of a measurement; absent where it failed or took too long. */
  readonly measured?: LadderMeasured;
  /** For a person: what was done in another way than requested, and why. */
  readonly warnings?: readonly string[];
}

/** Most points of a measurement: sizes times qualities. */
export const MOST_POINTS = 100;
/** Shortest piece that is encoded apart, µs. */
const PIECE_US = 30_000_000;
/** Bits per second that no look reaches. */
const UNCAPPED = 1_000_000_000;
/** A piece has at most this much of the highest bit rate on average. */
const FULL = 0.95;

/** Options of {@link encodeJobs}. */
interface EncodeJobsOptions {
  /** Shortest piece of video, µs. */
  readonly pieceUs?: number | undefined;
  /** By the MSN of a piece: the size that the look at it found, bytes. */
  readonly looks?: ReadonlyMap<number, number>;
}

/**
 * The inputs of the looks that must end before the video of a plan is encoded: none for one piece or one
 * pass.
 *
 * @param pieceUs shortest piece of video, µs
 */
export function lookJobs(
  assetId: string,
  { video }: LadderPlan,
  times: AssetTimes,
  pieceUs = PIECE_US,
): EncodeJobInput[] {
  const twice = video?.renditions.filter(({ twoPass }) => twoPass) ?? [];
  const pieces = piecesOf(times, pieceUs);
  if (!video || twice.length === 0 || pieces.length === 1) return [];
  const { twoPass, bitRate, ...smallest } = twice.reduce((a, b) => (b.width * b.height < a.width * a.height ? b : a));
  const common = { assetId, ...clockOf(times) };
  // Without a cap, which would hide how much the hardest pieces take.
  const rendition = { ...smallest, maxRate: UNCAPPED, bufferSize: UNCAPPED };
  return pieces.map((piece) => ({
    ...common,
    media: { kind: 'look', stream: video.stream, picture: video.picture, renditions: [rendition], ...piece },
  }));
}

/**
 * The measurement that must end before the video of a plan is encoded; undefined where there is none: of a
 * short video, and of a file that was joined, in which no time can be sought.
 *
 * @param bytes of the picture of the source in each segment
 */
export function measureJob(
  assetId: string,
  { video }: LadderPlan,
  times: AssetTimes,
  bytes?: readonly number[],
): EncodeJobInput | undefined {
  const { cuts, endUs, joined } = times;
  if (!video?.measure || joined) return undefined;
  const samples = samplesOf({ cuts, endUs, bytes });
  if (samples.cuts.length === 0) return undefined;
  const { stream, picture, measure } = video;
  const common = { stream, picture, sizes: measure.sizes, crfs: MEASURED_CRFS, keyEveryS: endUs / cuts.length / 1e6 };
  return { assetId, ...clockOf(times), media: { kind: 'measure', renditions: [], ...common, ...samples } };
}

/** The inputs of the jobs of a plan. */
export function encodeJobs(
  assetId: string,
  plan: LadderPlan,
  times: AssetTimes,
  { pieceUs = PIECE_US, looks = new Map() }: EncodeJobsOptions = {},
): EncodeJobInput[] {
  const { cuts, endUs } = times;
  const common = { assetId, ...clockOf(times) };
  const jobs: EncodeJobInput[] = [];
  const { video } = plan;
  if (video && video.renditions.length > 0) {
    const pieces = piecesOf(times, pieceUs);
    const shares = pieces.map(({ cuts: pieceCuts, firstMsn, nextUs = endUs }) => {
      return { durationUs: nextUs - pieceCuts[0]!, bytes: looks.get(firstMsn) };
    });
    const rates = video.renditions.map(({ twoPass, bitRate, maxRate }) =>
      twoPass && bitRate !== undefined ? bitShares(shares, bitRate, maxRate * FULL) : undefined,
    );
    for (const [index, piece] of pieces.entries()) {
      const renditions = video.renditions.map((rendition, i) => {
        const bitRate = rates[i]?.[index];
        return bitRate === undefined ? rendition : { ...rendition, bitRate };
      });
      const { stream, picture } = video;
      jobs.push({ ...common, media: { kind: 'video', stream, picture, renditions, ...piece } });
    }
  }
  for (const { stream, renditions } of plan.audio) {
    const loudness = plan.loudness === undefined ? {} : { loudness: plan.loudness };
    jobs.push({ ...common, media: { kind: 'audio', stream, renditions, cuts, ...loudness } });
  }
  return jobs;
}

type Clock = Pick<EncodeJobInput, 'originUs' | 'clockStartUs' | 'joined' | 'endUs'>;

function clockOf({ originUs, clockStartUs, joined, endUs }: AssetTimes): Clock {
  return { originUs, ...(clockStartUs !== undefined && { clockStartUs }), ...(joined && { joined }), endUs };
}

/** A rest that is shorter than a piece belongs to the last piece. */
function piecesOf(
  { cuts, endUs, joined }: AssetTimes,
  pieceUs: number,
): Pick<EncodeVideo, 'firstMsn' | 'cuts' | 'nextUs'>[] {
  if (joined) return [{ firstMsn: 1, cuts }];
  const starts = [0];
  for (let index = 1; index < cuts.length; index++) {
    const isLong = cuts[index]! - cuts[starts.at(-1)!]! >= pieceUs;
    if (isLong && endUs - cuts[index]! >= pieceUs) starts.push(index);
  }
  return starts.map((start, index) => {
    const next = starts[index + 1];
    const pieceCuts = cuts.slice(start, next);
    return { firstMsn: start + 1, cuts: pieceCuts, ...(next !== undefined && { nextUs: cuts[next]! }) };
  });
}
