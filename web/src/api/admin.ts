/**
 * API calls of the admin page.
 * In: the session's cookie. Out: the shapes of src/client. Each call throws ApiError and aborts with
 * `signal`.
 */
import type { GapView, StreamView } from '../../../src/api/shapes.ts';
import { askServer } from './client.ts';

/** One measurement of a stream; `value` is null if there was nothing to measure. */
export interface Sample {
  /** Unix milliseconds. */
  readonly atMs: number;
  readonly value: number | null;
}

/** More streams than this are not shown. */
const MOST_STREAMS = 1000;
/** How far back gaps are requested, milliseconds. */
export const GAPS_BACK_MS = 3_600_000;

/** All streams, including those that are not public. */
export async function getAllStreams(signal: AbortSignal): Promise<readonly StreamView[]> {
  return (await askServer(signal, (client, options) => client.listStreams({ limit: String(MOST_STREAMS) }, options)))
    .items;
}

/**
 * The gaps of the last hour, oldest first.
 *
 * @param nowMs the server's time, unix milliseconds
 */
export async function getGaps(name: string, nowMs: number, signal: AbortSignal): Promise<readonly GapView[]> {
  const from = String(Math.floor((nowMs - GAPS_BACK_MS) / 1000));
  return (await askServer(signal, (client, options) => client.listStreamGaps({ name, from }, options))).items;
}

/** Length of a step of the bitrates, seconds. */
const RATES_RES_S = 10;

/**
 * The bitrate of a stream since an instant, bit/s of video and audio; null where nothing was received.
 *
 * @param fromMs unix milliseconds
 */
export async function getRates(name: string, fromMs: number, signal: AbortSignal): Promise<readonly Sample[]> {
  const query = { name, from: String(Math.floor(fromMs / 1000)), res: String(RATES_RES_S) };
  const { from, res, series } = await askServer(signal, (client, options) =>
    client.getStreamStatsHistory(query, options),
  );
  return series.videoBitrate.map((video, step) => {
    const audio = series.audioBitrate[step] ?? null;
    const value = video === null && audio === null ? null : (video ?? 0) + (audio ?? 0);
    return { atMs: Date.parse(from) + (step + 0.5) * res * 1000, value };
  });
}
