/**
 * The figures of what a publisher sends now, over the last seconds: the input of the advice and of `GET
 * /streams/{name}/stats`.
 * In: one sample a second of a publisher session. Out: figures. Pure.
 */

import type { AudioConfig, VideoConfig } from '@oxbow/media/frame';
import type { AudioMode } from '../../config/schema.ts';
import type { LinkFigures as BondedLink, LinkSample } from './link-figures.ts';

/** What one second of a session brought. Counts are differences; times are milliseconds. */
export interface Sample {
  /** Time that the sample covers. */
  readonly coveredMs: number;
  readonly videoBytes: number;
  readonly videoFrames: number;
  /** Media that these frames cover. */
  readonly videoMs: number;
  readonly irregular: number;
  readonly reordered: number;
  readonly interlaced: number;
  readonly audioBytes: number;
  readonly audioFrames: number;
  readonly audioMs: number;
  readonly backwards: number;
  readonly damaged: number;
  readonly sizeChanges: number;
  /** Longest distance of key frames that ended in this second; 0: none did. */
  readonly gopMs: number;
  readonly largestBytes: number;
  readonly longestPauseMs: number;
  /** How far audio was behind video; undefined without both. */
  readonly audioBehindMs: { readonly least: number; readonly most: number } | undefined;
  readonly bytesIn: number;
  /** Undefined where the protocol does not know. */
  readonly packets: number | undefined;
  readonly lost: number | undefined;
  readonly retransmitted: number | undefined;
  readonly dropped: number | undefined;
  readonly settledFrames: number | undefined;
  readonly lateBytes: number | undefined;
  /** Of a bonded publisher. */
  readonly links?: readonly LinkSample[] | undefined;
}

/** Figures of the video of a publisher. */
export interface VideoFigures {
  readonly config: VideoConfig;
  /** Bits per second over the last ten seconds. */
  readonly bitrate: number;
  /** Of the second of the last minute that had most bits. */
  readonly peakBitrate: number;
  /** Frames per second. */
  readonly frameRate: number;
  /** Time over which the rates were measured, seconds: less than ten after video has begun. */
  readonly measuredS: number;
  /** Share of frames at irregular intervals, 0 to 1. */
  readonly irregular: number;
  /**
   * Longest distance of two key frames in the last minute, seconds; undefined before the second key frame.
   */
  readonly keyFrameIntervalS: number | undefined;
  /** Frames of the last complete GOP; undefined before the second key frame. */
  readonly gopFrames: number | undefined;
  /** Seconds of media since the last key frame, or since the first frame while there was none. */
  readonly sinceKeyS: number;
  /** Bytes of the largest frame of the last minute. */
  readonly largestFrame: number;
  readonly hasBFrames: boolean;
  /** Frames of the last minute have two fields, more than a few. */
  readonly isInterlaced: boolean;
  /** Seconds since the last frame. */
  readonly silentS: number;
}

/** Figures of the audio of a publisher. */
export interface AudioFigures {
  readonly config: AudioConfig;
  /** Bits per second over the last ten seconds. */
  readonly bitrate: number;
  /** Seconds since the last frame. */
  readonly silentS: number;
}

/** What the connection measured; undefined where its protocol does not know. */
export interface LinkFigures {
  /** Bits per second over the last ten seconds. */
  readonly bitrateIn: number | undefined;
  readonly rttMs: number | undefined;
  readonly latencyMs: number | undefined;
  readonly bufferMs: number | undefined;
  readonly linkBitrate: number | undefined;
  /** Share of packets that the network lost in the last minute, repaired or not, 0 to 1. */
  readonly loss: number | undefined;
  /** Packets of the last minute. */
  readonly lost: number | undefined;
  readonly retransmitted: number | undefined;
  readonly dropped: number | undefined;
  /** Of a bonded publisher; empty for others. */
  readonly links: readonly BondedLink[];
}

/** What the encoder announced; undefined where it did not. */
interface AnnouncedFigures {
  readonly videoBitrate: number | undefined;
  readonly audioBitrate: number | undefined;
  readonly frameRate: number | undefined;
  readonly keyFrameIntervalS: number | undefined;
}

export interface PublishFigures {
  readonly protocol: string;
  /** Age of the session, seconds. */
  readonly connectedS: number;
  readonly encoder: string | undefined;
  /** Media comes in bursts, from a pulled source: times of arrival are left out. */
  readonly isBursty: boolean;
  /** Viewers get partial segments: latency matters. */
  readonly lowLatency: boolean;
  readonly video: VideoFigures | undefined;
  readonly audio: AudioFigures | undefined;
  readonly announced: AnnouncedFigures;
  readonly link: LinkFigures;
  /** Smoothed jitter of the arrival, ms. */
  readonly jitterMs: number | undefined;
  /** Longest time without a frame in the last minute, ms. */
  readonly longestPauseMs: number | undefined;
  /** How far audio arrived behind video in the last minute, ms of media; negative: before it. */
  readonly audioBehindMs: { readonly least: number; readonly most: number } | undefined;
  /** How far the wall clock is ahead of the time of the media, ms: the encoder's clock is slow. */
  readonly skewMs: number | undefined;
  /**
   * Offset of audio against video that was measured for sources with separate clocks, ms; positive: audio is
   * late.
   */
  readonly avOffsetMs: number | undefined;
  /**
   * Which audio is converted to AAC, why the conversion of audio or of video fails now (empty if it does
   * not), and whether the stream has a ladder.
   */
  readonly conversion: {
    readonly mode: AudioMode;
    readonly problem: string;
    readonly videoProblem: string;
    readonly hasLadder: boolean;
  };
  /** In the last minute. */
  readonly backwards: number;
  readonly damaged: number;
  readonly sizeChanges: number;
}

/** Samples over which rates are measured. */
export const RATE_SAMPLES = 10;
export const KEPT_SAMPLES = 60;

/** Sums and extremes over some samples. */
type Totals = Readonly<Omit<Sample, 'settledFrames' | 'lateBytes' | 'links'>> & {
  /** Most bits of video in a second. */
  readonly mostVideoBits: number;
};

/** Samples of less time say nothing about bits in a second, ms. */
const LEAST_MS = 500;

/** Totals of some samples, in one pass: those of a minute are taken for each stream every second. */
export function totalsOf(samples: readonly Sample[]): Totals {
  const totals = {
    coveredMs: 0,
    videoBytes: 0,
    videoFrames: 0,
    videoMs: 0,
    irregular: 0,
    reordered: 0,
    interlaced: 0,
    audioBytes: 0,
    audioFrames: 0,
    audioMs: 0,
    backwards: 0,
    damaged: 0,
    sizeChanges: 0,
    bytesIn: 0,
    gopMs: 0,
    largestBytes: 0,
    longestPauseMs: 0,
    mostVideoBits: 0,
    packets: undefined as number | undefined,
    lost: undefined as number | undefined,
    retransmitted: undefined as number | undefined,
    dropped: undefined as number | undefined,
    audioBehindMs: undefined as Sample['audioBehindMs'],
  };
  // By name: a loop over names takes ten times as long.
  for (const sample of samples) {
    totals.coveredMs += sample.coveredMs;
    totals.videoBytes += sample.videoBytes;
    totals.videoFrames += sample.videoFrames;
    totals.videoMs += sample.videoMs;
    totals.irregular += sample.irregular;
    totals.reordered += sample.reordered;
    totals.interlaced += sample.interlaced;
    totals.audioBytes += sample.audioBytes;
    totals.audioFrames += sample.audioFrames;
    totals.audioMs += sample.audioMs;
    totals.backwards += sample.backwards;
    totals.damaged += sample.damaged;
    totals.sizeChanges += sample.sizeChanges;
    totals.bytesIn += sample.bytesIn;
    totals.gopMs = Math.max(totals.gopMs, sample.gopMs);
    totals.largestBytes = Math.max(totals.largestBytes, sample.largestBytes);
    totals.longestPauseMs = Math.max(totals.longestPauseMs, sample.longestPauseMs);
    totals.packets = plus(totals.packets, sample.packets);
    totals.lost = plus(totals.lost, sample.lost);
    totals.retransmitted = plus(totals.retransmitted, sample.retransmitted);
    totals.dropped = plus(totals.dropped, sample.dropped);
    const { coveredMs, videoBytes, audioBehindMs: behind } = sample;
    if (coveredMs >= LEAST_MS)
      totals.mostVideoBits = Math.max(totals.mostVideoBits, perSecond(videoBytes * 8, coveredMs));
    const range = totals.audioBehindMs;
    if (behind) {
      totals.audioBehindMs = range
        ? { least: Math.min(range.least, behind.least), most: Math.max(range.most, behind.most) }
        : behind;
    }
  }
  return totals;
}

/** A sum of what is known. */
function plus(sum: number | undefined, count: number | undefined): number | undefined {
  return count === undefined ? sum : (sum ?? 0) + count;
}

/** A count of some time, per second. */
export function perSecond(count: number, ms: number): number {
  return ms > 0 ? (count * 1000) / ms : 0;
}
