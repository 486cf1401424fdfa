/**
 * Requests to media servers, through the guarded client and within bounds.
 * In: addresses and bodies. Out: parsed answers. A private address needs `net.allow`.
 */
import { OxbowError } from '../../../lib/errors.ts';
import type { Net, NetRequest } from '../../../net/net.ts';

/** Longest answer, bytes. */
const MAX_ANSWER = 8 * 1024 * 1024;
const WITHIN_MS = 20_000;
const IDLE_MS = 10_000;

export interface ProviderRequest {
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON by POST. */
  readonly json?: unknown;
  /** Sent as it is; with `method`. */
  readonly text?: string;
  readonly method?: NetRequest['method'];
}

/** Sends requests to one media server. */
export class ProviderClient {
  readonly #net: Pick<Net, 'fetch'>;
  readonly #signal: AbortSignal;

  /** @param signal aborts when the user's client disconnects */
  constructor(net: Pick<Net, 'fetch'>, { signal }: { readonly signal: AbortSignal }) {
    this.#net = net;
    this.#signal = signal;
  }

  /**
   * The text of an answer with a status below 300.
   *
   * @throws OxbowError `media-server-refused` for 401 and 403, `source-failed` for other statuses; as the
   *   guarded client
   */
  async text(url: string, { headers, json, text, method }: ProviderRequest = {}): Promise<string> {
    const body = json === undefined ? text : JSON.stringify(json);
    using response = await this.#net.fetch(url, {
      signal: this.#signal,
      maxBytes: MAX_ANSWER,
      deadlineMs: WITHIN_MS,
      idleMs: IDLE_MS,
      ...(body !== undefined && { post: new TextEncoder().encode(body), method }),
      headers: { ...(json !== undefined && { 'content-type': 'application/json' }), ...headers },
    });
    if (response.status === 401 || response.status === 403) throw refused();
    if (response.status >= 300) {
      throw new OxbowError('source-failed', `The media server answered with HTTP ${response.status}.`);
    }
    return new TextDecoder().decode(await response.body());
  }

  /**
   * The JSON of an answer. Throws as `text`, and `source-failed` if it is not an object.
   */
  async json(url: string, request: ProviderRequest = {}): Promise<Fields> {
    const text = await this.text(url, request);
    try {
      return new Fields(JSON.parse(text));
    } catch (cause) {
      throw new OxbowError('source-failed', 'The media server did not answer with JSON.', { cause });
    }
  }
}

/** The error for a sign-in or a session that a server refuses. */
export function refused(detail = 'The media server refused the name, the password, or the session.'): OxbowError {
  return new OxbowError('media-server-refused', detail);
}

/**
 * The members of a JSON object of another server, read by type: one that is missing or of another type is
 * the empty value.
 */
export class Fields {
  readonly #value: Readonly<Record<string, unknown>>;

  constructor(value: unknown) {
    this.#value = typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  }

  text(name: string): string {
    const value = this.#value[name];
    return typeof value === 'string' ? value : typeof value === 'number' ? String(value) : '';
  }

  /** Undefined if it is no number. */
  number(name: string): number | undefined {
    const value = this.#value[name];
    return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
  }

  flag(name: string): boolean {
    return this.#value[name] === true;
  }

  object(name: string): Fields {
    return new Fields(this.#value[name]);
  }

  list(name: string): Fields[] {
    const value = this.#value[name];
    return Array.isArray(value) ? value.map((element) => new Fields(element)) : [];
  }
}
