/**
 * The hot responder: every connection of HTTP/1.1 begins here, and leaves only for what is unusual.
 * In: sockets, plain or TLS. Out: answers; counts of them. DESIGN.md, 4: delivery at the machine's floor; MEDIA.md 27, 28.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { OxbowError } from '../../lib/errors.ts';
import { traceIdOf } from '../../observe/trace.ts';
import { createClientAddress } from '../client-address.ts';
import { readCmcd } from '../cmcd.ts';
import type { HttpDeps } from '../deps.ts';
import type { HeldRequests } from '../held.ts';
import { everyAnswer } from '../media.ts';
import { reportProblem } from '../problem.ts';
import { viewerKey } from '../viewer-key.ts';
import { signedClassOf } from '../watching.ts';
import { type Found, ReadyAnswers } from './answers.ts';
import { type ConnectionHost, HotConnection } from './connection.ts';
import type { Asker } from './head.ts';
import { Holds } from './holds.ts';
import type { Wire } from './wire.ts';

/** What connections are given to. */
export interface Handlers {
  onRequest(request: IncomingMessage, response: ServerResponse): void;
  refuse(request: IncomingMessage, response: ServerResponse, reason: unknown): void;
  handOver(socket: Socket): void;
}

/** Takes connections. */
export interface HotResponder extends Disposable {
  open(socket: Socket): void;
  /** From now on no connection stays for another request; those that rest are closed, those that wait get the refusal. */
  leave(reason: OxbowError): void;
  /** Cuts off every connection. */
  destroy(): void;
}

/** What a player is known by, as long as it says the same of itself. */
interface Known {
  readonly session: string | undefined;
  readonly asker: Asker;
  readonly key: string;
}

/** Of one class of address. */
interface Count {
  answers: number;
  /** Of bodies. */
  bytes: number;
  /** In how many the player told of itself. */
  told: number;
}

/** @param held how many may wait, shared with what waits elsewhere */
export function createHotResponder(deps: HttpDeps, held: HeldRequests, handlers: Handlers): HotResponder {
  const { metrics, viewers, clock } = deps;
  const clientAddress = createClientAddress(deps.trustedProxies ?? []);
  const connections = new Set<HotConnection>();
  const known = new WeakMap<Socket, Known>();
  const holds = new Holds();
  const answers = new ReadyAnswers({
    now: deps.now,
    isOpen: (name) => !deps.streams.isPrivate(name),
    mayWatch: (token, stream, path) =>
      deps.access.watch.verify(token, stream, signedClassOf(path), clock.nowMs()) === 'ok',
    head: everyAnswer,
    failed(error, { stream, kind }) {
      // The long way meets the same refusal and says it; a mistake of ours may be one of this way alone.
      if (!(error instanceof OxbowError))
        reportProblem(error, `GET /live/${stream}: ${kind}`, traceIdOf(undefined), deps);
    },
    nowMs: () => clock.monotonicMs(),
  });
  /** Answers since the last scrape: a counter with labels costs as much as a tenth of an answer. */
  const counts = new Map<string, Count>();
  const forgetCounts = metrics.beforeScrape(() => {
    for (const [kind, count] of counts) {
      metrics.httpRequests.inc({ class: kind, status: 200 }, count.answers);
      metrics.servedBytes.inc({ class: kind }, count.bytes);
      metrics.cmcdRequests.inc({ class: kind }, count.told);
    }
    counts.clear();
    metrics.readyBytes.set(answers.bytes);
  });
  let isClosing = false;

  const addressOf = (asker: Asker, socket: Socket) =>
    clientAddress(socket.remoteAddress ?? '', asker.header('x-forwarded-for'));

  function keyOf(session: string | undefined, asker: Asker, socket: Socket): string {
    const last = known.get(socket);
    if (last && last.session === session && last.asker === asker) return last.key;
    const key = viewerKey(session, () => addressOf(asker, socket), asker.header('user-agent'));
    known.set(socket, { session, asker, key });
    return key;
  }

  function served(
    { stream, kind: found }: Found,
    { bodyBytes }: Wire,
    { target, asker, socket, waitedMs }: { target: string; asker: Asker; socket: Socket; waitedMs: number },
  ): void {
    const kind = found === 'index' ? 'playlist' : found;
    let count = counts.get(kind);
    if (!count) {
      count = { answers: 0, bytes: 0, told: 0 };
      counts.set(kind, count);
    }
    count.answers++;
    count.bytes += bodyBytes;
    if (waitedMs > 0) metrics.httpRequestSeconds.observe({ class: kind }, waitedMs / 1000);
    const mark = target.indexOf('CMCD=');
    const told = mark < 0 ? asker.told : (readCmcd(target.slice(mark), {}) ?? asker.told);
    if (told) count.told++;
    if (told?.isStarved) metrics.bufferStarvations.inc();
    // What there is to choose from is asked for by probes and previews too.
    if (found !== 'index') viewers.seen(stream, keyOf(told?.session, asker, socket));
  }

  const host: ConnectionHost = {
    ...handlers,
    answers,
    holds,
    nowS: () => Math.floor(clock.nowMs() / 1000),
    mayWait: (asker, socket) => held.begin(addressOf(asker, socket)),
    served,
    get isClosing() {
      return isClosing;
    },
  };

  return {
    open(socket) {
      const connection = new HotConnection(socket, host, () => connections.delete(connection));
      connections.add(connection);
    },
    leave(reason) {
      isClosing = true;
      holds.release(reason);
      for (const connection of connections) if (connection.isIdle) connection.destroy();
    },
    destroy() {
      for (const connection of connections) connection.destroy();
    },
    [Symbol.dispose]() {
      forgetCounts();
      answers[Symbol.dispose]();
    },
  };
}
