/**
 * The server's clock in a room, read over the room's connection: the best of five requests, every 5 s, and
 * again after a sleep.
 * In: a way to send requests, their answers. Out: a clock, exact to about a millisecond.
 */
import type { ClientMessage, ServerMessage } from '../../../../src/api/room/messages.ts';
import { pause } from '../../api/poll.ts';
import { Clock, type ClockAnswer, type ClockParts } from '../../time/clock.ts';

/** Between two measurements, milliseconds. */
const AGAIN_MS = 5_000;
/** Without an answer for this long a question is lost, milliseconds. */
const ANSWER_WITHIN_MS = 2_000;

export class RoomClock extends Clock {
  readonly #steadyMs: () => number;
  #asked: { readonly c: number; readonly answered: (serverMs: number) => void } | null = null;

  /** @param send returns false without a connection */
  constructor(send: (message: ClientMessage) => boolean, parts: Partial<ClockParts> = {}) {
    const steadyMs = parts.steadyMs ?? (() => performance.now());
    const wallMs = parts.wallMs ?? Date.now;
    super({ againMs: AGAIN_MS, steadyMs, wallMs, ask: (signal) => this.#ask(send, wallMs, signal), ...parts });
    this.#steadyMs = steadyMs;
  }

  /** The server's answer to a question. */
  answered({ c, serverMs }: Extract<ServerMessage, { t: 'clock' }>): void {
    if (this.#asked?.c === c) this.#asked.answered(serverMs);
  }

  async #ask(
    send: (message: ClientMessage) => boolean,
    wallMs: () => number,
    signal: AbortSignal,
  ): Promise<ClockAnswer | null> {
    const c = this.#steadyMs();
    const ends = new AbortController();
    let answer: ClockAnswer | null = null;
    this.#asked = {
      c,
      answered: (serverMs) => {
        const roundTripMs = this.#steadyMs() - c;
        answer = { offsetMs: serverMs + roundTripMs / 2 - wallMs(), roundTripMs };
        ends.abort();
      },
    };
    if (!send({ t: 'clock', c })) return null;
    await pause(ANSWER_WITHIN_MS, AbortSignal.any([signal, ends.signal]));
    return answer;
  }
}
