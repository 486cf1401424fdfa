/**
 * The gateway of a node: passes requests to the nodes that own their subjects, and requests lists from all
 * nodes.
 * In: requests, the placement. Out: answers of the owners; false for requests that this node answers.
 * docs/decisions/0055.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { MediaTarget } from '../../api/media-address.ts';
import { readPurge } from '../../edge/management/management-requests.ts';
import { messageOf, type OxbowError } from '../../lib/errors.ts';
import { OncePer } from '../../lib/once-per.ts';
import type { Metrics } from '../../observe/metrics.ts';
import type { Exchange } from '../../serve/exchange/exchange.ts';
import type { Elsewhere, ListRequest, OtherNodes, OwnerAnswer, Taken } from '../../serve/other-nodes.ts';
import { WaitLimiter, waitLimits } from '../../serve/wait-limiter.ts';
import type { NodeView } from '../placement/placement.ts';
import type { PurgedThing } from '../requests/internal-requests.ts';
import type { NodeSender, NodeSignature, ReceivedRequest } from '../requests/node-signature.ts';
import { Lists } from './lists.ts';
import { PassedMedia } from './media.ts';
import { OwnerWaits } from './owner-waits.ts';
import { Owners, type OwnersOptions } from './owners.ts';
import { Peers, type PeersOptions } from './peers.ts';
import { Refusals } from './refusals.ts';
import type { PassedKind } from './request-subject.ts';
import { PassedRequests } from './requests.ts';
import { PassedSockets } from './sockets.ts';

/** Refused signatures are logged at most this often, ms. */
const LOG_EVERY_MS = 60_000;

/** Dependencies of the gateway. */
export interface GatewayOptions extends Omit<PeersOptions, 'placement' | 'signature' | 'onUnanswered'>, OwnersOptions {
  readonly signature: NodeSignature;
  /**
   * Of this program: pages are passed only to nodes with the same one, since their files have other names in
   * another.
   */
  readonly version: string;
  readonly metrics: Metrics;
  /** For tests: how long a WebSocket waits for another owner, ms. */
  readonly socketWaitMs?: number;
}

/** Connections are opened when they are needed; disposing ends them. */
export class Gateway implements OtherNodes, AsyncDisposable {
  readonly hot: PassedMedia;
  readonly #options: GatewayOptions;
  readonly #opened = new AsyncDisposableStack();
  readonly #waitLimiter: WaitLimiter;
  readonly #waits: OwnerWaits;
  readonly #peers: Peers;
  readonly #requests: PassedRequests;
  readonly #sockets: PassedSockets;
  readonly #lists: Lists;
  readonly #refusedSignatures: OncePer;

  constructor(options: GatewayOptions) {
    const { placement, metrics, clock } = options;
    this.#options = options;
    this.#waitLimiter = new WaitLimiter(waitLimits, (change) => metrics.heldRequests.inc(change));
    this.#waits = new OwnerWaits(clock, (change) => metrics.heldRequests.inc(change));
    this.#refusedSignatures = new OncePer(LOG_EVERY_MS, () => clock.monotonicMs());
    const onUnanswered = (node: string) => metrics.nodeFailures.inc({ node });
    const peers = this.#opened.use(new Peers({ ...options, onUnanswered }, this.#waitLimiter));
    this.#peers = peers;
    this.#showCopies();
    this.#opened.defer(
      placement.moved.subscribe(({ kind, key }) => {
        if (kind === 'stream') peers.giveUp(key);
        else if (kind === 'asset') peers.giveUp(`asset/${key}`);
      }),
    );
    const count = (kind: PassedKind, { name: node }: NodeView) => metrics.nodeRequests.inc({ kind, node });
    const refusals = new Refusals(options);
    const shared = { ...options, owners: new Owners(options), peers, refusals, count, onUnanswered };
    this.hot = new PassedMedia(shared);
    this.#requests = new PassedRequests(shared);
    this.#sockets = new PassedSockets({ ...shared, waits: this.#waits });
    this.#lists = new Lists(shared);
  }

  recognise(request: ReceivedRequest): NodeSender | undefined {
    const { signature, log } = this.#options;
    try {
      return signature.senderOf(request);
    } catch (refusal) {
      this.#refusedSignatures.call((leftOut) =>
        log.warn({ reason: messageOf(refusal), leftOut }, 'a request of a node was refused'),
      );
      throw refusal;
    }
  }

  media(exchange: Exchange, target: MediaTarget): Taken {
    return this.hot.respond(exchange, target);
  }

  refuse(exchange: Exchange, reason: unknown): boolean {
    return this.hot.refuse(exchange, reason);
  }

  request(request: IncomingMessage, response: ServerResponse): Taken {
    return this.#requests.pass(request, response);
  }

  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<boolean> {
    return this.#sockets.pass(request, socket, head);
  }

  gather(request: ListRequest): Promise<Elsewhere> {
    return this.#lists.gather(request);
  }

  askOwner(stream: string, request: ListRequest, body: unknown): Promise<OwnerAnswer | undefined> {
    return this.#lists.askOwner(stream, request, body);
  }

  ownerOf(kind: 'stream' | 'room', key: string): string | undefined {
    const owner = this.#options.placement.find(kind, key);
    return owner === undefined || owner === 'own' ? undefined : owner.name;
  }

  /** Drops the copies of media that another node has deleted. @returns number of dropped copies */
  async purge({ kind, id }: PurgedThing): Promise<number> {
    const { isMeant, sentence } = readPurge(kind === 'clip' ? { prefix: `/c/${id}/` } : { [kind]: id });
    const purged = await this.#peers.purge(isMeant);
    this.#options.log.info({ purged, what: sentence }, 'copies were purged');
    return purged;
  }

  leave(reason: OxbowError): void {
    this.#waitLimiter.abortAll(reason);
    this.#waits.close();
    this.#peers.leave();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#opened.disposeAsync();
  }

  #showCopies(): void {
    const peers = this.#peers;
    const shown = () => ({ memory: peers.memory.bytes, disk: 0, objects: peers.memory.objects, isDown: false });
    this.#opened.defer(peers.counts.show(this.#options.metrics, shown));
  }
}
