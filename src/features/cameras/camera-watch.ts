/**
 * Reads the events of one camera as long as it is watched: one subscription, one request at a time.
 * In: a camera, the time. Out: moments. ONVIF Core 9.2 (pull-point). What fails is tried again, with growing
 * pauses; nothing else waits for it.
 */
import {
  type CameraNotification,
  eventsService,
  type PullPoint,
  parseNotifications,
  parsePullPoint,
  printPull,
  printRenew,
  printSubscribe,
  printUnsubscribe,
} from '@oxbow/wire/onvif/events';
import { OnvifClient } from '../../ingest/onvif/onvif-client.ts';
import { sleep, withDeadline } from '../../lib/abort.ts';
import type { Clock } from '../../lib/clock.ts';
import { OxbowError, reasonOf } from '../../lib/errors.ts';
import type { Net } from '../../net/net.ts';
import type { Metrics } from '../../observe/metrics.ts';
import type { OpenMoment, StoredCamera } from './camera-table.ts';
import { type Moment, Moments } from './moments.ts';
import { addressOf } from './stored-address.ts';

/** A subscription lasts this long without a request, s, and is renewed after the second, ms. */
const SUBSCRIBED_S = 120;
const RENEW_MS = 40_000;
/** Longest wait for notifications, s; shorter while a moment is open. */
const WAIT_S = 20;
const OPEN_WAIT_S = 1;
/** Between two requests at least this, ms: a camera may answer at once. */
const PAUSE_MS = 250;
/** Pauses after failures, ms. */
const [FIRST_MS, LONGEST_MS] = [2000, 60_000];
/** After a refused password: many cameras lock a user out after a few attempts. */
const [FIRST_REFUSED_MS, LONGEST_REFUSED_MS] = [30_000, 600_000];
/** Longest wait for the end of a subscription, ms. */
const END_MS = 1000;
/** An event of longer ago happens now, ms: the clock of the camera was set. */
const OLD_MS = 60_000;

/** Dependencies. */
export interface CameraWatchParts {
  readonly net: Pick<Net, 'fetch'>;
  readonly clock: Pick<Clock, 'nowMs'>;
  readonly metrics: Pick<Metrics, 'cameraEvents'>;
  /** A moment has begun, or is over. Never rejects. */
  readonly took: (moment: Moment) => Promise<void>;
  /** The moments that another process has left. Never rejects. */
  readonly left: () => Promise<readonly OpenMoment[]>;
  /** What else is due. Never rejects. */
  readonly tick: (nowMs: number) => Promise<void>;
  /** When `tick` has something to do, ms since 1970; undefined: not yet known. */
  readonly dueMs: () => number | undefined;
}

export class CameraWatch {
  readonly #parts: CameraWatchParts;
  readonly #camera: () => StoredCamera;
  readonly #moments = new Moments();
  #problem: string | undefined = 'it is not connected yet';
  /** The subscription has answered. */
  #hasAnswered = false;
  #lastMs: number | undefined;

  /** @param camera its row, as it is now */
  constructor(parts: CameraWatchParts, camera: () => StoredCamera) {
    this.#parts = parts;
    this.#camera = camera;
  }

  /** Why no events are read; undefined while they are. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** When something was noticed last, ms since 1970; undefined: nothing yet. */
  get lastMs(): number | undefined {
    return this.#lastMs;
  }

  /** Watches until the signal fires; `finish` ends the moments that are open then. Never rejects. */
  async run({ signal }: { readonly signal: AbortSignal }): Promise<void> {
    await this.#resume();
    let pauseMs = FIRST_MS;
    let longestMs = LONGEST_MS;
    while (!signal.aborted) {
      try {
        await this.#subscribe({ signal });
      } catch (error) {
        if (signal.aborted) break;
        if (this.#hasAnswered) pauseMs = FIRST_MS; // it worked until now
        this.#hasAnswered = false;
        this.#problem = reasonOf(error);
        const isRefused = error instanceof OxbowError && error.extra.reason === 'credentials';
        longestMs = isRefused ? LONGEST_REFUSED_MS : LONGEST_MS;
        pauseMs = Math.max(pauseMs, isRefused ? FIRST_REFUSED_MS : FIRST_MS);
      }
      await this.#settle();
      await sleep(pauseMs, { signal }).catch(() => undefined); // only the signal rejects it, and ends the loop
      pauseMs = Math.min(longestMs, pauseMs * 2);
    }
  }

  /** Ends the moments that are open, now: the camera is not watched any more. Never rejects. */
  async finish(): Promise<void> {
    for (const moment of this.#moments.over(this.#parts.clock.nowMs(), true)) await this.#parts.took(moment);
  }

  /** Of a kind only the newest one may last; those before it are over. */
  async #resume(): Promise<void> {
    const left = await this.#parts.left();
    const newest = new Map(left.map((moment) => [moment.kind, moment]));
    for (const moment of left) {
      if (newest.get(moment.kind) === moment)
        this.#moments.resume(moment.kind, moment.fromMs, this.#parts.clock.nowMs());
      else await this.#parts.took({ kind: moment.kind, is: 'over', fromMs: moment.fromMs, toMs: moment.fromMs });
    }
  }

  async #subscribe({ signal }: { readonly signal: AbortSignal }): Promise<void> {
    const { net, clock } = this.#parts;
    const client = new OnvifClient({ address: addressOf(this.#camera()), trusted: true, net, clock });
    await client.open({ signal });
    const service = client.serviceOf(eventsService);
    if (!service) throw client.failed('reports no events', 'refused');
    const { body, headers } = printSubscribe(service.href, SUBSCRIBED_S);
    const { element, text } = await client.exchange(service, body, { headers, signal });
    const point = parsePullPoint(element, text);
    const url = client.urlOf(point?.address);
    if (!point || !url) throw client.failed('begins a subscription without an address', 'refused');
    this.#problem = undefined;
    try {
      await this.#pull(client, point, url, { signal });
    } finally {
      await this.#unsubscribe(client, point, url);
    }
  }

  /** Reads until it fails. */
  async #pull(
    client: OnvifClient,
    point: PullPoint,
    url: URL,
    { signal }: { readonly signal: AbortSignal },
  ): Promise<void> {
    const { clock, dueMs } = this.#parts;
    let renewedMs = clock.nowMs();
    while (!signal.aborted) {
      const nowMs = clock.nowMs();
      const isSoon = this.#moments.areOpen || (dueMs() ?? Number.POSITIVE_INFINITY) < nowMs + WAIT_S * 1000;
      const waitS = isSoon ? OPEN_WAIT_S : WAIT_S;
      const pull = printPull(point.address, point, waitS);
      const deadlineMs = waitS * 1000 + 10_000;
      const response = await client.call(url, pull.body, { headers: pull.headers, deadlineMs, signal });
      this.#hasAnswered = true;
      for (const notification of parseNotifications(response)) await this.#take(notification, client.aheadMs);
      await this.#settle();
      if (clock.nowMs() - renewedMs > RENEW_MS) {
        const renew = printRenew(point.address, point, SUBSCRIBED_S);
        // Many cameras renew with each request, and refuse this one.
        await client.call(url, renew.body, { headers: renew.headers, signal }).catch(() => undefined);
        renewedMs = clock.nowMs();
      }
      await sleep(PAUSE_MS, { signal });
    }
  }

  async #take({ kind, isOn, atMs, source }: CameraNotification, aheadMs: number): Promise<void> {
    const { clock, metrics, took } = this.#parts;
    const { sources, events } = this.#camera();
    if (!events.kinds.includes(kind)) return;
    // A recorder has several cameras.
    if (source !== undefined && sources.length > 0 && !sources.includes(source)) return;
    const nowMs = clock.nowMs();
    const saidMs = (atMs ?? nowMs + aheadMs) - aheadMs;
    const isPlausible = saidMs > nowMs - OLD_MS && saidMs <= nowMs;
    let begun: Moment | undefined;
    const happenedMs = Math.floor(isPlausible ? saidMs : nowMs);
    const result = this.#moments.take({ kind, isOn, atMs: happenedMs }, (moment) => (begun = moment));
    if (result === undefined) return;
    this.#lastMs = nowMs;
    metrics.cameraEvents.inc({ result });
    if (begun) await took(begun);
  }

  async #settle(): Promise<void> {
    const nowMs = this.#parts.clock.nowMs();
    for (const moment of this.#moments.over(nowMs)) await this.#parts.took(moment);
    await this.#parts.tick(nowMs);
  }

  /** The camera has few subscriptions; it may be gone. */
  async #unsubscribe(client: OnvifClient, point: PullPoint, url: URL): Promise<void> {
    using deadline = withDeadline(END_MS, 'the end of a subscription', { signal: new AbortController().signal });
    const { body, headers } = printUnsubscribe(point.address, point);
    await client.call(url, body, { headers, signal: deadline.signal }).catch(() => undefined);
  }
}
