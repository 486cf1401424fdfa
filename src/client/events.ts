/**
 * Events as an async iterator, by server-sent events. Reconnects after a lost connection and continues after
 * the last id.
 * In: a filter. Out: events, until the signal aborts or the loop ends. HTML Standard 9.2.
 */
import type { ConnectionEvent, EventType, OxbowEvent } from './made/event-shapes.ts';
import { OxbowProblem, readProblem } from './problem.ts';
import { addressOf, type ClientOptions, credentials, pause } from './request.ts';

/** The events that a client requests. */
export interface EventFilter<T extends EventType = EventType> {
  /** Default: all types. */
  readonly types?: readonly T[];
  /** Only events of this stream; required for the events of an unlisted stream. */
  readonly stream?: string;
  /** Id of the last received event: events after it are sent first. */
  readonly after?: string;
  /** Ends the loop; nothing is thrown. */
  readonly signal?: AbortSignal;
}

/**
 * Pauses before reconnecting, ms; the last one repeats. Half of each is random, so that clients do not
 * reconnect all at once.
 */
const PAUSES_MS = [1000, 2000, 5000, 10_000] as const;
/** The client reconnects after this long without data, ms; the server sends a heartbeat every 15 s. */
const SILENCE_MS = 40_000;

/**
 * Receives events. Each connection starts with `events.ready`, or `events.reset` if events were lost: then
 * read the state again. After `events.ended` (the permission has ended) the refusal is thrown.
 *
 * @throws OxbowProblem if the server refuses permanently (4xx)
 */
export async function* listen<T extends EventType>(
  client: ClientOptions,
  filter: EventFilter<T>,
): AsyncGenerator<OxbowEvent<T> | ConnectionEvent, void> {
  const { types, stream, signal } = filter;
  let { after } = filter;
  for (let failed = 0; !signal?.aborted; failed++) {
    const query = { ...(types && { types: types.join(',') }), ...(stream && { stream }), ...(after && { after }) };
    const connection = openConnection(signal);
    try {
      for await (const event of connect<T>(client, query, connection)) {
        failed = 0;
        if (event.id !== '') after = event.id;
        yield event;
      }
    } catch (error) {
      if (signal?.aborted) return;
      if (error instanceof OxbowProblem && isFinal(error)) throw error;
      if (!(error instanceof OxbowProblem)) throw error; // thrown by the caller's loop
    } finally {
      connection.close();
    }
    const ms = PAUSES_MS[Math.min(failed, PAUSES_MS.length - 1)]! * (0.5 + Math.random() / 2);
    await pause(ms, signal).catch(() => undefined); // rejects only if the signal aborts, which ends the loop
  }
}

function isFinal({ status }: OxbowProblem): boolean {
  return status >= 400 && status < 500 && status !== 408 && status !== 429;
}

interface Connection {
  readonly signal: AbortSignal;
  received(): void;
  close(): void;
}

/**
 * A signal that aborts with the caller's, on `close`, or when the server is silent: call `received` for each
 * piece of data.
 */
function openConnection(outer: AbortSignal | undefined): Connection {
  const controller = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const received = () => {
    clearTimeout(timer);
    timer = setTimeout(() => controller.abort(new Error('the server is silent')), SILENCE_MS);
  };
  received();
  return {
    signal: outer ? AbortSignal.any([outer, controller.signal]) : controller.signal,
    received,
    close() {
      clearTimeout(timer);
      controller.abort();
    },
  };
}

async function* connect<T extends EventType>(
  client: ClientOptions,
  query: Readonly<Record<string, string>>,
  connection: Connection,
): AsyncGenerator<OxbowEvent<T> | ConnectionEvent, void> {
  const { server = '', fetch: send = fetch } = client;
  const headers = { accept: 'text/event-stream', ...credentials(client) };
  const lost = (error: unknown) => new OxbowProblem(readProblem(0, ''), { cause: error });
  const { signal } = connection;
  const response = await send(addressOf(server, '/api/v1/events', query), { headers, signal }).catch(
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
    connection.received();
    text += decoder.decode(value, { stream: true });
    const blocks = text.split('\n\n');
    text = blocks.pop() ?? '';
    for (const block of blocks) {
      const data = /^data: (.*)$/m.exec(block)?.[1];
      if (data !== undefined) yield JSON.parse(data) as OxbowEvent<T>;
    }
  }
}
