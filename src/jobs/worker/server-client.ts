/**
 * Requests of a worker to its server: over kept connections, repeated when the server cannot be reached.
 * In: address and token. Out: answers; refusals of the server as OxbowError.
 */
import type { IncomingMessage, RequestOptions } from 'node:http';
import { backoffMs, sleep, withDeadline } from '../../lib/abort.ts';
import { messageOf, OxbowError, type RefusalCode, refusals, sentenceOf } from '../../lib/errors.ts';
import { http, https } from '../../lib/memory/node-http.ts';
import { refuseOtherProtocol } from '../../lib/other-protocol.ts';
import { version } from '../../lib/version.ts';
import { currentTraceparent } from '../../observe/traces/current-span.ts';

export interface ServerAddress {
  /** Origin, and a path if it is below one; `http:` or `https:`. */
  readonly url: string;
  /** A bearer token with the scope `worker`. */
  readonly token: string;
  /** The certificate is not checked: only for a loopback address of the same computer. */
  readonly unchecked?: boolean;
}

interface ServerRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE';
  /** From the origin, encoded. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly json?: unknown;
  /** Sent as it is read; called again for each try. */
  readonly body?: () => AsyncIterable<Uint8Array>;
  /** Limit of one try until the answer is complete, ms; 20 s by default. */
  readonly timeoutMs?: number;
  readonly signal: AbortSignal;
}

const TIMEOUT_MS = 20_000;
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;
const [FIRST_PAUSE_MS, LONGEST_PAUSE_MS] = [100, 3000];
/** The server is reached, but cannot answer now. */
const PASSING: ReadonlySet<number> = new Set([429, 502, 503, 504]);

/** The server was not reached, or not now: the request can be repeated. */
export class Unreachable extends Error {
  override readonly name = 'Unreachable';
}

/** Requests to one server. Disposing closes its connections. */
export class ServerClient implements Disposable {
  readonly #address: ServerAddress;
  readonly #base: URL;
  readonly #module: typeof http | typeof https;
  readonly #agent: InstanceType<typeof http.Agent>;

  constructor(address: ServerAddress) {
    this.#address = address;
    this.#base = new URL(address.url.endsWith('/') ? address.url : `${address.url}/`);
    this.#module = this.#base.protocol === 'https:' ? https : http;
    this.#agent = new this.#module.Agent({
      keepAlive: true,
      ...(address.unchecked && { rejectUnauthorized: false }),
    });
  }

  /**
   * Sends a request and reads its answer as JSON; undefined if it has none. Repeats it while the server
   * cannot be reached.
   *
   * @param forMs how long it is repeated, ms
   * @throws OxbowError the refusal of the server, or `source-failed` if it cannot be reached for this long
   */
  async json<T>(request: ServerRequest, { forMs }: { readonly forMs: number }): Promise<T> {
    return this.repeat(request.signal, forMs, async () => {
      const { bytes } = await this.once(request);
      return (bytes.length === 0 ? undefined : JSON.parse(Buffer.from(bytes).toString())) as T;
    });
  }

  /** Repeats `work` while it throws Unreachable. Throws as `json`. */
  async repeat<T>(signal: AbortSignal, forMs: number, work: () => Promise<T>): Promise<T> {
    const untilMs = performance.now() + forMs;
    for (let tried = 0; ; tried++) {
      try {
        return await work();
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof Unreachable)) throw error;
        if (performance.now() >= untilMs) {
          throw new OxbowError('source-failed', `${this.#base.origin} cannot be reached: ${sentenceOf(error)}`, {
            cause: error,
          });
        }
        await sleep(backoffMs(tried, FIRST_PAUSE_MS, LONGEST_PAUSE_MS), { signal });
      }
    }
  }

  /**
   * Sends a request once and reads the whole answer.
   *
   * @throws Unreachable; OxbowError the refusal of the server
   */
  async once(request: ServerRequest): Promise<{ readonly response: IncomingMessage; readonly bytes: Uint8Array }> {
    const { timeoutMs = TIMEOUT_MS, signal } = request;
    using limit = withDeadline(timeoutMs, `${request.method} ${request.path}`, { signal });
    const response = await this.open({ ...request, signal: limit.signal });
    try {
      return { response, bytes: await readAll(response) };
    } catch (error) {
      throw new Unreachable(messageOf(error), { cause: error });
    }
  }

  /**
   * Sends a request once; the body of its answer is unread.
   *
   * @throws as `once`
   */
  async open({ method, path, headers, json, body, signal }: ServerRequest): Promise<IncomingMessage> {
    signal.throwIfAborted();
    const text = json === undefined ? undefined : Buffer.from(JSON.stringify(json));
    const traceparent = currentTraceparent();
    const options: RequestOptions = {
      method,
      agent: this.#agent,
      signal,
      headers: {
        authorization: `Bearer ${this.#address.token}`,
        'user-agent': `oxbow/${version}`,
        ...(text && { 'content-type': 'application/json', 'content-length': text.length }),
        ...(body && { 'content-type': 'application/octet-stream' }),
        ...(traceparent !== undefined && { traceparent }),
        ...headers,
      },
    };
    const outgoing = this.#module.request(new URL(path.replace(/^\//, ''), this.#base), options);
    const answered = new Promise<IncomingMessage>((resolve, reject) => {
      outgoing.once('response', resolve);
      outgoing.on('error', reject);
    });
    refuseOtherProtocol(outgoing);
    let response: IncomingMessage;
    try {
      if (body) await Promise.race([answered, writeBody(outgoing, body(), answered)]);
      else outgoing.end(text);
      response = await answered;
    } catch (error) {
      answered.catch(() => undefined); // the same error, or one that follows from it
      outgoing.destroy();
      if (error instanceof OxbowError) throw error;
      throw new Unreachable(messageOf(error), { cause: error });
    }
    const status = response.statusCode!;
    if (status < 400) return response;
    const text4 = Buffer.from(await readAll(response).catch(() => new Uint8Array())).toString();
    outgoing.destroy();
    if (PASSING.has(status)) throw new Unreachable(`the server answered ${status}`);
    throw refusalOf(status, text4);
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }
}

/** Writes a body no faster than the server takes it; ends early when the server has answered. */
async function writeBody(
  outgoing: ReturnType<typeof http.request>,
  body: AsyncIterable<Uint8Array>,
  answered: Promise<unknown>,
): Promise<void> {
  let isOver = false;
  let proceed = () => {};
  const end = () => {
    isOver = true;
    proceed();
  };
  answered.then(end, end);
  outgoing.on('drain', () => proceed());
  for await (const piece of body) {
    if (isOver) return;
    if (outgoing.write(piece)) continue;
    await new Promise<void>((resolve) => {
      proceed = resolve;
    });
  }
  if (!isOver) outgoing.end();
}

async function readAll(response: IncomingMessage): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of response) {
    length += (piece as Uint8Array).length;
    if (length > MAX_ANSWER_BYTES) throw new Error(`the answer is longer than ${MAX_ANSWER_BYTES} bytes`);
    pieces.push(piece as Uint8Array);
  }
  return Buffer.concat(pieces);
}

function refusalOf(status: number, text: string): OxbowError {
  let problem: { code?: unknown; detail?: unknown; title?: unknown } = {};
  try {
    problem = JSON.parse(text) as typeof problem;
  } catch {
    // Not oxbow, but e.g. a proxy.
  }
  const code = typeof problem.code === 'string' && problem.code in refusals ? problem.code : 'source-failed';
  const detail = problem.detail ?? problem.title ?? `the server answered ${status}`;
  return new OxbowError(code as RefusalCode, String(detail));
}
