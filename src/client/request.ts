/**
 * Sends requests to the API: address, headers, timeouts, retries after Retry-After, errors as OxbowProblem.
 * In: an operation and its input. Out: its answer. Works with any `fetch`: browsers, Node ≥ 20. No
 * dependencies.
 */
import { OxbowProblem, readProblem } from './problem.ts';

export interface ClientOptions {
  /** Origin of the server, as `https://tv.example`. Default: the origin of the page. */
  readonly server?: string;
  /** An API or admin token. Default: none, or the session cookie of the page. */
  readonly token?: string;
  /** Default: the platform's `fetch`. */
  readonly fetch?: typeof fetch;
  /** Timeout of an answer, ms. Default: 20 s for GET, 120 s for other methods. */
  readonly patienceMs?: number;
  /**
   * Retries after an answer with Retry-After (429, 503). Default: 2. Only requests that may be sent twice are
   * repeated.
   */
  readonly retries?: number;
  /** Longest Retry-After that the client waits for, ms. Default: 30 s. */
  readonly maxRetryAfterMs?: number;
}

/** Options of one request. */
export interface CallOptions {
  /** Aborts the request, which rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** For requests that create something: the same key returns the first answer again. */
  readonly idempotencyKey?: string;
  /** An ETag: if the resource has another one, the request fails with `precondition-failed`. */
  readonly ifMatch?: string;
  /** Receives the headers of the answer, e.g. for its ETag. */
  readonly onHeaders?: (headers: Headers) => void;
}

/** One operation of the API. */
export interface Operation {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Parameters are written `{name}`. */
  readonly path: string;
  /** `file`: the result is the Response, with its body unread. */
  readonly answer?: 'file';
}

/** The input of an operation: parameters of path and query by name, and `body`. */
export type Input = Readonly<Record<string, unknown>>;

/** Sends a request and returns its answer. */
export type Requester = <T>(operation: Operation, input?: Input, options?: CallOptions) => Promise<T>;

const TIMEOUT_MS = { read: 20_000, write: 120_000 } as const;
const MAX_RETRY_AFTER_MS = 30_000;

/** Creates the function that sends the requests of a client. */
export function createRequester(client: ClientOptions): Requester {
  const { retries = 2, maxRetryAfterMs = MAX_RETRY_AFTER_MS } = client;
  return async <T>(operation: Operation, input: Input = {}, options: CallOptions = {}): Promise<T> => {
    const { signal, idempotencyKey } = options;
    const isRepeatable = operation.method !== 'POST' || idempotencyKey !== undefined;
    for (let tried = 0; ; tried++) {
      const response = await send(client, operation, input, options);
      if (response.ok) {
        options.onHeaders?.(response.headers);
        return (operation.answer === 'file' ? response : await read(response, signal)) as T;
      }
      const problem = new OxbowProblem(readProblem(response.status, await textOf(response, signal)));
      const waitMs = retryAfterMs(response);
      if (!isRepeatable || tried >= retries || waitMs === undefined || waitMs > maxRetryAfterMs) throw problem;
      await pause(waitMs, signal);
    }
  };
}

/**
 * The address of an operation with its parameters.
 *
 * @param server origin, or empty for that of the page
 */
export function addressOf(server: string, path: string, input: Input): string {
  const query = new URLSearchParams();
  const names = new Set<string>();
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => {
    names.add(name);
    return encodeURIComponent(String(input[name]));
  });
  for (const [name, value] of Object.entries(input)) {
    if (name !== 'body' && value !== undefined && !names.has(name)) query.set(name, String(value));
  }
  return `${server}${filled}${query.size > 0 ? `?${query}` : ''}`;
}

/** Header that authenticates the client. */
export function credentials({ token }: ClientOptions): Record<string, string> {
  // A header cannot have other characters, and no valid token has any.
  return token !== undefined && /^[\x21-\x7e]+$/.test(token) ? { authorization: `Bearer ${token}` } : {};
}

async function send(
  client: ClientOptions,
  { method, path, answer }: Operation,
  input: Input,
  { signal, idempotencyKey, ifMatch }: CallOptions,
): Promise<Response> {
  const { server = '', fetch: call = fetch } = client;
  const isFile = input.body instanceof Blob;
  const late = AbortSignal.timeout(client.patienceMs ?? TIMEOUT_MS[method === 'GET' ? 'read' : 'write']);
  // A download has no timeout.
  const ends = answer === 'file' ? signal : signal ? AbortSignal.any([signal, late]) : late;
  try {
    return await call(addressOf(server, path, input), {
      method,
      headers: {
        accept: 'application/json',
        ...credentials(client),
        ...(input.body !== undefined && { 'content-type': isFile ? (input.body as Blob).type : 'application/json' }),
        ...(idempotencyKey !== undefined && { 'idempotency-key': idempotencyKey }),
        ...(ifMatch !== undefined && { 'if-match': ifMatch }),
      },
      ...(input.body !== undefined && { body: isFile ? (input.body as Blob) : JSON.stringify(input.body) }),
      ...(ends && { signal: ends }),
    });
  } catch (error) {
    signal?.throwIfAborted();
    throw new OxbowProblem(readProblem(0, ''), { cause: error });
  }
}

async function read(response: Response, signal: AbortSignal | undefined): Promise<unknown> {
  const text = await textOf(response, signal);
  if (response.status === 204 || text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new OxbowProblem(readProblem(response.status, ''), { cause: error });
  }
}

async function textOf(response: Response, signal: AbortSignal | undefined): Promise<string> {
  try {
    return await response.text();
  } catch (error) {
    signal?.throwIfAborted();
    throw new OxbowProblem(readProblem(0, ''), { cause: error });
  }
}

/** Retry-After, ms; undefined if the answer has none. Dates are not supported: oxbow sends seconds. */
function retryAfterMs({ status, headers }: Response): number | undefined {
  const seconds = status === 429 || status === 503 ? headers.get('retry-after') : null;
  return seconds !== null && /^\d{1,6}$/.test(seconds) ? Number(seconds) * 1000 : undefined;
}

/** Resolves after `ms`; rejects with the signal's reason. */
export function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const onAbort = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
