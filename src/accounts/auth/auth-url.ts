/**
 * Queries the authorization server of `auth.url` whether a client may publish or watch: one POST for each
 * client, with its answer in memory for as long as the server says. A client without an answer is refused.
 * In: questions of protocol servers and of HTTP. Out: verdicts; metrics. docs/3-publish/auth.md.
 */
import { createHash } from 'node:crypto';
import { waitFor } from '../../lib/abort.ts';
import { CircuitBreaker, doublingPause } from '../../lib/breaker/circuit-breaker.ts';
import { dropOldest } from '../../lib/drop-oldest.ts';
import { messageOf, OxbowError } from '../../lib/errors.ts';
import type { Net } from '../../net/net.ts';
import { type AuthVerdict, MAX_ANSWER_BYTES, parseAuthAnswer } from './auth-answer.ts';

/** A client that wants to publish or to watch. */
export interface AuthQuestion {
  readonly action: 'publish' | 'read';
  /** Null for a publisher that sent only a key. */
  readonly stream: string | null;
  /** `rtmp`, `srt`, `http`, … */
  readonly protocol: string;
  /** IP address. */
  readonly address: string;
  readonly userAgent: string | undefined;
  /** Key or token as the client sent it; undefined if none. */
  readonly secret: string | undefined;
  /** Id of the stream key, if it is one of oxbow's. */
  readonly keyId?: string | undefined;
}

/** An answer in memory. */
export interface KnownAnswer {
  readonly verdict: AuthVerdict;
  /** How long it holds, by the clock that never steps, ms. */
  readonly untilMs: number;
}

/** Outcome of a question, for metrics. `cached`: answered from memory. */
type AuthOutcome = 'allowed' | 'denied' | 'unavailable' | 'cached';

/** Options of `AuthUrl`. */
export interface AuthUrlOptions {
  /** http or https; user name and password are sent as Basic authentication. */
  readonly url: string;
  /** Sent as bearer token; undefined: none. */
  readonly secret: string | undefined;
  /** Sends the keys and their digests. */
  readonly sendKey: boolean;
  /** From the question to the last byte of the answer, ms. */
  readonly timeoutMs: number;
  readonly net: Pick<Net, 'fetch'>;
  /** A clock that never steps, ms. */
  readonly nowMs: () => number;
  /** Aborts questions at the end of the process. */
  readonly signal: AbortSignal;
  /** Called for each question; `seconds` for those that were sent. */
  readonly onAnswer: (action: AuthQuestion['action'], outcome: AuthOutcome, seconds?: number) => void;
  /** Called when the server stops answering, with the reason, and when it answers again. */
  readonly onAvailable: (isAvailable: boolean, reason: string) => void;
}

/** Most answers in memory; the least recently used is dropped. */
const MAX_ANSWERS = 10_000;
/** Longest name of a program that is sent, characters. */
const MAX_USER_AGENT = 300;
/** Most questions at the same time; further ones are refused. */
const MAX_QUESTIONS = 100;
/** Failures in a row after which no question is sent for a while. */
const FAILURES = 5;
const PAUSE_MS = { min: 1000, max: 30_000 } as const;

/** The authorization server. */
export class AuthUrl {
  readonly #options: AuthUrlOptions;
  readonly #url: URL;
  readonly #breaker: CircuitBreaker;
  /** Least recently used first. */
  readonly #answers = new Map<string, KnownAnswer>();
  readonly #questions = new Map<string, Promise<AuthVerdict>>();
  /**
   * Keys of answers by the content of requests: a digest for each request of a player would cost more than
   * its response.
   */
  readonly #keys = new Map<string, string>();

  constructor(options: AuthUrlOptions) {
    this.#options = options;
    this.#url = new URL(options.url);
    this.#breaker = new CircuitBreaker({
      nowMs: options.nowMs,
      failures: FAILURES,
      pauseMs: doublingPause(PAUSE_MS.min, PAUSE_MS.max),
    });
  }

  /** Questions that wait for an answer. */
  get waiting(): number {
    return this.#questions.size;
  }

  /** The answer in memory; undefined if there is none. */
  known(question: AuthQuestion): KnownAnswer | undefined {
    const { action, stream, protocol, address, secret } = question;
    const sent = `${action} ${stream} ${protocol} ${address} ${secret === undefined ? '' : `=${secret}`}`;
    const key = this.#keys.get(sent);
    const answer = this.#find(key ?? keyOf(question));
    if (!answer) this.#keys.delete(sent);
    else if (key === undefined) {
      this.#keys.set(sent, keyOf(question));
      dropOldest(this.#keys, MAX_ANSWERS);
    }
    return answer;
  }

  /**
   * The verdict from memory or from the server. Equal questions at the same time are sent once.
   *
   * @param options.signal ends the wait
   * @throws OxbowError `auth-unavailable`; the signal's reason
   */
  async ask(question: AuthQuestion, { signal }: { readonly signal: AbortSignal }): Promise<AuthVerdict> {
    const key = keyOf(question);
    const answer = this.#find(key);
    if (answer) {
      this.#options.onAnswer(question.action, 'cached');
      return answer.verdict;
    }
    const asked = this.#questions.get(key) ?? this.#begin(key, question);
    return waitFor(asked, { signal });
  }

  #find(key: string): KnownAnswer | undefined {
    const answer = this.#answers.get(key);
    if (!answer) return undefined;
    this.#answers.delete(key);
    if (this.#options.nowMs() >= answer.untilMs) return undefined;
    this.#answers.set(key, answer);
    return answer;
  }

  #begin(key: string, question: AuthQuestion): Promise<AuthVerdict> {
    const { onAnswer } = this.#options;
    const refuse = (detail: string) => {
      onAnswer(question.action, 'unavailable');
      return Promise.reject(unavailable(detail, this.#breaker.waitMs));
    };
    if (this.#questions.size >= MAX_QUESTIONS) return refuse(`${MAX_QUESTIONS} questions wait for an answer.`);
    if (!this.#breaker.allows()) return refuse('The server at `auth.url` has not answered several times in a row.');
    const asked = this.#send(key, question).finally(() => this.#questions.delete(key));
    this.#questions.set(key, asked);
    return asked;
  }

  async #send(key: string, question: AuthQuestion): Promise<AuthVerdict> {
    const { nowMs, onAnswer, onAvailable } = this.#options;
    const startedMs = nowMs();
    const seconds = () => (nowMs() - startedMs) / 1000;
    try {
      const { verdict, ttlMs } = await this.#post(question);
      if (this.#breaker.isOpen) onAvailable(true, '');
      this.#breaker.succeeded();
      if (ttlMs > 0) this.#answers.set(key, { verdict, untilMs: nowMs() + ttlMs });
      dropOldest(this.#answers, MAX_ANSWERS);
      onAnswer(question.action, verdict.isAllowed ? 'allowed' : 'denied', seconds());
      return verdict;
    } catch (error) {
      const wasOpen = this.#breaker.isOpen;
      this.#breaker.failed();
      onAnswer(question.action, 'unavailable', seconds());
      if (!wasOpen && this.#breaker.isOpen) onAvailable(false, messageOf(error));
      throw unavailable('The server at `auth.url` did not answer as expected.', this.#breaker.waitMs, error);
    }
  }

  async #post({ action, stream, protocol, address, userAgent, secret, keyId }: AuthQuestion) {
    const { net, timeoutMs, secret: bearer, sendKey, signal } = this.#options;
    const keyDigest = secret === undefined ? null : digestOf(secret);
    const program = userAgent?.slice(0, MAX_USER_AGENT) ?? null;
    const fields = { action, stream, protocol, address, userAgent: program, keyId: keyId ?? null, keyDigest };
    const body = JSON.stringify(sendKey ? { ...fields, key: secret ?? null } : fields);
    using answer = await net.fetch(this.#url, {
      signal,
      trusted: this.#url,
      post: Buffer.from(body),
      headers: {
        'content-type': 'application/json',
        ...(bearer !== undefined && { authorization: `Bearer ${bearer}` }),
      },
      maxBytes: MAX_ANSWER_BYTES,
      deadlineMs: timeoutMs,
      idleMs: timeoutMs,
    });
    return parseAuthAnswer(answer.status, await answer.body());
  }
}

function unavailable(detail: string, waitMs: number, cause?: unknown): OxbowError {
  const retryAfterSeconds = Math.max(1, Math.ceil(waitMs / 1000));
  return new OxbowError('auth-unavailable', detail, { cause, extra: { retryAfterSeconds } });
}

/** SHA-256 in hexadecimal, as `sha256sum` prints it. */
function digestOf(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}

/** Identifies a client and its request; without its secret. */
function keyOf({ action, stream, protocol, address, secret }: AuthQuestion): string {
  return [action, stream ?? '', protocol, address, secret === undefined ? '' : digestOf(secret)].join(' ');
}
