/**
 * Settings of hls.js for live and for the past, and the meaning of its errors for a viewer.
 * In: nothing, or an error of hls.js. Out: buffers, the player. Pure.
 */
import type { ErrorData, HlsConfig, PlaylistLoaderConstructor } from 'hls.js';
import { type Failure, readFailure } from '../api/client.ts';
import { currentAddress, onServer } from '../api/server.ts';
import { captionNames } from '../media/captions.ts';
import { StoredRequests } from './source/stored-requests.ts';

function forBoth(): Partial<HlsConfig> {
  const stored = new StoredRequests();
  return {
    maxLiveSyncPlaybackRate: 1, // oxbow controls the rate: hls.js speeds up only with more than a second buffered, and resets other rates
    liveDurationInfinity: false,
    enableWorker: false, // fragmented MP4 passes through: there is nothing to transmux
    // Rooms renew the token in an address while it plays; hls.js opens the request where this has not.
    xhrSetup(xhr, url, { headers }) {
      const now = stored.urlOf(currentAddress(url), headers);
      if (now !== url) xhr.open('GET', now, true);
    },
    fragLoadPolicy: {
      default: {
        ...loadTimes,
        errorRetry: {
          maxNumRetry: 6,
          retryDelayMs: 1_000,
          maxRetryDelayMs: 8_000,
          shouldRetry: (_, count, __, response, isRetried) => stored.retries(count, response, isRetried),
        },
      },
    },
    renderTextTracksNatively: true,
    ...captionNames,
  };
}

/**
 * Common encryption is decrypted by the browser, with keys from the server (ClearKey). Nothing is requested
 * while a playlist names no keys.
 *
 * @param url of the licences, `…/keys/clearkey`
 */
function licences(url: string): Partial<HlsConfig> {
  return {
    emeEnabled: true,
    drmSystems: { 'org.w3.clearkey': { licenseUrl: url } },
    licenseXhrSetup(xhr, address) {
      xhr.open('POST', currentAddress(address), true);
    },
  };
}

const licencesOf = (stream: string) => licences(onServer(`/live/${stream}/keys/clearkey`));

/** Those of hls.js for segments. */
const loadTimes = {
  maxTimeToFirstByteMs: 10_000,
  maxLoadTimeMs: 120_000,
  timeoutRetry: { maxNumRetry: 4, retryDelayMs: 0, maxRetryDelayMs: 0 },
};

/**
 * CMCD (CTA-5004): the server counts viewers by the session id. It is in headers, so that caches see one
 * address; on pages of other origins it is in the query, because each header would cost a CORS preflight.
 */
function cmcd(sessionId: string, stream: string): NonNullable<HlsConfig['cmcd']> {
  const useHeaders = onServer('') === '';
  return { sessionId, contentId: stream, useHeaders, includeKeys: ['sid', 'cid', 'sf', 'st'] };
}

/**
 * Live: low latency if the playlist offers it, starting at its hold-back; one minute is kept for steps back.
 *
 * @param lowLatencyMode false: whole segments, with fewer requests
 */
export function liveSettings(sessionId: string, stream: string, lowLatencyMode = true): Partial<HlsConfig> {
  return {
    ...forBoth(),
    lowLatencyMode,
    backBufferLength: 60,
    cmcd: cmcd(sessionId, stream),
    ...licencesOf(stream),
  };
}

/**
 * The past: windows, spliced by a playlist loader.
 *
 * @param pLoader loads the playlists of renditions
 */
export function pastSettings(
  sessionId: string,
  stream: string,
  pLoader: PlaylistLoaderConstructor,
): Partial<HlsConfig> {
  return {
    ...forBoth(),
    lowLatencyMode: false,
    maxBufferLength: 20,
    maxMaxBufferLength: 30, // otherwise minutes of a stream with a low bitrate are fetched ahead
    backBufferLength: 60,
    pLoader,
    cmcd: cmcd(sessionId, stream),
    ...licencesOf(stream),
  };
}

/** The licences of a video of this server; other videos have none here. */
export function assetLicenceUrl(url: string): string | undefined {
  const [, asset] = /^([^?]*\/assets\/[^/?]+\/)index\.(?:m3u8|mpd)(?:\?|$)/.exec(url) ?? [];
  return asset && `${asset}keys/clearkey`;
}

/** A finished video of the library. @param url of its playlist */
export function assetSettings(url: string): Partial<HlsConfig> {
  const settings = { lowLatencyMode: false, maxBufferLength: 30, maxMaxBufferLength: 60, backBufferLength: 60 };
  const licenceUrl = assetLicenceUrl(url);
  return { ...forBoth(), ...settings, ...(licenceUrl !== undefined && licences(licenceUrl)) };
}

/** A failure whose words are in the catalogue. */
const failure = (code: string): Failure => ({ code, status: 0, title: '', hint: '' });

/**
 * Why protected media cannot be played: the browser gives pages keys only over HTTPS, or the media needs a
 * DRM system that this player does not have.
 */
export function protectionFailure(): Failure {
  return failure(globalThis.isSecureContext === false ? 'no-drm-insecure' : 'no-drm');
}

/** The meaning of a fatal error of hls.js: the server's problem document if it sent one. */
export function playbackFailure(data: ErrorData): Failure {
  const status = data.response?.code ?? 0;
  if (data.type === 'keySystemError') return status >= 400 ? readFailure(status, '') : protectionFailure();
  if (data.type !== 'networkError') return failure('unplayable');
  const request = data.networkDetails as Partial<XMLHttpRequest> | null;
  const isText = request?.responseType === '' || request?.responseType === 'text';
  const body = isText ? (request.responseText ?? '') : (data.response?.text ?? '');
  return readFailure(status, body);
}
