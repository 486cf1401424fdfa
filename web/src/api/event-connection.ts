/**
 * Hears what happens on the server, so that pages need not ask as often. Without it pages ask as they always did.
 * In: events over WebSocket, which takes none of the six connections that players need. Out: a call for each event.
 */
import type { ConnectionEvent, EventType, OxbowEvent } from '../../../src/client/client.ts';
import { pause } from './poll.ts';
import { serverFor } from './server.ts';

/** What a page hears. */
export type ReceivedEvent = OxbowEvent | ConnectionEvent;

/** Pauses before the next try to connect, milliseconds; the last one again and again. */
const PAUSES_MS = [1_000, 5_000, 15_000, 60_000] as const;

/** A line to the server. */
export class EventConnection {
  #isOn = false;
  #lastId = '';
  readonly #query: string;
  readonly #stream: string;
  readonly #onEvent: (event: ReceivedEvent) => void;
  readonly #signal: AbortSignal;

  /**
   * @param query what is heard, as the API takes it: `stream=door`
   * @param onEvent hears each event, `events.ready` with each connection
   * @param options.stream whose right to watch goes along, where one was given
   * @param options.signal ends it
   */
  constructor(
    query: string,
    onEvent: (event: ReceivedEvent) => void,
    { stream = '', signal }: { readonly stream?: string; readonly signal: AbortSignal },
  ) {
    this.#query = query;
    this.#stream = stream;
    this.#onEvent = onEvent;
    this.#signal = signal;
  }

  /** Events come: asking now and again is enough. */
  get isOn(): boolean {
    return this.#isOn;
  }

  /** Keeps the line until the signal aborts; lost, it goes on behind the last event. Never rejects. */
  async keep(): Promise<void> {
    if (!('WebSocket' in globalThis)) return;
    for (let failed = 0; !this.#signal.aborted; failed++) {
      if (await this.#connect()) failed = 0;
      await pause(PAUSES_MS[Math.min(failed, PAUSES_MS.length - 1)]!, this.#signal);
    }
  }

  /** Resolves when the line is lost, with whether there ever was one. */
  #connect(): Promise<boolean> {
    return new Promise((resolve) => {
      const after = this.#lastId === '' ? '' : `&after=${this.#lastId}`;
      const url = new URL(`${serverFor(this.#stream)}/api/v1/events?${this.#query}${after}`, location.href);
      url.protocol = url.protocol.replace('http', 'ws');
      const socket = new WebSocket(url);
      // Browsers log an error for a socket that is closed while it still connects.
      const close = () => {
        if (socket.readyState === 0) socket.addEventListener('open', () => socket.close());
        else socket.close();
      };
      let came = false;
      this.#signal.addEventListener('abort', close);
      socket.addEventListener('message', ({ data }) => {
        const event = JSON.parse(String(data)) as ReceivedEvent;
        came = true;
        this.#isOn = true;
        if (event.id !== '') this.#lastId = event.id;
        if (!this.#signal.aborted) this.#onEvent(event);
      });
      socket.addEventListener('close', () => {
        this.#signal.removeEventListener('abort', close);
        this.#isOn = false;
        resolve(came);
      });
    });
  }
}

/** What changes how a stream is shown. */
export const STREAM_EVENTS = [
  'stream.created',
  'stream.changed',
  'stream.removed',
  'stream.live',
  'stream.offline',
  'stream.gap',
] as const satisfies readonly EventType[];
