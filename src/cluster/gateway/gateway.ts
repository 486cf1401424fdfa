/**
 * The gateway of a node: passes requests to the nodes that own what they are about, and asks all nodes for
 * lists.
 * In: requests, the placement. Out: answers of the owners; false for what this node answers.
 * docs/decisions/0055.
 */
import { createHash, randomInt } from 'node:crypto';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { parseMediaTarget } from '../../api/media-address.ts';
import type { EdgeFound } from '../../edge/edge-finder.ts';
import { readPurge } from '../../edge/management/management-requests.ts';
import { isOfOrigin } from '../../edge/refusal.ts';
import { nodeOfWorker } from '../../jobs/worker-table.ts';
import { messageOf, OxbowError } from '../../lib/errors.ts';
import { OncePer } from '../../lib/once-per.ts';
import type { Metrics } from '../../observe/metrics.ts';
import { traceIdOf } from '../../observe/traces/trace.ts';
import type { Awaitable } from '../../serve/deps.ts';
import { pathOf } from '../../serve/exchange/exchange.ts';
import { sendPlainProblem } from '../../serve/exchange/media-answer.ts';
import { type Problem, toProblem } from '../../serve/exchange/problem.ts';
import type { Elsewhere, ElsewhereFound, ListRequest, OtherNodes, Taken } from '../../serve/other-nodes.ts';
import { WaitLimiter, waitLimits } from '../../serve/wait-limiter.ts';
import { type NodeView, type OwnedKind, type Owner, type Placement, roleFor } from '../placement/placement.ts';
import type { PurgedThing } from '../requests/internal-requests.ts';
import { isSignedBody, MAX_SIGNED_BYTES, type NodeSignature, otherBody } from '../requests/node-signature.ts';
import { OwnerWaits } from './owner-waits.ts';
import { peekBody } from './peek-body.ts';
import { nodeUnanswered, Peers, type PeersOptions } from './peers.ts';
import {
  type AboutBody,
  madeBy,
  type OwnedThing,
  type PassedKind,
  type Subject,
  subjectIn,
  subjectOf,
  subjectOfMedia,
} from './request-subject.ts';

/** A node that has not answered by then is left out of a list, ms. */
const LIST_MS = 2000;
/**
 * So long a WebSocket waits for another owner of what a node had that does not answer, ms; a node that should
 * answer is tried again meanwhile.
 */
const SOCKET_WAIT_MS = 5000;
const SOCKET_TRY_MS = 1000;
/** Refused signatures are logged at most this often, ms. */
const LOG_EVERY_MS = 60_000;
const MAX_LIST_BYTES = 32 * 1024 * 1024;
/**
 * JSON that names a stream or an upload is at most as long as the API takes; a form says it at its beginning.
 */
const PEEKED_BYTES = { json: 1024 * 1024, multipart: 16 * 1024 } as const;

/** What the gateway needs. */
export interface GatewayOptions extends Omit<PeersOptions, 'placement' | 'signature' | 'onUnanswered'> {
  readonly placement: Placement;
  readonly signature: NodeSignature;
  /** Name of the stream of a clip; undefined: there is no such clip. */
  readonly streamOfClip: (id: string) => Promise<string | undefined>;
  /** Of addresses that name no stream; undefined: unknown. */
  readonly defaultStream: () => string | undefined;
  /**
   * Of this program: pages are passed only to nodes with the same one, since their files have other names in
   * another.
   */
  readonly version: string;
  readonly metrics: Metrics;
  /** For tests: how long a WebSocket waits for another owner, ms. */
  readonly socketWaitMs?: number;
}

/** The gateway. Disposing it ends the connections to other nodes. */
export interface Gateway extends OtherNodes, AsyncDisposable {
  /** Drops the copies of media that another node has deleted. @returns number of dropped copies */
  purge(what: PurgedThing): Promise<number>;
}

/** Opens the gateway; connections are made when they are needed. */
export function openGateway(options: GatewayOptions): Gateway {
  const { placement, signature, metrics, log, version, failed, clock, socketWaitMs = SOCKET_WAIT_MS } = options;
  const opened = new AsyncDisposableStack();
  const waitLimiter = new WaitLimiter(waitLimits, (change) => metrics.heldRequests.inc(change));
  const ownerWaits = new OwnerWaits(clock, (change) => metrics.heldRequests.inc(change));
  const onUnanswered = (node: string) => metrics.nodeFailures.inc({ node });
  const peers = opened.use(new Peers({ ...options, onUnanswered }, waitLimiter));
  opened.defer(
    peers.counts.show(metrics, () => ({
      memory: peers.memory.bytes,
      disk: 0,
      objects: peers.memory.objects,
      isDown: false,
    })),
  );
  opened.defer(
    placement.moved.subscribe(({ kind, key }) => {
      if (kind === 'stream') peers.giveUp(key);
      else if (kind === 'asset') peers.giveUp(`asset/${key}`);
    }),
  );
  const refusals = new OncePer(LOG_EVERY_MS, () => clock.monotonicMs());
  /** Nodes that were missing in the last list: each change is logged once. */
  const silent = new Set<string>();

  function ownerOf({ kind, key }: OwnedThing): Awaitable<Owner> {
    return placement.find(kind, key) ?? placement.lookUp(kind, key);
  }

  /**
   * The node for what has no owner and this one may not own.
   *
   * @param key nodes that need the same thing at the same time choose one node for it; undefined: it is new
   */
  function takerOf(kind: OwnedKind | undefined, key?: string): NodeView | undefined {
    if (kind === undefined || placement.takes(kind)) return undefined;
    const able = placement.others.filter(({ roles, isAlive }) => isAlive && roles.includes(roleFor[kind]));
    const number = key === undefined ? randomInt(2 ** 32) : createHash('sha1').update(key).digest().readUInt32BE();
    return able[number % able.length];
  }

  /** The other node that owns a subject; undefined: this node answers. */
  function nodeOf(subject: Subject): Awaitable<NodeView | undefined> {
    if ('clip' in subject) return nodeOfClip(subject.clip);
    if ('worker' in subject) return liveNode(nodeOfWorker(subject.worker));
    // A room may be older than the cluster: the first node that needs it has it.
    const other = (owner: Owner) =>
      owner === undefined && subject.kind === 'room' ? takerOf('room', subject.key) : otherOf(owner);
    const owner = ownerOf(subject);
    return owner instanceof Promise ? owner.then(other) : other(owner);
  }

  /** A worker whose node is dead is unknown here, and registers again. */
  function liveNode(name: string): NodeView | undefined {
    return placement.others.find((node) => node.name === name && node.isAlive);
  }

  async function nodeOfClip(id: string): Promise<NodeView | undefined> {
    const stream = await options.streamOfClip(id);
    return stream === undefined ? undefined : otherOf(await ownerOf({ kind: 'stream', key: stream }));
  }

  function count(kind: PassedKind, { name: node }: NodeView): void {
    metrics.nodeRequests.inc({ kind, node });
  }

  function problemOf(error: unknown, where: string, headers: IncomingHttpHeaders): Problem {
    const traceId = traceIdOf(headers.traceparent);
    if (!(error instanceof OxbowError)) failed(error, where);
    else log.debug({ traceId, where, code: error.code }, messageOf(error));
    return toProblem(error, traceId);
  }

  function refuse(request: IncomingMessage, response: ServerResponse, error: unknown): void {
    if (response.headersSent || response.destroyed) {
      response.destroy();
      return;
    }
    const { status, headers, body } = problemOf(
      error,
      `${request.method} ${pathOf(request.url ?? '').split('?')[0]}`,
      request.headers,
    );
    // The rest of its body is not read.
    if (!request.complete) response.shouldKeepAlive = false;
    response.writeHead(status, headers).end(JSON.stringify(body));
  }

  /**
   * Resolves true at once; a page false if its owner does not answer: this node has it too, without the
   * preview.
   */
  function passRequest(request: IncomingMessage, response: ServerResponse, passed: PassedKind, node: NodeView): Taken {
    if (passed === 'page' && (node.version !== version || !node.isAlive)) return false;
    count(passed, node);
    if (!node.isAlive) {
      onUnanswered(node.name);
      refuse(request, response, nodeUnanswered(node.name));
      return true;
    }
    const { passer } = peers.of(node);
    if (passed !== 'page') {
      passer.request(request, response, (reason) => refuse(request, response, reason));
      return true;
    }
    return new Promise((resolve) => {
      passer.request(request, response, () => resolve(false));
      response.once('close', () => resolve(true));
    });
  }

  /** Resolves when the connection has ended. Rejects if the node does not answer. */
  function passSocket(node: NodeView, request: IncomingMessage, socket: Duplex, head: Buffer): Promise<boolean> {
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

  /** Whether something is not at a node any more that did not answer, or the node is back. */
  function hasAnotherOwner(subject: Subject, { name, isAlive }: NodeView): boolean {
    if (!('kind' in subject)) return false;
    const owner = placement.find(subject.kind, subject.key);
    return owner === undefined || owner === 'own' || owner.name !== name || (owner.isAlive && !isAlive);
  }

  async function nodeIn(request: IncomingMessage, about: AboutBody): Promise<NodeView | undefined> {
    const read = (bytes: Buffer) => subjectIn(about, bytes);
    const thing = await peekBody(request, { maxBytes: PEEKED_BYTES[about.form], read, isWhole: about.form === 'json' });
    return thing && nodeOf(thing);
  }

  /**
   * Resolves true if the body is not the one that a node has signed: the request is refused, and nothing was
   * done with it.
   */
  function refuseOtherBody(request: IncomingMessage, response: ServerResponse, bodyHash: string | undefined): Taken {
    if (bodyHash === undefined) return false;
    const read = (bytes: Buffer) => isSignedBody(bytes, bodyHash);
    return peekBody(request, { maxBytes: MAX_SIGNED_BYTES, read, isWhole: true })
      .then((isRight) => {
        if (!isRight) throw otherBody();
        return false;
      })
      .catch((error: unknown) => {
        refuse(request, response, error);
        return true;
      });
  }

  function ask(request: ListRequest, node: NodeView): Promise<Elsewhere['lists'][number] | undefined> {
    const { method = 'GET', url: target = '/', headers, socket } = request;
    count('list', node);
    const head = { method, target, remoteAddress: socket.remoteAddress ?? '', headers: withoutConditions(headers) };
    return peers
      .of(node)
      .passer.ask(head, { timeoutMs: LIST_MS, maxBytes: MAX_LIST_BYTES })
      .then(({ status, body }) => {
        if (status !== 200) throw new Error(`status ${status}`);
        return { node: node.name, body: JSON.parse(body.toString()) as unknown };
      })
      .then(
        (list) => {
          if (silent.delete(node.name)) log.info({ node: node.name }, 'lists have the rows of the node again');
          return list;
        },
        (error: unknown) => {
          if (!silent.has(node.name)) {
            log.warn({ node: node.name, error: messageOf(error) }, 'lists lack the rows of a node that did not answer');
          }
          silent.add(node.name);
          return undefined;
        },
      );
  }

  /** The node that owns media, if it is known already. */
  function nodeOfTarget(target: string): NodeView | undefined {
    const media = parseMediaTarget(target);
    const subject = media && subjectOfMedia(media.address, options.defaultStream);
    if (!subject || !('kind' in subject)) return undefined;
    const owner = placement.find(subject.kind, subject.key);
    return owner === undefined ? undefined : otherOf(owner);
  }

  return {
    hot: {
      find(target, takesGzip, client) {
        const node = nodeOfTarget(target);
        const found = node && peers.of(node).finder.find(target, takesGzip, client);
        if (!found) return undefined;
        const { result } = found;
        // Not to be confused with what waits here for the same address, while a stream moves.
        const own = 'look' in result ? { ...result, key: `${node.name} ${result.key}` } : result;
        return { isElsewhere: true, result: own, found, node } satisfies PeerFound;
      },
      rawResponseOf(reply, given, takesGzip) {
        const { found, node } = given as PeerFound;
        return peers.of(node).finder.rawResponseOf(reply, found, takesGzip);
      },
      served(given, bodyBytes, target, cmcd) {
        const { node } = given as PeerFound;
        count('media', node);
        peers.of(node).finder.served(bodyBytes, target, cmcd);
      },
    },

    async purge({ kind, id }) {
      const { isMeant, sentence } = readPurge(kind === 'clip' ? { prefix: `/c/${id}/` } : { [kind]: id });
      const purged = await peers.purge(isMeant);
      log.info({ purged, what: sentence }, 'copies were purged');
      return purged;
    },

    refuse(exchange, reason) {
      if (!isOfOrigin(reason)) return false;
      const node = nodeOfTarget(pathOf(exchange.target));
      if (node) peers.of(node).media.refuse(exchange, reason);
      else sendPlainProblem(exchange, problemOf(moved(), exchange.target, exchange.headers), options.head);
      return true;
    },

    recognise(request) {
      try {
        return signature.senderOf(request);
      } catch (refusal) {
        refusals.call((leftOut) =>
          log.warn({ reason: messageOf(refusal), leftOut }, 'a request of a node was refused'),
        );
        throw refusal;
      }
    },

    media(exchange, target) {
      if (exchange.sender) return false;
      const subject = subjectOfMedia(target.address, options.defaultStream);
      if (!subject) return false;
      const pass = async (node: NodeView): Promise<boolean> => {
        count('media', node);
        await peers.of(node).media.respond(exchange, target);
        return true;
      };
      const node = nodeOf(subject);
      if (!(node instanceof Promise)) return node ? pass(node) : false;
      return node
        .then((found) => (found ? pass(found) : false))
        .catch((error: unknown) => {
          const where = `${exchange.method} ${target.path}`;
          exchange.refuseBody();
          sendPlainProblem(exchange, problemOf(error, where, exchange.headers), options.head);
          return true;
        });
    },

    request(request, response) {
      const { method = 'GET', url = '/', nodeSender } = request;
      if (nodeSender) return refuseOtherBody(request, response, nodeSender.bodyHash);
      const target = pathOf(url);
      const about = subjectOf(method, target);
      const made = madeBy(method, target);
      const pass = (owner: NodeView | undefined): Taken => {
        const node = owner ?? takerOf(made);
        return node ? passRequest(request, response, about?.passed ?? 'api', node) : false;
      };
      if (!about) return pass(undefined);
      const node = 'field' in about ? nodeIn(request, about) : nodeOf(about.subject);
      if (!(node instanceof Promise)) return pass(node);
      return node.then(pass).catch((error: unknown) => {
        refuse(request, response, error);
        return true;
      });
    },

    async upgrade(request, socket, head) {
      if (request.nodeSender) return false;
      const about = subjectOf('GET', pathOf(request.url ?? '/'));
      if (!about || !('subject' in about)) return false;
      const { subject } = about;
      const untilMs = clock.monotonicMs() + socketWaitMs;
      for (;;) {
        const node = await nodeOf(subject);
        if (!node) return false;
        try {
          return await passSocket(node, request, socket, head);
        } catch (reason) {
          const hasChanged = () => socket.destroyed || hasAnotherOwner(subject, node);
          // Its lease has not ended, so it may be back at once.
          const nextMs = node.isAlive ? Math.min(untilMs, clock.monotonicMs() + SOCKET_TRY_MS) : untilMs;
          const isOver = !(await ownerWaits.until(hasChanged, nextMs));
          if (isOver && (ownerWaits.isFull || clock.monotonicMs() >= untilMs)) throw reason;
          if (socket.destroyed) return true;
        }
      }
    },

    ownerOf(kind, key) {
      const owner = placement.find(kind, key);
      return owner === undefined || owner === 'own' ? undefined : owner.name;
    },

    async gather(request) {
      if (request.sender) return { lists: [], missing: [] };
      const asked = placement.others.filter((node) => node.isAlive || peers.hasJustDied(node));
      const answers = await Promise.all(asked.map((node) => (node.isAlive ? ask(request, node) : undefined)));
      return {
        lists: answers.filter((one) => one !== undefined),
        missing: asked.filter((_, at) => answers[at] === undefined).map(({ name }) => name),
      };
    },

    leave(reason) {
      waitLimiter.abortAll(reason);
      ownerWaits.close();
      peers.leave();
    },

    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

/** What a peer has found. */
interface PeerFound extends ElsewhereFound {
  readonly found: EdgeFound;
  readonly node: NodeView;
}

function moved(): OxbowError {
  return new OxbowError('not-ready', 'This has moved to another node.', { extra: { retryAfterSeconds: 1 } });
}

function otherOf(owner: Owner): NodeView | undefined {
  return owner === 'own' ? undefined : owner;
}

/** A list is requested as a whole: uncompressed, whatever the client has of it. */
function withoutConditions(headers: ListRequest['headers']): ListRequest['headers'] {
  const dropped = new Set(['if-none-match', 'if-modified-since', 'accept-encoding', 'range']);
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !dropped.has(name)));
}
