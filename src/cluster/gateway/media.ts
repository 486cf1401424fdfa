/**
 * Media of other nodes: from copies of this node, or passed on.
 * In: requests for media. Out: answers; false for requests that this node answers. docs/decisions/0055.
 */
import type { MediaTarget } from '../../api/media-address.ts';
import type { Reply } from '../../delivery/reply.ts';
import type { EdgeFound } from '../../edge/edge-finder.ts';
import { isOfOrigin } from '../../edge/refusal.ts';
import { OxbowError } from '../../lib/errors.ts';
import type { Cmcd } from '../../serve/client/cmcd.ts';
import { type Exchange, pathOf } from '../../serve/exchange/exchange.ts';
import type { RawResponse } from '../../serve/hot/raw-response.ts';
import type { HotClient } from '../../serve/hot/response-cache.ts';
import type { ElsewhereFound, HotElsewhere, Taken } from '../../serve/other-nodes.ts';
import type { NodeView } from '../placement/placement.ts';
import type { Owners } from './owners.ts';
import type { Peers } from './peers.ts';
import type { Refusals } from './refusals.ts';
import { type PassedKind, subjectOfMedia } from './request-subject.ts';

/** Dependencies of media requests. */
interface PassedMediaOptions {
  readonly owners: Owners;
  readonly peers: Peers;
  readonly refusals: Refusals;
  /** Of addresses that name no stream; undefined: unknown. */
  readonly defaultStream: () => string | undefined;
  /** Called with each passed request. */
  count(kind: PassedKind, node: NodeView): void;
}

/** The result of a peer. */
interface PeerFound extends ElsewhereFound {
  readonly hit: EdgeFound;
  readonly node: NodeView;
}

/** Answers of the hot responder are found here too. */
export class PassedMedia implements HotElsewhere {
  readonly #options: PassedMediaOptions;

  constructor(options: PassedMediaOptions) {
    this.#options = options;
  }

  /** Answers a request for media of another node; false: this node answers it. Never rejects. */
  respond(exchange: Exchange, target: MediaTarget): Taken {
    if (exchange.sender) return false;
    const { owners, refusals, defaultStream } = this.#options;
    const subject = subjectOfMedia(target.address, defaultStream);
    if (!subject) return false;
    const node = owners.nodeOf(subject);
    if (!(node instanceof Promise)) return node ? this.#respondBy(node, exchange, target) : false;
    return node
      .then((owner) => (owner ? this.#respondBy(owner, exchange, target) : false))
      .catch((error: unknown) => {
        exchange.refuseBody();
        refusals.ofMedia(exchange, error);
        return true;
      });
  }

  /** Sends a refusal of another node's answer to a client that waited; false: it is one of this node. */
  refuse(exchange: Exchange, reason: unknown): boolean {
    if (!isOfOrigin(reason)) return false;
    const { owners, peers, refusals } = this.#options;
    const node = owners.nodeOfTarget(pathOf(exchange.target));
    if (node) peers.of(node).media.refuse(exchange, reason);
    else refusals.ofMedia(exchange, moved());
    return true;
  }

  find(target: string, takesGzip: boolean, client: HotClient): PeerFound | undefined {
    const { owners, peers } = this.#options;
    const node = owners.nodeOfTarget(target);
    const hit = node && peers.of(node).finder.find(target, takesGzip, client);
    if (!hit) return undefined;
    const { result } = hit;
    // Not to be confused with requests that wait here for the same address, while a stream moves.
    const distinct = 'look' in result ? { ...result, key: `${node.name} ${result.key}` } : result;
    return { isElsewhere: true, result: distinct, hit, node };
  }

  rawResponseOf(reply: Reply, elsewhere: ElsewhereFound, takesGzip: boolean): RawResponse | undefined {
    const { hit, node } = elsewhere as PeerFound;
    return this.#options.peers.of(node).finder.rawResponseOf(reply, hit, takesGzip);
  }

  served(elsewhere: ElsewhereFound, bodyBytes: number, target: string, cmcd: Cmcd | undefined): void {
    const { node } = elsewhere as PeerFound;
    const { peers, count } = this.#options;
    count('media', node);
    peers.of(node).finder.served(bodyBytes, target, cmcd);
  }

  async #respondBy(node: NodeView, exchange: Exchange, target: MediaTarget): Promise<boolean> {
    const { peers, count } = this.#options;
    count('media', node);
    await peers.of(node).media.respond(exchange, target);
    return true;
  }
}

function moved(): OxbowError {
  return new OxbowError('not-ready', 'This has moved to another node.', { extra: { retryAfterSeconds: 1 } });
}
