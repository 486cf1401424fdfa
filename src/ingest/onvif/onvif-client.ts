/**
 * Requests of one camera over ONVIF: its clock, its services, and calls with its user.
 * In: the address of a camera, the guarded HTTP client. Out: elements of responses, addresses on the host of
 * the camera. ONVIF Core 5.9 (authentication: HTTP Digest, WS-UsernameToken), 8.3 (services).
 */
import { FormatError } from '@oxbow/media/errors';
import { parseServices, parseTime, printGetServices, printGetTime } from '@oxbow/wire/onvif/recordings';
import { MAX_SOAP, parseSoap, printSoap, type SoapElement, SoapFault } from '@oxbow/wire/onvif/soap';
import { Authenticator, parseChallenges } from '@oxbow/wire/rtsp/authentication';
import { parseRtspUrl } from '@oxbow/wire/rtsp/rtsp-url';
import type { Clock } from '../../lib/clock.ts';
import { OxbowError, reasonOf } from '../../lib/errors.ts';
import type { Net, NetResponse } from '../../net/net.ts';
import type { OnvifAddress } from './onvif-url.ts';

/** One request, ms: a search waits up to 5 s for results. */
const REQUEST_MS = 15_000;

/** Which camera. */
export interface OnvifClientOptions {
  readonly address: OnvifAddress;
  /** The address is from an administrator, so its host may be private. */
  readonly trusted: boolean;
  readonly net: Pick<Net, 'fetch'>;
  readonly clock: Pick<Clock, 'nowMs'>;
}

interface OnvifCall {
  readonly signal: AbortSignal;
  /** XML of further elements of the header. */
  readonly headers?: string;
  /** Longest wait for the response, ms; default 15 s. */
  readonly deadlineMs?: number;
}

interface OnvifResponse {
  /** The element in its body. */
  readonly element: SoapElement;
  /** All of it. */
  readonly text: string;
}

/** Requests of one camera. */
export class OnvifClient {
  readonly #options: OnvifClientOptions;
  #authenticator: Authenticator | undefined;
  #services: ReadonlyMap<string, string> = new Map();
  #aheadMs = 0;

  constructor(options: OnvifClientOptions) {
    this.#options = options;
  }

  /** By how much the clock of the camera is ahead of that of oxbow, ms; exact to a second. */
  get aheadMs(): number {
    return this.#aheadMs;
  }

  /**
   * Reads the clock and the services of the camera: passwords are sent with the camera's time. A camera
   * without UTC is taken for exact.
   *
   * @throws OxbowError `source-failed` if it does not answer or refuses (`extra.reason` is `credentials` or
   *   `refused`); `address-refused`; the signal's reason
   */
  async open({ signal }: { readonly signal: AbortSignal }): Promise<void> {
    const { address, clock } = this.#options;
    const { element } = await this.#send(address.device, printSoap(printGetTime(), undefined), { signal });
    const timeMs = parseTime(element);
    // It says whole seconds: on average it is half a second later.
    if (timeMs !== undefined) this.#aheadMs = timeMs + 500 - clock.nowMs();
    this.#services = parseServices(await this.call(address.device, printGetServices(), { signal }));
  }

  /** Calls a service. @throws OxbowError as `open` */
  async call(url: URL, body: string, call: OnvifCall): Promise<SoapElement> {
    return (await this.exchange(url, body, call)).element;
  }

  /** Calls a service; with the response as it is written. @throws OxbowError as `open` */
  exchange(url: URL, body: string, call: OnvifCall): Promise<OnvifResponse> {
    const { address, clock } = this.#options;
    const { user, password } = address;
    const login = user === '' ? undefined : { user, password, nowMs: clock.nowMs() + this.#aheadMs };
    return this.#send(url, printSoap(body, login, call.headers), call);
  }

  /** The address of a service, after `open`; undefined if the camera does not have it. */
  serviceOf(namespace: string): URL | undefined {
    return this.urlOf(this.#services.get(namespace));
  }

  /**
   * An address that the camera names. A camera behind a router names its own address there: host and port are
   * those that are configured, unless it names the same host.
   */
  urlOf(address: string | undefined): URL | undefined {
    const url = URL.parse(address ?? '');
    const { device } = this.#options.address;
    if (!url || !/^https?:$/.test(url.protocol)) return undefined;
    if (url.hostname === device.hostname && url.protocol === device.protocol) return url;
    // Not resolved against it: a path may begin with two slashes and a host.
    const own = new URL(device);
    own.pathname = url.pathname;
    own.search = url.search;
    return own;
  }

  /**
   * An RTSP address on the host of the camera, with its user.
   *
   * @throws OxbowError `source-failed` if it is none
   */
  rtspUrlOf(uri: string | undefined): string {
    const { device, user, password } = this.#options.address;
    const url = URL.parse(uri ?? '');
    if (!url) throw this.failed('names no address of its media', 'refused');
    url.hostname = device.hostname;
    url.username = encodeURIComponent(user);
    url.password = encodeURIComponent(password);
    if (url.hostname !== device.hostname) throw this.failed('names no host of its media', 'refused');
    try {
      parseRtspUrl(url.href);
      return url.href;
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      throw this.failed('names an address of its media that is no RTSP', 'refused');
    }
  }

  /**
   * A file of the camera, such as a still picture.
   *
   * @throws OxbowError as `open`
   */
  async file(
    url: URL,
    { signal, maxBytes }: { readonly signal: AbortSignal; readonly maxBytes: number },
  ): Promise<Uint8Array> {
    const response = await this.#request(url, { signal, maxBytes });
    const bytes = await response.body();
    if (response.status !== 200) throw this.failed(`answers ${response.status} for a picture`, 'refused');
    return bytes;
  }

  /** The failure of this camera. @param reason for programs */
  failed(why: string, reason: string, cause?: unknown): OxbowError {
    const { host } = this.#options.address.device;
    return new OxbowError('source-failed', `The camera ${host} ${why}.`, { cause, extra: { reason } });
  }

  async #send(url: URL, envelope: string, { signal, deadlineMs }: OnvifCall): Promise<OnvifResponse> {
    const post = Buffer.from(envelope);
    const response = await this.#request(url, { post, signal, deadlineMs, maxBytes: MAX_SOAP });
    const text = new TextDecoder().decode(await response.body());
    if (response.status === 401) throw this.failed('refuses the user name and password', 'credentials');
    // Faults are in answers of any status.
    return { element: this.#parse(text), text };
  }

  #parse(text: string): SoapElement {
    try {
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

  /** Requests; once more with HTTP Digest where the camera wants that. */
  async #request(
    url: URL,
    {
      post,
      signal,
      maxBytes,
      deadlineMs = REQUEST_MS,
    }: {
      readonly post?: Uint8Array;
      readonly signal: AbortSignal;
      readonly maxBytes: number;
      readonly deadlineMs?: number | undefined;
    },
  ): Promise<NetResponse> {
    const { net, trusted, address } = this.#options;
    const { user, password } = address;
    for (let attempt = 0; ; attempt++) {
      const target = `${url.pathname}${url.search}`;
      const method = post ? 'POST' : 'GET';
      const authorization = this.#authenticator?.answer({ user, password, method, url: target });
      const response = await net.fetch(url, {
        post,
        headers: {
          ...(post && { 'content-type': 'application/soap+xml; charset=utf-8' }),
          ...(authorization !== undefined && { authorization }),
        },
        maxBytes,
        deadlineMs,
        idleMs: deadlineMs,
        signal,
        ...(trusted && { trusted: address.device }),
      });
      const challenge = response.headers['www-authenticate'];
      if (response.status !== 401 || attempt > 0 || challenge === undefined || user === '') return response;
      // Without TLS a password is sent only as a digest: anyone in the network may call themselves a camera.
      const challenges = parseChallenges(challenge);
      const isOpen = url.protocol !== 'https:';
      this.#authenticator = Authenticator.of(challenges.filter(({ scheme }) => !isOpen || scheme === 'digest'));
      if (!this.#authenticator) return response;
      await response.body();
    }
  }
}
