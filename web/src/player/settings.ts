/**
 * What hls.js is told for live and for the past, and what its errors mean to a viewer.
 * In: nothing, or an error of hls.js. Out: buffers, the player. Pure.
 */
import type { ErrorData, HlsConfig, PlaylistLoaderConstructor } from 'hls.js';
import { type Failure, readFailure } from '../api/client.ts';
import { onServer } from '../api/server.ts';

const forBoth: Partial<HlsConfig> = {
  maxLiveSyncPlaybackRate: 1, // the pace is ours: hls.js speeds up only while more than a second is buffered, and sets our rate back
  liveDurationInfinity: false,
  enableWorker: false, // fragmented MP4 passes through: nothing for a worker to do
  renderTextTracksNatively: true,
};

/**
 * CMCD (CTA-5004): the server counts viewers by the session. In headers, so that caches see one address; on other people's pages in the
 * query, because there each header would cost a question of its own (CORS).
 */
function cmcd(sessionId: string, stream: string): NonNullable<HlsConfig['cmcd']> {
  const useHeaders = onServer('') === '';
  return { sessionId, contentId: stream, useHeaders, includeKeys: ['sid', 'cid', 'sf', 'st'] };
}

/** Live: low latency where the list offers it, begun at the hold-back that the list asks for; a minute is kept behind for steps back. */
export function liveSettings(sessionId: string, stream: string): Partial<HlsConfig> {
  return {
    ...forBoth,
    lowLatencyMode: true,
    backBufferLength: 60,
    cmcd: cmcd(sessionId, stream),
  };
}

/**
 * The past: windows, glued by a loader of playlists.
 *
 * @param pLoader answers for the playlists of renditions
 */
export function pastSettings(
  sessionId: string,
  stream: string,
  pLoader: PlaylistLoaderConstructor,
): Partial<HlsConfig> {
  return {
    ...forBoth,
    lowLatencyMode: false,
    maxBufferLength: 20,
    maxMaxBufferLength: 30, // else a stream of few bits is fetched minutes ahead
    backBufferLength: 60,
    pLoader,
    cmcd: cmcd(sessionId, stream),
  };
}

/** What a fatal error of hls.js means: the server's own problem where it gave one. */
export function playbackFailure(data: ErrorData): Failure {
  if (data.type !== 'networkError') return { code: 'unplayable', status: 0, title: '', hint: '' };
  const request = data.networkDetails as Partial<XMLHttpRequest> | null;
  const isText = request?.responseType === '' || request?.responseType === 'text';
  const body = isText ? (request.responseText ?? '') : (data.response?.text ?? '');
  return readFailure(data.response?.code ?? 0, body);
}
