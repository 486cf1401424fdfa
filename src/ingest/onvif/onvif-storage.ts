/**
 * The storage of a camera or network video recorder over ONVIF Profile G: its clock, its recordings, and
 * where they are replayed.
 * In: the address of a camera, the guarded HTTP client. Out: recordings, RTSP addresses. ONVIF Core 5.9
 * (authentication), Recording Search 5, Replay Control 5.
 */
import {
  type OnvifRecording,
  onvifServices,
  parseReplayUri,
  parseResults,
  parseSearchToken,
  printEndSearch,
  printFindRecordings,
  printGetReplayUri,
  printGetResults,
} from '@oxbow/wire/onvif/recordings';
import { parseRtspUrl, type RtspAddress } from '@oxbow/wire/rtsp/rtsp-url';
import { OnvifClient, type OnvifClientOptions } from './onvif-client.ts';

/** Requests for results of one search. */
const MAX_ROUNDS = 20;

/** The storage of a camera. */
export interface OnvifStorage {
  /** By how much the clock of the camera is ahead of that of oxbow, ms; exact to a second. */
  readonly aheadMs: number;
  /** All recordings. @throws as `openOnvifStorage` */
  recordings(options: { readonly signal: AbortSignal }): Promise<readonly OnvifRecording[]>;
  /** Where a recording is replayed: on the host of the camera. @throws as `openOnvifStorage` */
  replayAddress(token: string, options: { readonly signal: AbortSignal }): Promise<RtspAddress>;
}

/**
 * Reads the clock and the services of a camera.
 *
 * @throws OxbowError `source-failed` if it does not answer, refuses (`extra.reason` is `credentials` or
 *   `refused`) or has no storage (`no-replay`); `address-refused`; the signal's reason
 */
export async function openOnvifStorage(
  options: OnvifClientOptions,
  { signal }: { signal: AbortSignal },
): Promise<OnvifStorage> {
  const device = new OnvifClient(options);
  await device.open({ signal });
  const search = device.serviceOf(onvifServices.search);
  const replay = device.serviceOf(onvifServices.replay);
  if (!search || !replay) throw device.failed('has no storage that can be searched and replayed', 'no-replay');
  return {
    aheadMs: device.aheadMs,
    recordings: (within) => readRecordings(device, search, within),
    async replayAddress(token, within) {
      const uri = parseReplayUri(await device.call(replay, printGetReplayUri(token), within));
      return parseRtspUrl(device.rtspUrlOf(uri));
    },
  };
}

async function readRecordings(device: OnvifClient, search: URL, within: { readonly signal: AbortSignal }) {
  const token = parseSearchToken(await device.call(search, printFindRecordings(), within));
  if (token === undefined) throw device.failed('began a search without a token', 'refused');
  const recordings: OnvifRecording[] = [];
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const results = parseResults(await device.call(search, printGetResults(token), within));
    recordings.push(...results.recordings);
    if (results.isComplete) return recordings;
  }
  // The search is complete otherwise: the camera has ended it.
  await device.call(search, printEndSearch(token), within).catch(() => undefined);
  return recordings;
}
