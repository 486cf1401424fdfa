/**
 * Makes one request of the API: address, headers, patience, trying again where the server says when, errors as OxbowProblem.
 * In: an operation and what it takes. Out: its answer. Works wherever there is `fetch`: browsers, Node ≥ 20. No dependency.
 */
import { OxbowProblem, readProblem } from './problem.ts';

/** How a client reaches its server. */
export interface ClientOptions {
  /** Its origin, as `https://tv.example`; in a page of the server's own it may be left out. */
  readonly server?: string;
  /** An admin token; left out: as anyone, or with the cookie of the page. */
  readonly token?: string;
  /** Instead of the platform's. */
  readonly fetch?: typeof fetch;
  /** Longest wait for an answer, ms: 20 s for what only asks, 120 s for what changes something. */
  readonly patienceMs?: number;
  /** How often a refusal with Retry-After (429, 503) is tried again: 2. Only what may be sent twice is. */
  readonly retries?: number;
  /** A Retry-After beyond this is not waited for, ms: 30 s. */
  readonly maxRetryAfterMs?: number;
}

/** How one request is made. */
export interface CallOptions {
  /** Ends it; it rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** The same key again gives the first answer again: for what creates. */
  readonly idempotencyKey?: string;
  /** An ETag: only what still has it is changed, else it is refused as `precondition-failed`. */
  readonly ifMatch?: string;
  /** Told the headers of the answer, e.g. for its ETag. */
  readonly onHeaders?: (headers: Headers) => void;
}

/** One row of the API. */
export interface Operation {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** With `{name}` for parameters. */
  readonly path: string;
  /** `file`: the Response itself is given, its body not read yet. */
  readonly answer?: 'file';
}

/** What an operation takes: parameters of path and query by name, and the body: a value that becomes JSON, or a Blob. */
export type Input = Readonly<Record<string, unknown>>;

/** Makes requests. */
export type Requester = <T>(operation: Operation, input?: Input, options?: CallOptions) => Promise<T>;

const PATIENCE_MS = { asks: 20_000, changes: 120_000 } as const;
const MAX_RETRY_AFTER_MS = 30_000;

/** Makes what the operations ask with. */
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
 * The address of an operation with its parameters in place.
 *
 * @param server origin, or empty for the page's own
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

/** Headers by which the server knows who asks. */
export function credentials({ token }: ClientOptions): Record<string, string> {
  // A header holds no other characters; the server would not know such a token anyway.
  return token !== undefined && /^[\x21-\x7e]+$/.test(token) ? { authorization: `Bearer ${token}` } : {};
}

async function send(
  client: ClientOptions,
  { method, path, answer }: Operation,
  input: Input,
  { signal, idempotencyKey, ifMatch }: CallOptions,
): Promise<Response> {
  const { server = '', fetch: ask = fetch } = client;
  const isFile = input.body instanceof Blob;
  const late = AbortSignal.timeout(client.patienceMs ?? PATIENCE_MS[method === 'GET' ? 'asks' : 'changes']);
  // A file may take as long as it takes.
  const ends = answer === 'file' ? signal : signal ? AbortSignal.any([signal, late]) : late;
  try {
    return await ask(addressOf(server, path, input), {
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

/** When to come back, ms; undefined where the answer does not say. Dates are not read: oxbow sends seconds. */
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
