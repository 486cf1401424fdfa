/**
 * WebSockets of rooms, passed to the nodes that own the rooms.
 * In: requests to upgrade. Out: whether another node has the connection. docs/decisions/0055.
 */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Clock } from '../../lib/clock.ts';
import { pathOf } from '../../serve/exchange/exchange.ts';
import type { NodeView } from '../placement/placement.ts';
import type { OwnerWaits } from './owner-waits.ts';
import type { Owners } from './owners.ts';
import { nodeUnanswered, type Peers } from './peers.ts';
import { type PassedKind, subjectOf } from './request-subject.ts';

/** Wait of a WebSocket for another owner of rooms of a node that does not answer, ms. */
const SOCKET_WAIT_MS = 5000;
/** A node that should answer is tried again this often meanwhile, ms. */
const SOCKET_TRY_MS = 1000;

/** Dependencies of passed WebSockets. */
interface PassedSocketsOptions {
  readonly owners: Owners;
  readonly peers: Peers;
  readonly waits: OwnerWaits;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  /** For tests: another wait, ms. */
  readonly socketWaitMs?: number;
  /** Called with each passed request. */
  count(kind: PassedKind, node: NodeView): void;
}

export class PassedSockets {
  readonly #options: PassedSocketsOptions;

  constructor(options: PassedSocketsOptions) {
    this.#options = options;
  }

  /**
   * Resolves true when the connection with another node has ended; false: this node has it. Rejects if the
   * node does not answer, and the room gets no other owner in time.
   */
  async pass(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<boolean> {
    if (request.nodeSender) return false;
    const about = subjectOf('GET', pathOf(request.url ?? '/'));
    if (!about || !('subject' in about)) return false;
    const { owners, waits, clock, socketWaitMs = SOCKET_WAIT_MS } = this.#options;
    const { subject } = about;
    const untilMs = clock.monotonicMs() + socketWaitMs;
    for (;;) {
      const node = await owners.nodeOf(subject);
      if (!node) return false;
      try {
        return await this.#passTo(node, request, socket, head);
      } catch (reason) {
        const hasChanged = () => socket.destroyed || owners.hasChanged(subject, node);
        // Its lease has not ended, so it may be back at once.
        const nextMs = node.isAlive ? Math.min(untilMs, clock.monotonicMs() + SOCKET_TRY_MS) : untilMs;
        const isOver = !(await waits.until(hasChanged, nextMs));
        if (isOver && (waits.isFull || clock.monotonicMs() >= untilMs)) throw reason;
        if (socket.destroyed) return true;
      }
    }
  }

  /** Resolves when the connection has ended. Rejects if the node does not answer. */
  #passTo(node: NodeView, request: IncomingMessage, socket: Duplex, head: Buffer): Promise<boolean> {
    const { peers, count } = this.#options;
    count('socket', node);
    if (!node.isAlive) return Promise.reject(nodeUnanswered(node.name));
    const { promise, resolve, reject } = Promise.withResolvers<boolean>();
    const ended = () => resolve(true);
    socket.once('close', ended);
    peers.of(node).passer.upgrade(request, socket, head, (reason) => {
      socket.off('close', ended);
      reject(reason);
    });
    return promise;
  }
}
