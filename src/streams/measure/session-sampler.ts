/**
 * Takes a sample of a publisher session once a second and derives its figures.
 * In: the meter and the connection's figures of a session. Out: samples; figures over the last ten seconds
 * and the last minute.
 */
import type { Publisher } from '../../ingest/publisher.ts';
import type { PublisherStats } from '../../ingest/publisher-stats.ts';
import type { TrackSums } from '../../ingest/track-meter.ts';
import { KEPT_SAMPLES, type PublishFigures, perSecond, RATE_SAMPLES, type Sample, totalsOf } from './figures.ts';
import { linkFiguresOf, linkSamplesOf } from './link-figures.ts';

/** Figures of the stream that the session does not know. */
export interface StreamSide {
  readonly lowLatency: boolean;
  readonly skewMs: number | undefined;
  /** Time of the wall clock less the timestamps, µs: the UTC offset of the run and its skew. */
  readonly delayUs: number | undefined;
  /** Only of sources whose audio has its own clock, by sender reports. */
  readonly avOffsetMs: number | undefined;
  /** How the audio is converted. */
  readonly conversion: PublishFigures['conversion'];
}

/** Television has films between its programmes: from this many frames of a minute on combs are seen. */
const INTERLACED_SHARE = 0.1;
/** Most characters of the encoder's name. */
const MAX_ENCODER = 100;

interface Counts {
  readonly video: TrackSums;
  readonly audio: TrackSums;
  readonly damaged: number;
  readonly sizeChanges: number;
  readonly stats: PublisherStats;
}

export class SessionSampler {
  readonly session: Publisher;
  #last: Counts;
  #lastMs: number;
  readonly #startMs: number;
  #samples: readonly Sample[] = [];
  /** Of all samples. */
  #minute = totalsOf([]);

  /** @param nowMs monotonic */
  constructor(session: Publisher, nowMs: number) {
    this.session = session;
    this.#last = countsOf(session);
    this.#lastMs = nowMs;
    this.#startMs = nowMs;
  }

  /** The samples of the last minute, oldest first. */
  get samples(): readonly Sample[] {
    return this.#samples;
  }

  /** Takes a sample of the time since the last one. @param nowMs monotonic */
  sample(nowMs: number): Sample {
    const { meter } = this.session.connection;
    const before = this.#last;
    const now = countsOf(this.session);
    const video = meter.videoTrack;
    const sample: Sample = {
      coveredMs: nowMs - this.#lastMs,
      videoBytes: now.video.bytes - before.video.bytes,
      videoFrames: now.video.frames - before.video.frames,
      videoMs: now.video.mediaMs - before.video.mediaMs,
      irregular: now.video.irregular - before.video.irregular,
      reordered: now.video.reordered - before.video.reordered,
      interlaced: now.video.interlaced - before.video.interlaced,
      audioBytes: now.audio.bytes - before.audio.bytes,
      audioFrames: now.audio.frames - before.audio.frames,
      audioMs: now.audio.mediaMs - before.audio.mediaMs,
      backwards: now.video.backwards + now.audio.backwards - before.video.backwards - before.audio.backwards,
      damaged: now.damaged - before.damaged,
      sizeChanges: now.sizeChanges - before.sizeChanges,
      gopMs: video?.longestGopMs ?? 0,
      largestBytes: video?.largestBytes ?? 0,
      longestPauseMs: (video ?? meter.audioTrack)?.longestPauseMs ?? 0,
      audioBehindMs: meter.audioBehindMs,
      bytesIn: now.stats.bytesIn - before.stats.bytesIn,
      packets: difference(now.stats.packets, before.stats.packets),
      lost: difference(now.stats.lost, before.stats.lost),
      retransmitted: difference(now.stats.retransmitted, before.stats.retransmitted),
      dropped: difference(now.stats.dropped, before.stats.dropped),
      settledFrames: difference(now.stats.settledFrames, before.stats.settledFrames),
      lateBytes: difference(now.stats.lateBytes, before.stats.lateBytes),
      links: now.stats.links && linkSamplesOf(now.stats.links, before.stats.links),
    };
    meter.forgetExtremes();
    this.#last = now;
    this.#lastMs = nowMs;
    this.#samples = [...this.#samples.slice(1 - KEPT_SAMPLES), sample];
    this.#minute = totalsOf(this.#samples);
    return sample;
  }

  /** The figures now. @param nowMs monotonic */
  figures(nowMs: number, stream: StreamSide): PublishFigures {
    const { meter, stats, protocol } = this.session.connection;
    const { isBursty, videoTrack, audioTrack } = meter;
    const minute = this.#minute;
    // Bursts: the rates of the media, whenever it came. Otherwise what came in the last seconds.
    const recent = isBursty ? minute : totalsOf(this.#samples.slice(-RATE_SAMPLES));
    const since = (ms: number | undefined) => (ms === undefined ? (nowMs - this.#startMs) / 1000 : (nowMs - ms) / 1000);
    const video = videoTrack?.track.kind === 'video' ? videoTrack.track.config : undefined;
    const audio = audioTrack?.track.kind === 'audio' ? audioTrack.track.config : undefined;
    const steadyVideo = isBursty ? minute : totalsOf(sinceFirst(this.#samples, 'videoFrames').slice(-RATE_SAMPLES));
    const steadyAudio = isBursty ? minute : totalsOf(sinceFirst(this.#samples, 'audioFrames').slice(-RATE_SAMPLES));
    const videoMs = isBursty ? minute.videoMs : steadyVideo.coveredMs;
    const audioMs = isBursty ? minute.audioMs : steadyAudio.coveredMs;
    const bitrate = perSecond(steadyVideo.videoBytes * 8, videoMs);
    const { lost, packets, gopMs } = minute;
    return {
      protocol,
      connectedS: (nowMs - this.#startMs) / 1000,
      encoder: stats.encoder?.slice(0, MAX_ENCODER),
      isBursty,
      lowLatency: stream.lowLatency,
      video: video &&
        videoTrack && {
          config: video,
          bitrate,
          peakBitrate: isBursty ? bitrate : minute.mostVideoBits,
          frameRate: perSecond(steadyVideo.videoFrames, videoMs),
          measuredS: videoMs / 1000,
          irregular: recent.videoFrames === 0 ? 0 : recent.irregular / recent.videoFrames,
          keyFrameIntervalS: gopMs > 0 ? gopMs / 1000 : undefined,
          gopFrames: videoTrack.gopFrames || undefined,
          sinceKeyS: videoTrack.sinceKeyMs / 1000,
          largestFrame: minute.largestBytes,
          hasBFrames: minute.reordered > 0,
          isInterlaced: minute.interlaced > INTERLACED_SHARE * minute.videoFrames,
          silentS: since(videoTrack.lastMs),
        },
      audio: audio &&
        audioTrack && {
          config: audio,
          bitrate: perSecond(steadyAudio.audioBytes * 8, audioMs),
          silentS: since(audioTrack.lastMs),
        },
      announced: {
        videoBitrate: stats.videoBitrate,
        audioBitrate: stats.audioBitrate,
        frameRate: stats.frameRate,
        keyFrameIntervalS: stats.keyFrameIntervalS,
      },
      link: {
        bitrateIn: stats.bytesIn > 0 ? perSecond(recent.bytesIn * 8, recent.coveredMs) : undefined,
        rttMs: stats.rttMs,
        latencyMs: stats.latencyMs,
        bufferMs: stats.bufferMs,
        linkBitrate: stats.linkBitrate,
        loss: lost !== undefined && packets !== undefined && packets + lost > 0 ? lost / (packets + lost) : undefined,
        lost,
        retransmitted: minute.retransmitted,
        dropped: minute.dropped,
        links: stats.links ? linkFiguresOf(this.#samples, RATE_SAMPLES) : [],
      },
      jitterMs: isBursty ? undefined : (videoTrack ?? audioTrack)?.jitterMs,
      longestPauseMs: isBursty ? undefined : minute.longestPauseMs,
      audioBehindMs: minute.audioBehindMs,
      skewMs: stream.skewMs,
      conversion: stream.conversion,
      avOffsetMs: stream.avOffsetMs,
      backwards: minute.backwards,
      damaged: minute.damaged,
      sizeChanges: minute.sizeChanges,
    };
  }
}

/**
 * The samples since media of a track began to come, without the second in which it began: a connection may be
 * older than its media, and the time before says nothing about its rate.
 */
function sinceFirst(samples: readonly Sample[], count: 'videoFrames' | 'audioFrames'): readonly Sample[] {
  const first = samples.findIndex((sample) => sample[count] > 0);
  if (first <= 0) return samples;
  return samples.slice(Math.min(first + 1, samples.length - 1));
}

/** A counter that became known counts from zero. */
function difference(now: number | undefined, before: number | undefined): number | undefined {
  return now === undefined ? undefined : Math.max(0, now - (before ?? 0));
}

function countsOf({ connection: { meter, stats } }: Publisher): Counts {
  const { video, audio, damaged, sizeChanges } = meter;
  return { video: { ...video }, audio: { ...audio }, damaged, sizeChanges, stats: { ...stats } };
}
