/**
 * The storage of a camera or network video recorder over ONVIF Profile G: its clock, its recordings, and
 * where they are replayed.
 * In: the address of a camera, the guarded HTTP client. Out: recordings, RTSP addresses. ONVIF Core 5.9
 * (authentication), Recording Search 5, Replay Control 5.
 */
import { FormatError } from '@oxbow/media/errors';
import {
  type OnvifRecording,
  onvifServices,
  parseReplayUri,
  parseResults,
  parseSearchToken,
  parseServices,
  parseTime,
  printEndSearch,
  printFindRecordings,
  printGetReplayUri,
  printGetResults,
  printGetServices,
  printGetTime,
} from '@oxbow/wire/onvif/recordings';
import { MAX_SOAP, parseSoap, printSoap, type SoapElement, SoapFault } from '@oxbow/wire/onvif/soap';
import { Authenticator, parseChallenges } from '@oxbow/wire/rtsp/authentication';
import { parseRtspUrl, type RtspAddress } from '@oxbow/wire/rtsp/rtsp-url';
import type { Clock } from '../../lib/clock.ts';
import { OxbowError, reasonOf } from '../../lib/errors.ts';
import type { Net, NetResponse } from '../../net/net.ts';
import type { OnvifAddress } from './onvif-url.ts';

/** One request, ms: a search waits up to 5 s for results. */
const REQUEST_MS = 15_000;
/** Requests for results of one search. */
const MAX_ROUNDS = 20;

/** What is opened. */
interface OnvifStorageOptions {
  readonly address: OnvifAddress;
  /** The address is from an administrator, so its host may be private. */
  readonly trusted: boolean;
  readonly net: Pick<Net, 'fetch'>;
  readonly clock: Pick<Clock, 'nowMs'>;
}

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
  options: OnvifStorageOptions,
  { signal }: { signal: AbortSignal },
): Promise<OnvifStorage> {
  const device = new OnvifClient(options);
  await device.readClock({ signal });
  const services = parseServices(await device.call(options.address.device, printGetServices(), { signal }));
  const search = device.urlOf(services.get(onvifServices.search));
  const replay = device.urlOf(services.get(onvifServices.replay));
  if (!search || !replay) throw device.failed('has no storage that can be searched and replayed', 'no-replay');
  return {
    aheadMs: device.aheadMs,
    recordings: (within) => readRecordings(device, search, within),
    async replayAddress(token, within) {
      const uri = parseReplayUri(await device.call(replay, printGetReplayUri(token), within));
      return device.replayOf(uri);
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

/** Requests of one camera. */
class OnvifClient {
  readonly #options: OnvifStorageOptions;
  #authenticator: Authenticator | undefined;
  aheadMs = 0;

  constructor(options: OnvifStorageOptions) {
    this.#options = options;
  }

  /** Reads the clock: passwords are sent with the camera's time. A camera without UTC is taken for exact. */
  async readClock({ signal }: { signal: AbortSignal }): Promise<void> {
    const { address, clock } = this.#options;
    const timeMs = parseTime(await this.#send(address.device, printSoap(printGetTime(), undefined), { signal }));
    // It says whole seconds: on average it is half a second later.
    if (timeMs !== undefined) this.aheadMs = timeMs + 500 - clock.nowMs();
  }

  async call(url: URL, body: string, { signal }: { signal: AbortSignal }): Promise<SoapElement> {
    const { address, clock } = this.#options;
    const { user, password } = address;
    const login = user === '' ? undefined : { user, password, nowMs: clock.nowMs() + this.aheadMs };
    return this.#send(url, printSoap(body, login), { signal });
  }

  /**
   * The address of a service. A camera behind a router names its own address there: host and port are those
   * that are configured, unless it names the same host.
   */
  urlOf(address: string | undefined): URL | undefined {
    const url = URL.parse(address ?? '');
    const { device } = this.#options.address;
    if (!url || !/^https?:$/.test(url.protocol)) return undefined;
    if (url.hostname === device.hostname && url.protocol === device.protocol) return url;
    return new URL(`${url.pathname}${url.search}`, device);
  }

  /** The RTSP address on the host of the camera, with its user. */
  replayOf(uri: string | undefined): RtspAddress {
    const { device, user, password } = this.#options.address;
    const url = URL.parse(uri ?? '');
    if (!url) throw this.failed('names no address of the recording', 'refused');
    url.hostname = device.hostname;
    url.username = encodeURIComponent(user);
    url.password = encodeURIComponent(password);
    try {
      return parseRtspUrl(url.href);
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      throw this.failed('names an address of the recording that is no RTSP', 'refused');
    }
  }

  failed(why: string, reason: string, cause?: unknown): OxbowError {
    const { host } = this.#options.address.device;
    return new OxbowError('source-failed', `The camera ${host} ${why}.`, { cause, extra: { reason } });
  }

  async #send(url: URL, envelope: string, { signal }: { signal: AbortSignal }): Promise<SoapElement> {
    try {
      const response = await this.#post(url, envelope, { signal });
      const { status } = response;
      const text = new TextDecoder().decode(await response.body());
      if (status === 401) throw this.failed('refuses the user name and password', 'credentials');
      return parseSoap(text);
    } catch (error) {
      if (error instanceof SoapFault) {
        const isLogin = /NotAuthorized|FailedAuthentication/.test(error.code);
        throw this.failed(`refuses: ${error.message.replace(/\.$/, '')}`, isLogin ? 'credentials' : 'refused', error);
      }
      if (error instanceof FormatError) throw this.failed(`does not speak ONVIF: ${reasonOf(error)}`, 'refused', error);
      throw error;
    }
  }

  /** POSTs; once more with HTTP Digest where the camera wants that. */
  async #post(url: URL, envelope: string, { signal }: { signal: AbortSignal }): Promise<NetResponse> {
    const { net, trusted, address } = this.#options;
    const { user, password } = address;
    for (let attempt = 0; ; attempt++) {
      const target = `${url.pathname}${url.search}`;
      const authorization = this.#authenticator?.answer({ user, password, method: 'POST', url: target });
      const headers = { 'content-type': 'application/soap+xml; charset=utf-8' };
      const response = await net.fetch(url, {
        post: Buffer.from(envelope),
        headers: authorization === undefined ? headers : { ...headers, authorization },
        maxBytes: MAX_SOAP,
        deadlineMs: REQUEST_MS,
        idleMs: REQUEST_MS,
        signal,
        ...(trusted && { trusted: address.device }),
      });
      const challenge = response.headers['www-authenticate'];
      if (response.status !== 401 || attempt > 0 || challenge === undefined || user === '') return response;
      this.#authenticator = Authenticator.of(parseChallenges(challenge));
      await response.body();
      if (!this.#authenticator) return response;
    }
  }
}
