/**
 * API calls of the admin page.
 * In: the session's cookie. Out: the shapes of src/client. Each call throws ApiError and aborts with `signal`.
 */
import type { GapView, StreamView } from '../../../src/api/shapes.ts';
import { askServer } from './client.ts';

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
