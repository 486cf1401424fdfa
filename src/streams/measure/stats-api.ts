/**
 * Figures of streams for the API: now and in the past.
 * In: the measurement of managed streams, the windows in the database. Out: StreamStats, StatsHistory.
 */
import { printRfc3339 } from '../../api/instant.ts';
import type { StreamStats } from '../../api/measure/stats-shapes.ts';
import type { StatsApi } from '../../api/streams-api.ts';
import { sourceAudioOf } from '../../ffmpeg/audio-transcoder-options.ts';
import { WINDOW_US, windowOf } from '../../recording/window.ts';
import { isConverted } from '../../transcode/audio/plan.ts';
import { convertedCodecOf } from '../../transcode/video/plan.ts';
import type { Catalog } from '../catalog.ts';
import type { ManagedStream } from '../managed-stream.ts';
import type { StreamDeps } from '../stream-deps.ts';
import { advise, worstOf } from './advice.ts';
import type { PublishFigures, Sample } from './figures.ts';
import { type HistoryColumn, KEPT_WINDOWS, unpackWindow } from './history-rows.ts';
import { activityColumns, historySteps, SeriesBuilder } from './history-series.ts';
import { unpackLinks } from './link-rows.ts';
import { LinkSeries } from './link-series.ts';
import type { StreamMeasure } from './stream-measure.ts';

/** Windows that are read from the database at a time: a day. */
const BATCH_US = 144 * WINDOW_US;

/** Creates the part of the API that shows figures. */
export function createStatsApi(
  { clock, recordings: { stats } }: Pick<StreamDeps, 'clock' | 'recordings'>,
  catalog: Pick<Catalog, 'get'>,
  viewersOf: (name: string) => number,
): StatsApi {
  /** The rows of a range, by steps; `columns` as of SeriesBuilder. */
  const read = async (
    name: string,
    [fromMs, toMs, resS]: readonly [fromMs: number, toMs: number, resS: number],
    columns?: readonly HistoryColumn[],
  ) => {
    const { measure, definition } = catalog.get(name);
    const steps = historySteps(fromMs, toMs, resS);
    const endMs = steps.fromMs + steps.count * steps.resS * 1000;
    const builder = new SeriesBuilder(steps, columns);
    // The activity has none.
    const links = columns ? undefined : new LinkSeries(steps);
    // Everything from here on is in memory, see `recentWindows`.
    const memoryUs = windowOf(clock.nowMs() * 1000) - (KEPT_WINDOWS - 1) * WINDOW_US;
    const storedToUs = Math.min(endMs * 1000, memoryUs);
    for (let fromUs = windowOf(steps.fromMs * 1000); fromUs < storedToUs; fromUs += BATCH_US) {
      const windows = await stats.between(definition.id, fromUs, Math.min(fromUs + BATCH_US, storedToUs));
      for (const { startUs, packed } of windows) {
        for (const [number, values] of unpackWindow(startUs, packed, columns)) builder.add(number, values);
        if (links) for (const row of unpackLinks(startUs, packed)) links.add(row);
      }
    }
    const rows = measure.rows.between(Math.max(steps.fromMs, memoryUs / 1000), endMs);
    for (const [number, values] of rows) builder.add(number, values);
    if (links)
      for (const row of measure.rows.linksBetween(Math.max(steps.fromMs, memoryUs / 1000), endMs)) links.add(row);
    const range = { from: printRfc3339(steps.fromMs), to: printRfc3339(endMs), res: steps.resS };
    return { range, builder, links: links?.links ?? [] };
  };
  return {
    stats(name) {
      const stream = catalog.get(name);
      return statsOf(stream, clock.nowMs(), viewersOf(name));
    },
    async statsHistory(name, ...steps) {
      const { range, builder, links } = await read(name, steps);
      return { ...range, series: builder.series, links };
    },
    async activity(name, ...steps) {
      const { range, builder } = await read(name, steps, activityColumns);
      return { ...range, ...builder.activity };
    },
  };
}

/** The figures of a stream now. */
function statsOf(
  { status: { state }, measure, publishers }: ManagedStream,
  nowMs: number,
  viewers: number,
): StreamStats {
  const { figures, samples } = measure;
  const session = publishers.active;
  const findings = figures ? advise(figures) : [];
  return {
    at: printRfc3339(nowMs),
    state,
    status: figures ? worstOf(findings) : 'none',
    publisher: session
      ? {
          protocol: session.connection.protocol,
          since: printRfc3339(session.connection.sinceMs),
          encoder: figures?.encoder ?? null,
          standby: publishers.connected?.standby ?? 0,
          bytesIn: session.connection.stats.bytesIn,
        }
      : null,
    video: videoOf(figures),
    audio: audioOf(figures),
    announced: {
      videoBitrate: whole(figures?.announced.videoBitrate),
      audioBitrate: whole(figures?.announced.audioBitrate),
      frameRate: rounded(figures?.announced.frameRate),
      keyFrameInterval: rounded(figures?.announced.keyFrameIntervalS),
    },
    link: linkOf(figures),
    arrival: {
      jitter: rounded(figures?.jitterMs),
      longestPause: rounded(figures?.longestPauseMs),
      audioBehind: figures?.audioBehindMs
        ? { least: toMs(figures.audioBehindMs.least), most: toMs(figures.audioBehindMs.most) }
        : null,
      skew: rounded(figures?.skewMs),
    },
    counts: {
      backwards: figures?.backwards ?? 0,
      damaged: figures?.damaged ?? 0,
      sizeChanges: figures?.sizeChanges ?? 0,
    },
    recent: recentOf(samples),
    content: contentOf(measure.content),
    viewers,
    findings,
  };
}

function videoOf(figures: PublishFigures | undefined): StreamStats['video'] {
  if (!figures?.video) return null;
  const { config, keyFrameIntervalS, gopFrames, hasBFrames, ...video } = figures.video;
  return {
    codec: config.convertedFrom ?? config.codec,
    codecs: config.codecs,
    convertedTo: convertedCodecOf(config) === undefined ? null : 'h264',
    width: config.width,
    height: config.height,
    bitrate: Math.round(video.bitrate),
    peakBitrate: Math.round(video.peakBitrate),
    frameRate: toMs(video.frameRate),
    irregular: toMs(video.irregular),
    keyFrameInterval: rounded(keyFrameIntervalS),
    gopFrames: gopFrames ?? null,
    sinceKeyFrame: toMs(video.sinceKeyS),
    largestFrame: video.largestFrame,
    bFrames: hasBFrames,
    silent: toMs(video.silentS),
  };
}

function audioOf(figures: PublishFigures | undefined): StreamStats['audio'] {
  if (!figures?.audio) return null;
  const { config, bitrate, silentS } = figures.audio;
  const { codecs, sampleRate, channels } = config;
  const codec = config.convertedFrom ?? sourceAudioOf(config) ?? config.codec;
  const converted = config.convertedFrom !== undefined || isConverted(config, figures.conversion.mode);
  return {
    codec,
    codecs,
    convertedTo: converted ? 'aac' : null,
    sampleRate,
    channels,
    bitrate: Math.round(bitrate),
    silent: toMs(silentS),
  };
}

function linkOf(figures: PublishFigures | undefined): StreamStats['link'] {
  const link = figures?.link;
  return {
    bitrate: whole(link?.bitrateIn),
    capacity: whole(link?.linkBitrate),
    rtt: rounded(link?.rttMs),
    latency: rounded(link?.latencyMs),
    buffer: rounded(link?.bufferMs),
    loss: link?.loss === undefined ? null : Math.round(link.loss * 1e5) / 1e5,
    lost: whole(link?.lost),
    retransmitted: whole(link?.retransmitted),
    dropped: whole(link?.dropped),
    links: (link?.links ?? []).map(({ number, isUp, rttMs, bitrate, loss, lost }) => ({
      number,
      up: isUp,
      rtt: rounded(rttMs),
      bitrate: Math.round(bitrate),
      loss: loss === undefined ? null : Math.round(loss * 1e5) / 1e5,
      lost: Math.round(lost),
    })),
  };
}

function contentOf({ picture, sound, absent }: StreamMeasure['content']): StreamStats['content'] {
  return {
    absent,
    dark: rounded(picture?.dark),
    change: rounded(picture?.change),
    level: rounded(sound?.levelDb),
    peak: rounded(sound?.peakDb),
    clipped: rounded(sound?.clipped),
  };
}

function recentOf(samples: readonly Sample[]): StreamStats['recent'] {
  const perSecond = (count: number, { coveredMs }: Sample) => (coveredMs > 0 ? (count * 1000) / coveredMs : 0);
  return {
    bitrate: samples.map((sample) => Math.round(perSecond((sample.videoBytes + sample.audioBytes) * 8, sample))),
    frameRate: samples.map((sample) => Math.round(perSecond(sample.videoFrames, sample) * 10) / 10),
  };
}

/** Three decimals. */
function toMs(value: number): number {
  return Math.round(value * 1000) / 1000;
}

function rounded(value: number | undefined): number | null {
  return value === undefined ? null : toMs(value);
}

function whole(value: number | undefined): number | null {
  return value === undefined ? null : Math.round(value);
}
