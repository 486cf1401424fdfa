/**
 * Events as an async iterator, over server-sent events; a connection that is lost is made again and goes on behind the last id.
 * In: what is wanted. Out: event after event, until the signal aborts or the loop is left. HTML Standard, 9.2.
 */

import type { ConnectionEvent, EventType, OxbowEvent } from './event-shapes.ts';
import { OxbowProblem, readProblem } from './problem.ts';
import { addressOf, type ClientOptions, credentials, pause } from './request.ts';

/** What is heard. */
export interface EventFilter<T extends EventType = EventType> {
  /** All of them where left out. */
  readonly types?: readonly T[];
  /** Of one stream alone; of an unlisted one, anybody hears only so. */
  readonly stream?: string;
  /** Id of the last event that was heard. */
  readonly after?: string;
  /** Ends it: the loop is over, nothing is thrown. */
  readonly signal?: AbortSignal;
}

/** Pauses between tries to connect, ms; the last one again and again. Half of it by chance, so that not all come at once. */
const PAUSES_MS = [1000, 2000, 5000, 10_000] as const;
/** The server gives a sign of life every 15 s; without one for this long, the connection is made again, ms. */
const SILENCE_MS = 40_000;

/**
 * Hears events. `events.ready` comes with each connection, `events.reset` where some were lost: then ask for the state anew.
 * `events.ended` where the right to listen has ended; the refusal is thrown next.
 *
 * @throws OxbowProblem where the server refuses for good (4xx)
 */
export async function* listen<T extends EventType>(
  client: ClientOptions,
  filter: EventFilter<T>,
): AsyncGenerator<OxbowEvent<T> | ConnectionEvent, void> {
  const { types, stream, signal } = filter;
  let { after } = filter;
  for (let failed = 0; !signal?.aborted; failed++) {
    const query = { ...(types && { types: types.join(',') }), ...(stream && { stream }), ...(after && { after }) };
    const line = new Line(signal);
    try {
      for await (const event of connect<T>(client, query, line)) {
        failed = 0;
        if (event.id !== '') after = event.id;
        yield event;
      }
    } catch (error) {
      if (signal?.aborted) return;
      if (error instanceof OxbowProblem && isFinal(error)) throw error;
      if (!(error instanceof OxbowProblem)) throw error; // of whoever listens, thrown into the loop
    } finally {
      line.close();
    }
    const ms = PAUSES_MS[Math.min(failed, PAUSES_MS.length - 1)]! * (0.5 + Math.random() / 2);
    await pause(ms, signal).catch(() => undefined); // only the signal makes it reject, and ends the loop
  }
}

function isFinal({ status }: OxbowProblem): boolean {
  return status >= 400 && status < 500 && status !== 408 && status !== 429;
}

/** One connection: ends with the listener's signal, or when the server is silent for too long. */
class Line {
  readonly #controller = new AbortController();
  readonly #outer: AbortSignal | undefined;
  readonly #onAbort = () => this.#controller.abort(this.#outer?.reason);
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(outer: AbortSignal | undefined) {
    this.#outer = outer;
    outer?.addEventListener('abort', this.#onAbort, { once: true });
    this.heard();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** The server is there. */
  heard(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#controller.abort(new Error('the server is silent')), SILENCE_MS);
  }

  /** Ends it; may be called twice. */
  close(): void {
    clearTimeout(this.#timer);
    this.#outer?.removeEventListener('abort', this.#onAbort);
    this.#controller.abort();
  }
}

async function* connect<T extends EventType>(
  client: ClientOptions,
  query: Readonly<Record<string, string>>,
  line: Line,
): AsyncGenerator<OxbowEvent<T> | ConnectionEvent, void> {
  const { server = '', fetch: ask = fetch } = client;
  const headers = { accept: 'text/event-stream', ...credentials(client) };
  const lost = (error: unknown) => new OxbowProblem(readProblem(0, ''), { cause: error });
  const response = await ask(addressOf(server, '/api/v1/events', query), { headers, signal: line.signal }).catch(
    (error: unknown) => {
      throw lost(error);
    },
  );
  if (!response.ok) throw new OxbowProblem(readProblem(response.status, await response.text().catch(() => '')));
  if (!response.body) return;
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  for (let text = ''; ; ) {
    const { done, value } = await reader.read().catch((error: unknown) => {
      throw lost(error);
    });
    if (done) return;
    line.heard();
    text += decoder.decode(value, { stream: true });
    const blocks = text.split('\n\n');
    text = blocks.pop() ?? '';
    for (const block of blocks) {
      const data = /^data: (.*)$/m.exec(block)?.[1];
      if (data !== undefined) yield JSON.parse(data) as OxbowEvent<T>;
    }
  }
}
