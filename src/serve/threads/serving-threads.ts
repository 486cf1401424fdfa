/**
 * Starts and supervises the serving threads. They share one port and own all client connections, so that the
 * main thread only produces media. A thread that crashes or blocks is replaced.
 * In: number of threads, endpoint. Out: forwarded connections, with the addresses of their clients; counter
 * reports. docs/architecture.md, Threads.
 */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { Worker } from 'node:worker_threads';
import type { OpenedWatchJwt } from '../../accounts/watch-jwt/open-watch-jwt.ts';
import type { WatchHolder } from '../../accounts/watch-tokens.ts';
import type { SegmentPrefix } from '../../archive/segment-store.ts';
import type { SegmentCache } from '../../delivery/live/segment-cache.ts';
import type { Subscribable } from '../../lib/events.ts';
import { startedFile } from '../../lib/program-files.ts';
import { checkFree } from '../hot/listeners.ts';
import type { ServerCertificate } from '../tls/tls-certificate.ts';
import type { CounterReport, FromThread, ThreadSettings, ToThread } from './messages.ts';
import { type Client, readPreface } from './preface.ts';
import { type FeedOptions, ReplicaFeed } from './replica-feed.ts';

/**
 * Interval of the health check, ms. It also sends changes of streams that have no event: creation, deletion,
 * retention.
 */
const CHECK_EVERY_MS = 1000;
/**
 * A thread that sent no message in this many intervals is blocked and is terminated: its messages would
 * accumulate.
 */
const MAX_SILENT_CHECKS = 30;
/** A scrape waits no longer for a thread, ms: its counters are in the next scrape. */
const REPORT_TIMEOUT_MS = 500;
/** A thread that crashed is started again after this long, ms. */
const RESTART_AFTER_MS = 1000;

/** Options of the serving threads. */
export interface ServingOptions
  extends Omit<FeedOptions, 'post'>,
    Omit<ThreadSettings, 'number' | 'internalEndpoint' | 'watchJwt'> {
  /** How playback tokens of another program are verified; undefined: they are refused. */
  readonly watchJwt?: Pick<OpenedWatchJwt, 'settings' | 'set'> | undefined;
  readonly count: number;
  /** Another socket of this process has the port. */
  readonly isShared?: boolean;
  /** Recorded segments that the main thread served, for the caches of the threads. */
  readonly cachedSegments: SegmentCache['added'];
  /** Emits the prefix of stored media that is deleted. */
  readonly forgotten: Subscribable<SegmentPrefix>;
  /** Emits a stream whose settings or access have changed; undefined: any of them. */
  readonly changed: Subscribable<string | undefined>;
  /** Whether the playback tokens of an account are valid. */
  lasts(holder: WatchHolder): boolean;
  /** Emits the id of a user that has changed. */
  readonly holderChanged: Subscribable<string>;
  /** Serves a forwarded connection. */
  open(socket: Socket, client: Client): void;
  /** @param thread number of the thread, from 1 */
  onReport(thread: number, report: CounterReport): void;
  failed(error: unknown, where: string): void;
  /** Called when a thread has crashed; another one replaces it. */
  ended(thread: number): void;
  /** For tests: the program of a thread. */
  readonly program?: URL;
}

/** The running threads. */
export interface ServingThreads {
  readonly port: number;
  /** Requests a report of each thread. Resolves when all have arrived, at most REPORT_TIMEOUT_MS later. */
  requestReports(): Promise<void>;
  /** Replaces the TLS certificate. */
  use(certificate: ServerCertificate): void;
  /** Stops accepting and refuses pending requests. Resolves when the last connection has closed. */
  leave(): Promise<void>;
  /** Destroys all connections. */
  destroy(): void;
  /** Terminates the threads. */
  close(): Promise<void>;
}

/**
 * Starts the threads.
 *
 * @throws the system's error if they cannot listen, e.g. EADDRINUSE
 */
export async function openServingThreads(options: ServingOptions): Promise<ServingThreads> {
  const { count, listen, trustedProxies, ownHosts, head, mediaFolder, watchSecret, watchJwt } = options;
  if (!options.isShared) await checkFree(listen);
  const secret = randomBytes(24).toString('base64url');
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    readPreface(socket, secret, options.open);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const internalEndpoint = { port: (server.address() as AddressInfo).port, secret };

  let certificate = options.certificate;
  let isClosing = false;
  const threads = new Map<number, Thread>();
  const timers = new Set<NodeJS.Timeout>();

  async function start(number: number, port: number): Promise<Thread> {
    const settings: ThreadSettings = {
      number,
      listen: { ...listen, port },
      internalEndpoint,
      certificate,
      trustedProxies,
      ownHosts,
      head,
      mediaFolder,
      watchSecret,
      watchJwt: watchJwt && { settings: watchJwt.settings, keys: watchJwt.set?.keys },
    };
    const thread = new Thread(settings, options);
    threads.set(number, thread);
    thread.ended.then((error) => {
      if (isClosing || threads.get(number) !== thread) return;
      threads.delete(number);
      options.ended(number);
      options.failed(error ?? new Error('the thread ended'), `serving thread ${number}`);
      const restart = setTimeout(() => {
        timers.delete(restart);
        // A failure to listen ends the thread, which schedules the next restart.
        start(number, port).catch(() => {});
      }, RESTART_AFTER_MS);
      timers.add(restart);
    });
    await thread.listening;
    return thread;
  }

  const all = (message: ToThread) => {
    for (const thread of threads.values()) thread.post(message);
  };
  const stops = [
    options.cachedSegments.subscribe(({ name, key, segment }) => {
      for (const { feed, post } of threads.values()) if (feed.has(name)) post({ do: 'segment', name, key, segment });
    }),
    ...(watchJwt?.set ? [watchJwt.set.changed.subscribe((keys) => all({ do: 'keys', keys }))] : []),
    options.holderChanged.subscribe((id) => all({ do: 'holder-changed', id })),
    options.forgotten.subscribe((prefix) => all({ do: 'forget', prefix })),
    options.changed.subscribe((name) => {
      for (const { feed } of threads.values()) feed.check(name);
    }),
  ];
  const checking = setInterval(() => {
    for (const thread of threads.values()) {
      thread.checkSilence();
      thread.feed.check();
    }
  }, CHECK_EVERY_MS);
  const end = async () => {
    isClosing = true;
    clearInterval(checking);
    for (const timer of timers) clearTimeout(timer);
    for (const stop of stops) stop();
    await Promise.all([...threads.values()].map((thread) => thread.close()));
    for (const socket of sockets) socket.destroy();
    server.close();
  };
  let port: number;
  try {
    ({ port } = await (await start(1, listen.port)).listening);
    await Promise.all(Array.from({ length: count - 1 }, (_, i) => start(i + 2, port)));
  } catch (error) {
    await end();
    throw error;
  }
  return {
    port,
    async requestReports() {
      await Promise.all([...threads.values()].map((thread) => thread.requestReport()));
    },
    use(next) {
      certificate = next;
      all({ do: 'certificate', certificate: next });
    },
    async leave() {
      isClosing = true;
      all({ do: 'drain' });
      await Promise.all([...threads.values()].map(({ drained }) => drained));
    },
    destroy() {
      all({ do: 'destroy' });
      for (const socket of sockets) socket.destroy();
    },
    close: end,
  };
}

class Thread {
  readonly #worker: Worker;
  /** One for each requested report, in order. */
  readonly #reportWaiters: (() => void)[] = [];
  /** Health checks since the last message. */
  #silentChecks = 0;
  #failure: unknown;
  readonly feed: ReplicaFeed;
  /** Resolves with the port; rejects with the system's error. */
  readonly listening: Promise<{ readonly port: number }>;
  /** Resolves when the last connection has closed, or the thread ended. */
  readonly drained: Promise<void>;
  /** Resolves when the thread ended, with the error that ended it. */
  readonly ended: Promise<unknown>;

  constructor(settings: ThreadSettings, options: ServingOptions) {
    // Without the flags of the main thread (inspector, --eval).
    const worker = new Worker(options.program ?? startedFile('serve/threads/thread'), {
      workerData: settings,
      name: `oxbow-serving-${settings.number}`,
      execArgv: [],
    });
    this.#worker = worker;
    this.feed = new ReplicaFeed({ ...options, post: this.post });
    const listening = Promise.withResolvers<{ readonly port: number }>();
    const drained = Promise.withResolvers<void>();
    this.listening = listening.promise;
    this.drained = drained.promise;
    worker.on('error', (error) => {
      this.#failure = error;
    });
    this.ended = new Promise((resolve) => {
      worker.once('exit', () => {
        this.feed[Symbol.dispose]();
        listening.reject(this.#failure ?? new Error('the thread ended'));
        drained.resolve();
        resolve(this.#failure);
      });
    });
    worker.on('message', (message: FromThread) => {
      this.#silentChecks = 0;
      switch (message.do) {
        case 'listening':
          listening.resolve(message);
          break;
        case 'listen-failed':
          this.#end(Object.assign(new Error(message.message), { code: message.code }));
          break;
        case 'subscribe':
          this.feed.subscribe(message.name);
          break;
        case 'unsubscribe':
          this.feed.unsubscribe(message.name);
          break;
        case 'holder':
          this.post({ do: 'holder', holder: message.holder, lasts: options.lasts(message.holder) });
          break;
        case 'counters':
          options.onReport(settings.number, message.report);
          if (message.requested) this.#reportWaiters.shift()?.();
          break;
        case 'failed':
          options.failed(message.error, message.where);
          break;
        case 'drained':
          drained.resolve();
          break;
      }
    });
    // A rejection that no caller awaits is not unhandled.
    this.listening.catch(() => {});
  }

  readonly post = (message: ToThread): void => this.#worker.postMessage(message);

  /** Terminates the thread if it is blocked. Called at each health check. */
  checkSilence(): void {
    this.#silentChecks++;
    if (this.#silentChecks !== MAX_SILENT_CHECKS) return;
    this.#end(new Error('the thread is blocked'));
  }

  /** Resolves when the report has arrived, or after REPORT_TIMEOUT_MS. */
  async requestReport(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#reportWaiters.push(resolve);
    this.post({ do: 'report' });
    const late = setTimeout(resolve, REPORT_TIMEOUT_MS);
    await promise;
    clearTimeout(late);
  }

  /** Terminates the thread; `listening` and `ended` pass the error on. */
  #end(failure: Error): void {
    this.#failure = failure;
    void this.#worker.terminate();
  }

  async close(): Promise<void> {
    for (const resolve of this.#reportWaiters.splice(0)) resolve();
    this.feed[Symbol.dispose]();
    await this.#worker.terminate();
  }
}
