/**
 * The error webhook: reports bugs and crashes to one URL of the settings, each error once and then with its
 * count.
 * In: log lines with `report`. Out: POSTs through the guarded client. Bounded in memory and in requests;
 * docs/9-run/errors.md.
 */
import { randomUUID } from 'node:crypto';
import type { Clock } from '../../lib/clock.ts';
import { dropOldest } from '../../lib/drop-oldest.ts';
import type { Net } from '../../net/net.ts';
import { sign } from '../signature.ts';
import { type ErrorReport, parseReport } from './error-report.ts';

interface ErrorWebhookOptions {
  readonly url: string;
  /** Signs requests as other webhooks do; undefined: unsigned. */
  readonly secret: string | undefined;
  /** An error that repeats is reported again after this, with its count, ms. */
  readonly repeatMs: number;
  /** Fields of the process: version, node, host. */
  readonly process: Readonly<Record<string, string | null>>;
  readonly net: Pick<Net, 'fetch'>;
  readonly clock: Clock;
  readonly sleep: (ms: number, options: { signal: AbortSignal }) => Promise<void>;
  readonly onResult: (result: 'sent' | 'failed' | 'dropped') => void;
}

const MAX_WAITING = 100;
const MAX_ERRORS = 500;
const MAX_A_MINUTE = 20;
const DEADLINE_MS = 5000;
/** Pauses after failed tries. */
const PAUSES_MS = [2000, 15_000];
const bounds = { maxBytes: 64 * 1024, deadlineMs: DEADLINE_MS, idleMs: DEADLINE_MS };

interface ReportedError {
  /** Since the last request. */
  count: number;
  readonly firstAt: string;
  sentMs: number;
}
interface Waiting {
  readonly report: ErrorReport;
  readonly count: number;
  readonly firstAt: string;
}

/** Sends reports until disposed. */
export class ErrorWebhook implements AsyncDisposable {
  readonly #options: ErrorWebhookOptions;
  readonly #reported = new Map<string, ReportedError>();
  readonly #waiting: Waiting[] = [];
  /** When the last requests were queued, ms of the monotonic clock. */
  readonly #recent: number[] = [];
  readonly #closing = new AbortController();
  #sending: Promise<void> | undefined;
  /** Result of the last report. */
  lastResult: 'sent' | 'failed' | undefined;

  constructor(options: ErrorWebhookOptions) {
    this.#options = options;
  }

  /** Takes a log line, JSON without secrets; ignores one without `report`. */
  take(json: string): void {
    const report = parseReport(json);
    if (report) this.report(report);
  }

  /** Queues a report, or counts it if the same error was reported within `repeatMs`. */
  report(report: ErrorReport): void {
    const nowMs = this.#options.clock.monotonicMs();
    const previous = this.#reported.get(report.fingerprint);
    if (previous && nowMs - previous.sentMs < this.#options.repeatMs) {
      previous.count++;
      return;
    }
    while (this.#recent.length > 0 && nowMs - this.#recent[0]! > 60_000) this.#recent.shift();
    if (this.#waiting.length >= MAX_WAITING || this.#recent.length >= MAX_A_MINUTE) {
      if (previous) previous.count++;
      this.#options.onResult('dropped');
      return;
    }
    this.#recent.push(nowMs);
    const firstAt = previous?.firstAt ?? report.at;
    this.#reported.delete(report.fingerprint);
    this.#reported.set(report.fingerprint, { count: 0, firstAt, sentMs: nowMs });
    dropOldest(this.#reported, MAX_ERRORS);
    this.#waiting.push({ report, count: (previous?.count ?? 0) + 1, firstAt });
    this.#sending ??= this.#send();
  }

  /** Resolves when all reports so far were sent or have failed. */
  async flush(): Promise<void> {
    while (this.#sending) await this.#sending;
  }

  /** Tries once to send waiting reports. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new DOMException('oxbow is shutting down', 'AbortError'));
    await this.flush();
  }

  async #send(): Promise<void> {
    for (let next = this.#waiting.shift(); next; next = this.#waiting.shift()) {
      this.lastResult = (await this.#deliver(next)) ? 'sent' : 'failed';
      this.#options.onResult(this.lastResult);
    }
    this.#sending = undefined;
  }

  async #deliver({ report, count, firstAt }: Waiting): Promise<boolean> {
    const { sleep } = this.#options;
    const { signal } = this.#closing;
    const id = `error-${randomUUID()}`;
    const body = { id, type: 'error.reported', ...this.#options.process, ...report, count, firstAt };
    const json = JSON.stringify(body);
    for (let tried = 0; ; tried++) {
      if (await this.#post(id, json)) return true;
      const pauseMs = PAUSES_MS[tried];
      if (pauseMs === undefined || signal.aborted) return false;
      await sleep(pauseMs, { signal }).catch(() => undefined); // the end does not wait: one more try
    }
  }

  /**
   * @returns false if the receiver did not accept it: the result is counted, and no log line may follow,
   *   which would be reported
   */
  async #post(id: string, json: string): Promise<boolean> {
    const { url, secret, net, clock } = this.#options;
    const trusted = new URL(url);
    const signed = secret === undefined ? {} : sign(secret, id, clock.nowMs(), json);
    const headers = { 'content-type': 'application/json', ...signed };
    const { signal } = new AbortController();
    try {
      using answer = await net.fetch(trusted, { signal, headers, trusted, post: Buffer.from(json), ...bounds });
      return answer.status >= 200 && answer.status <= 299;
    } catch {
      return false;
    }
  }
}
