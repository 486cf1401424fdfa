/**
 * Receives the server's events, so that pages poll less often. Without a connection they poll at their normal
 * rate.
 * In: events over WebSocket, which uses none of the six HTTP connections that players need. Out: a call for
 * each event.
 */
import type { ConnectionEvent, EventType, OxbowEvent } from '../../../src/client/client.ts';
import { pause } from './poll.ts';
import { serverFor } from './server.ts';

export type ReceivedEvent = OxbowEvent | ConnectionEvent;

/** Pauses before reconnecting, milliseconds; the last one repeats. */
const PAUSES_MS = [1_000, 5_000, 15_000, 60_000] as const;

export class EventConnection {
  #isOn = false;
  #lastId = '';
  readonly #query: string;
  readonly #stream: string;
  readonly #onEvent: (event: ReceivedEvent) => void;
  readonly #signal: AbortSignal;

  /**
   * @param query the subscription, as in the API: `stream=door`
   * @param onEvent called with each event, and with `events.ready` on each connection
   * @param options.stream whose playback token is sent, if there is one
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

  /** Events arrive: infrequent polling is enough. */
  get isOn(): boolean {
    return this.#isOn;
  }

  /** Keeps the connection open until the signal aborts; reconnects after the last event. Never rejects. */
  async keep(): Promise<void> {
    if (!('WebSocket' in globalThis)) return;
    for (let failed = 0; !this.#signal.aborted; failed++) {
      if (await this.#connect()) failed = 0;
      await pause(PAUSES_MS[Math.min(failed, PAUSES_MS.length - 1)]!, this.#signal);
    }
  }

  /** Resolves when the connection is lost, with whether it was ever open. */
  #connect(): Promise<boolean> {
    return new Promise((resolve) => {
      const after = this.#lastId === '' ? '' : `&after=${this.#lastId}`;
      const url = new URL(`${serverFor(this.#stream)}/api/v1/events?${this.#query}${after}`, location.href);
      url.protocol = url.protocol.replace('http', 'ws');
      const socket = new WebSocket(url);
      // Browsers log an error if a socket is closed while it is connecting.
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

/** Events that change how a stream is shown. */
export const STREAM_EVENTS = [
  'stream.created',
  'stream.changed',
  'stream.removed',
  'stream.live',
  'stream.offline',
  'stream.gap',
] as const satisfies readonly EventType[];
