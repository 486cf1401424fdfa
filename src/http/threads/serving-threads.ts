/**
 * Threads that have the connections, so that the thread that makes media does nothing else; they share one port.
 * In: how many, where. Out: connections that they cannot answer, as if the clients had come here; counts. docs/architecture.md, Threads.
 */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { Worker } from 'node:worker_threads';
import type { SegmentPrefix } from '../../archive/segment-store.ts';
import type { Endpoint } from '../../config/address.ts';
import type { SegmentCache } from '../../delivery/live/segment-cache.ts';
import type { Subscribable } from '../../lib/events.ts';
import type { OwnHosts } from '../client/host-check.ts';
import { checkFree } from '../hot/listeners.ts';
import type { ShownCertificate } from '../tls/tls-certificate.ts';
import type { CounterReport, FromThread, ThreadSettings, ToThread } from './messages.ts';
import { type Client, readPreface } from './preface.ts';
import { type FeedOptions, ReplicaFeed } from './replica-feed.ts';

/** Streams come and go, and are kept for less long, without an event of their own: they are looked at this often, ms. */
const CHECK_EVERY_MS = 1000;
/** A thread that said nothing in so many of these looks has stood still, and is ended: what is told it would only pile up. */
const MAX_SILENT = 30;
/** A scrape waits no longer for a thread, ms: it is counted with the next one. */
const REPORT_TIMEOUT_MS = 500;
/** A thread that ended by a mistake begins anew after this long, ms. */
const AGAIN_AFTER_MS = 1000;

/** What threads are made with. */
export interface ServingOptions extends Omit<FeedOptions, 'post'> {
  readonly count: number;
  /** Port 0: any that is free. */
  readonly listen: Endpoint;
  readonly certificate: ShownCertificate | undefined;
  readonly trustedProxies: readonly string[];
  readonly ownHosts: OwnHosts;
  /** Fields of every answer. */
  readonly head: Readonly<Record<string, string>>;
  readonly watchSecret: Uint8Array;
  readonly cachedSegments: SegmentCache['added'];
  /** Where stored media is: the folder that locations start from. */
  readonly mediaFolder: string;
  /** Stored media that is deleted. */
  readonly forgotten: Subscribable<SegmentPrefix>;
  /** Streams whose settings, or whose right to be watched, were changed a moment ago; undefined: any of them may have been. */
  readonly changed: Subscribable<string | undefined>;
  /** Takes a connection over. */
  open(socket: Socket, client: Client): void;
  /** @param thread its number, 1 and up */
  onReport(thread: number, report: CounterReport): void;
  failed(error: unknown, where: string): void;
  /** A thread ended by a mistake; another one takes its place. */
  ended(thread: number): void;
  /** For tests: the program of a thread, and how often it is looked at, ms. */
  readonly program?: URL;
  readonly checkEveryMs?: number;
}

/** Threads that serve. */
export interface ServingThreads {
  readonly port: number;
  /** Has every thread tell its sums; resolves when they have, or take too long. */
  requestReports(): Promise<void>;
  /** Shows another certificate from now on. */
  use(certificate: ShownCertificate): void;
  /** Takes no new connections, ends what waits; resolves when the last connection has gone. */
  leave(): Promise<void>;
  /** Cuts off every connection. */
  destroy(): void;
  /** Ends the threads. */
  close(): Promise<void>;
}

/**
 * Starts the threads.
 *
 * @throws the system's error where they cannot listen, e.g. EADDRINUSE
 */
export async function openServingThreads(options: ServingOptions): Promise<ServingThreads> {
  const { count, listen, trustedProxies, ownHosts, head, mediaFolder, watchSecret } = options;
  await checkFree(listen);
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
    };
    const thread = new Thread(settings, options);
    threads.set(number, thread);
    thread.ended.then((error) => {
      if (isClosing || threads.get(number) !== thread) return;
      threads.delete(number);
      options.ended(number);
      options.failed(error ?? new Error('it ended'), `serving thread ${number}`);
      const again = setTimeout(() => {
        timers.delete(again);
        // Where it cannot listen it ends, which is told, and begins anew.
        start(number, port).catch(() => {});
      }, AGAIN_AFTER_MS);
      timers.add(again);
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
    options.forgotten.subscribe((prefix) => all({ do: 'forget', prefix })),
    options.changed.subscribe((name) => {
      for (const { feed } of threads.values()) feed.check(name);
    }),
  ];
  const checking = setInterval(() => {
    for (const thread of threads.values()) {
      thread.look();
      thread.feed.check();
    }
  }, options.checkEveryMs ?? CHECK_EVERY_MS);
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

/** One thread. */
class Thread {
  readonly #worker: Worker;
  /** Those who wait for its sums, in their order. */
  readonly #reportWaiters: (() => void)[] = [];
  /** Looks since it said something. */
  #silent = 0;
  #failure: unknown;
  readonly feed: ReplicaFeed;
  /** Where; rejects with the system's error where it cannot. */
  readonly listening: Promise<{ readonly port: number }>;
  /** Its last connection has gone, or it ended. */
  readonly drained: Promise<void>;
  /** Resolves when it ended, with what ended it. */
  readonly ended: Promise<unknown>;

  constructor(settings: ThreadSettings, options: ServingOptions) {
    // The published program is JavaScript, the working tree TypeScript.
    const file = import.meta.url.endsWith('.ts') ? './thread.ts' : './thread.js';
    // Flags of the main thread (an inspector, --eval) are not meant for this one.
    const worker = new Worker(options.program ?? new URL(file, import.meta.url), {
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
      this.#silent = 0;
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
    // Whoever asks for it is told; nobody may.
    this.listening.catch(() => {});
  }

  readonly post = (message: ToThread): void => this.#worker.postMessage(message);

  /** To be called now and then: a thread that stands still is ended. */
  look(): void {
    this.#silent++;
    if (this.#silent !== MAX_SILENT) return;
    this.#end(new Error('it stood still'));
  }

  /** Resolves when it told its sums, or takes too long. */
  async requestReport(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#reportWaiters.push(resolve);
    this.post({ do: 'report' });
    const late = setTimeout(resolve, REPORT_TIMEOUT_MS);
    await promise;
    clearTimeout(late);
  }

  /** Where it was to listen still, the failure is told there. */
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
