/**
 * Program of a serving thread: accepts connections on the shared port, answers live requests from its
 * replicas, and forwards everything else to the main thread.
 * In: ThreadSettings, messages of serving-threads.ts, connections. Out: responses; messages.
 * docs/architecture.md, Threads.
 */
import { createServer, type Server, type Socket } from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';
import { createSystemClock } from '../../lib/clock.ts';
import { messageOf, OxbowError } from '../../lib/errors.ts';
import { GarbageWatch } from '../../lib/memory/garbage-watch.ts';
import { collectGarbage, TIDY_AFTER_MS } from '../../lib/memory/heap.ts';
import { traceIdOf } from '../../observe/traces/trace.ts';
import { exchangeOfHttp1 } from '../exchange/exchange.ts';
import { sendProblem } from '../exchange/media-answer.ts';
import { toProblem } from '../exchange/problem.ts';
import { type Listeners, openListeners } from '../hot/listeners.ts';
import { createHotResponder } from '../hot/responder.ts';
import { createTlsServer } from '../tls/tls-server.ts';
import { WaitLimiter, waitLimits } from '../wait-limiter.ts';
import { CounterBuffer, REPORT_INTERVAL_MS } from './counter-buffer.ts';
import type { FromThread, ThreadSettings, ToThread } from './messages.ts';
import { Replicas } from './replicas.ts';
import { createUpstream } from './upstream.ts';

const port = parentPort!;
const settings = workerData as ThreadSettings;
const send = (message: FromThread): void => port.postMessage(message);

/**
 * Refusals that this thread sends itself. The main thread decides all others, since it has streams and
 * recordings.
 */
const OWN_REFUSALS: ReadonlySet<string> = new Set(['not-ready', 'part-timeout']);

/** The library is loaded where it is needed. */
async function openWatchJwt({ settings: jwtSettings, keys }: NonNullable<ThreadSettings['watchJwt']>) {
  const { openThreadWatchJwt } = await import('../../accounts/watch-jwt/open-watch-jwt.ts');
  return openThreadWatchJwt(jwtSettings, keys);
}

const clock = createSystemClock();
const counters = new CounterBuffer();
// The heap of a thread is small: media in shared memory decides when to collect.
const garbage = new GarbageWatch({ enough: 0 });
const upstream = createUpstream(settings.internalEndpoint);
const replicas = await Replicas.open({
  mediaFolder: settings.mediaFolder,
  steering: settings.steering,
  watchSecret: settings.watchSecret,
  watchJwt: settings.watchJwt && (await openWatchJwt(settings.watchJwt)),
  nowMs: () => clock.nowMs(),
  monotonicMs: () => clock.monotonicMs(),
  subscribe: (name) => send({ do: 'subscribe', name }),
  unsubscribe: (name) => send({ do: 'unsubscribe', name }),
  askHolder: (holder) => send({ do: 'holder', holder }),
  shared: (bytes) => garbage.count(bytes),
});
const waitLimiter = new WaitLimiter(waitLimits, (change) => counters.held(change));
type Refuse = Parameters<typeof createHotResponder>[2]['refuse'];
const refuse: Refuse = (request, response, reason) => {
  if (!(reason instanceof OxbowError && OWN_REFUSALS.has(reason.code))) {
    upstream.forward(request, response, (failed) => refuse(request, response, failed));
    return;
  }
  const problem = toProblem(reason, traceIdOf(undefined));
  counters.refused('playlist', problem.status);
  const altSvc = settings.head['alt-svc'];
  if (altSvc !== undefined) response.setHeader('alt-svc', altSvc);
  sendProblem(exchangeOfHttp1(request, response), problem);
};
const hot = createHotResponder(
  {
    lookup: replicas.lookup,
    sharingOf: (name) => replicas.access(name)?.sharing ?? 'some',
    mayWatch: (token, address) => token !== undefined && replicas.mayWatch(token, address),
    viewers: counters,
    counts: counters,
    trustedProxies: settings.trustedProxies,
    countryHeader: '', // the main thread decides by country
    ownHosts: settings.ownHosts,
    head: settings.head,
    clock,
    failed: (error, where) => send({ do: 'failed', error: error instanceof Error ? error : messageOf(error), where }),
  },
  waitLimiter,
  {
    onRequest: (request, response) =>
      upstream.forward(request, response, (failed) => refuse(request, response, failed)),
    refuse,
    handOver: (socket) => upstream.join(socket, 'http1'),
  },
);

/** All connections, forwarded ones too. */
const sockets = new Set<Socket>();
const secure =
  settings.certificate &&
  createTlsServer(settings.certificate, {}, () => undefined, {
    openHttp1: (socket) => hot.open(socket),
    openHttp2: (socket) => upstream.join(socket, 'http2'),
  });
const server: Server =
  secure?.server ?? createServer({ noDelay: true, allowHalfOpen: true }, (socket) => hot.open(socket));
server.on('connection', (socket: Socket) => {
  sockets.add(socket);
  socket.once('close', () => sockets.delete(socket));
});

let listeners: Listeners | undefined;

const report = (requested: boolean): void =>
  send({ do: 'counters', report: counters.take(replicas.blockBytes, { requested }), requested });

async function drain(): Promise<void> {
  const closed = listeners?.close();
  const ending = new OxbowError('not-ready', 'oxbow is stopping.', { extra: { retryAfterSeconds: 5 } });
  hot.leave(ending);
  secure?.leave();
  await closed;
  report(false);
  send({ do: 'drained' });
}

port.on('message', (message: ToThread) => {
  switch (message.do) {
    case 'report':
      report(true);
      break;
    case 'certificate':
      secure?.use(message.certificate);
      break;
    case 'drain':
      void drain();
      break;
    case 'destroy':
      for (const socket of sockets) socket.destroy();
      break;
    default:
      replicas.take(message);
  }
});

setInterval(() => report(false), REPORT_INTERVAL_MS);
setTimeout(collectGarbage, TIDY_AFTER_MS);

try {
  listeners = await openListeners(server, settings.listen, { isShared: true });
  send({ do: 'listening', port: listeners.port });
} catch (error) {
  const { code = '' } = error as NodeJS.ErrnoException;
  send({ do: 'listen-failed', code, message: messageOf(error) });
}
