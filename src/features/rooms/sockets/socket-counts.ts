/**
 * Counts of the connections of rooms; refusals are also logged, at most once a second.
 * In: calls of connections and the fan-out. Out: metrics, log lines.
 */
import type { ClientMessage, ServerMessage } from '../../../api/room/messages.ts';
import type { HttpDeps } from '../../../http/deps.ts';
import { messageOf } from '../../../lib/errors.ts';
import { RefusalLog } from '../../../observe/refusal-log.ts';
import type { FanOutCounts } from '../live/fan-out.ts';
import { Tally } from '../live/tally.ts';

/** The counters of all connections. */
export class SocketCounts implements FanOutCounts, Disposable {
  readonly #deps: Pick<HttpDeps, 'metrics' | 'log' | 'clock'>;
  readonly #refusals: RefusalLog;
  readonly #received: Tally<ClientMessage['t']>;
  readonly #sent: Tally<ServerMessage['t']>;

  constructor(deps: Pick<HttpDeps, 'metrics' | 'log' | 'clock'>) {
    this.#deps = deps;
    const { metrics } = deps;
    this.#received = new Tally(metrics, (type, count) => metrics.roomMessagesIn.inc({ type }, count));
    this.#sent = new Tally(metrics, (type, count) => metrics.roomMessagesOut.inc({ type }, count));
    this.#refusals = new RefusalLog(deps, 'rooms refused messages or connections', (code) =>
      deps.metrics.roomRefused.inc({ code }),
    );
  }

  [Symbol.dispose](): void {
    this.#received[Symbol.dispose]();
    this.#sent[Symbol.dispose]();
  }

  /** A valid message of a client. */
  received(message: ClientMessage): void {
    this.#received.count(message.t);
    if (message.t !== 'report' || message.offsetMs === null) return;
    this.#deps.metrics.roomOffsetSeconds.observe(Math.abs(message.offsetMs) / 1000);
  }

  /** A message to one connection, or to all of a room. */
  sent(type: ServerMessage['t']): void {
    this.#sent.count(type);
  }

  /** See FanOutCounts. */
  delivered(frames: number): void {
    this.#deps.metrics.roomDeliveries.inc(frames);
  }

  /** See FanOutCounts. */
  worked(seconds: number): void {
    this.#deps.metrics.roomTickSeconds.observe(seconds);
  }

  /** A client was disconnected because it did not read. */
  tooSlow(): void {
    this.#deps.metrics.roomSlowClients.inc();
    this.refused('too-slow');
  }

  /** A message or a connection was refused. */
  refused(code: string): void {
    this.#refusals.refused(code);
  }

  /** A bug. */
  failed(error: unknown): void {
    this.#deps.log.error({ error: messageOf(error), stack: (error as Error)?.stack }, 'a room failed');
  }
}
