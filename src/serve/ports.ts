/**
 * Opens the port: at this thread's own listeners, or at serving threads, which share it.
 * In: an endpoint, the function that takes connections. Out: the open port, with its shutdown.
 * docs/architecture.md, Threads.
 */
import type { Server, Socket } from 'node:net';
import type { SegmentPrefix } from '../archive/segment-store.ts';
import type { Endpoint } from '../config/address.ts';
import { contentKeysOf } from '../delivery/encryption/access-by-key.ts';
import type { Steering } from '../delivery/format/pathways.ts';
import { streamOfWindow } from '../delivery/live/quality-window.ts';
import type { SegmentCache } from '../delivery/live/segment-cache.ts';
import type { ServedLiveStream } from '../delivery/served-stream.ts';
import { Emitter, type Subscribable } from '../lib/events.ts';
import { traceIdOf } from '../observe/traces/trace.ts';
import type { ClaimedPort } from './claimed-port.ts';
import type { OwnHosts } from './client/host-check.ts';
import { endsOf } from './client/socket-owner.ts';
import type { ServeDeps } from './deps.ts';
import { reportProblem } from './exchange/problem.ts';
import { openListeners } from './hot/listeners.ts';
import { sharingOf } from './media/watch-access.ts';
import type { StreamAccess } from './threads/messages.ts';
import type { Client } from './threads/preface.ts';
import { openServingThreads } from './threads/serving-threads.ts';
import { ThreadCounts } from './threads/thread-counts.ts';
import type { ServerCertificate } from './tls/tls-certificate.ts';

/** Serving threads and their endpoint. */
export interface ThreadsOptions {
  /** Number of threads; 1: the main thread serves. */
  readonly count: number;
  find(name: string): ServedLiveStream | undefined;
  /** Recorded segments that were found. */
  readonly cachedSegments: SegmentCache['added'];
  /** Folder of stored media, absolute; locations are relative to it. */
  readonly mediaFolder: string;
  /** The edges that playlists of streams for all name; undefined: none. */
  readonly steering?: Steering | undefined;
  /** Emits stored media that is deleted. */
  readonly forgotten: Subscribable<SegmentPrefix>;
}

/** An open port. */
export interface Ports {
  readonly port: number;
  /** Bytes of recordings that serving threads keep in memory. */
  readonly blockBytes: number;
  /** Uses another certificate, where serving threads terminate TLS. */
  use(certificate: ServerCertificate): void;
  /** Accepts no new connections. Resolves when the open ones have ended. */
  leave(): Promise<void>;
  /** Destroys connections that have not reached this thread. */
  destroy(): void;
  close(): Promise<void>;
}

/**
 * Opens the port at this thread's own listeners.
 *
 * @param options.claimed the port, if it is open already
 * @param options.isShared other processes of this server listen on it too
 * @throws the system's error if it cannot listen
 */
export async function openOwnPorts(
  server: Server,
  listen: Endpoint,
  { claimed, isShared = false }: { readonly claimed?: ClaimedPort | undefined; readonly isShared?: boolean } = {},
): Promise<Ports> {
  const listeners = claimed
    ? claimed.take((socket) => server.emit('connection', socket))
    : await openListeners(server, listen, { isShared });
  return {
    port: listeners.port,
    blockBytes: 0,
    use: () => undefined,
    leave: () => listeners.close(),
    destroy: () => undefined,
    close: async () => {},
  };
}

/** How connections come from the other processes of a server. */
export interface Siblings {
  /** A port without TLS, on this machine only. */
  readonly internal: ClaimedPort;
  /** Connections of clients that another process has accepted, paused. */
  readonly connection: Subscribable<Socket>;
}

/** The same port, with connections from the other processes of this server. */
export function withSiblings(
  ports: Ports,
  { internal, connection }: Siblings,
  { server, open }: { readonly server: Server; open(socket: Socket, client: Client): void },
): Ports {
  const listeners = internal.take((socket) => open(socket, { ...endsOf(socket), isSecure: false, protocol: 'http1' }));
  internal.begin();
  const unsubscribe = connection.subscribe((socket) => {
    server.emit('connection', socket);
    socket.resume();
  });
  return {
    ...ports,
    leave: async () => {
      unsubscribe();
      await Promise.all([ports.leave(), listeners.close()]);
    },
  };
}

/**
 * Gives a port that is open already to serving threads: this thread serves the connections that waited, and
 * all until the threads listen.
 *
 * @param claimed the port, which ends to accept then
 * @param openThreads opens the port at serving threads
 * @param failed called where they cannot listen: this thread continues to serve
 */
export function passPortOn(
  server: Server,
  claimed: ClaimedPort,
  openThreads: () => Promise<Ports>,
  failed: (error: unknown) => void,
): Ports {
  let threads: Ports | undefined;
  let opening: Promise<void> | undefined;
  let renewed: ServerCertificate | undefined;
  const start = async () => {
    try {
      threads = await openThreads();
      if (renewed) threads.use(renewed);
      void listeners.close();
    } catch (error) {
      failed(error);
    }
  };
  const listeners = claimed.take(
    (socket) => server.emit('connection', socket),
    () => {
      opening = start();
    },
  );
  return {
    port: claimed.port,
    get blockBytes() {
      return threads?.blockBytes ?? 0;
    },
    use(certificate) {
      renewed = certificate;
      threads?.use(certificate);
    },
    async leave() {
      await opening;
      await Promise.all([listeners.close(), threads?.leave()]);
    },
    destroy: () => threads?.destroy(),
    async close() {
      await threads?.close();
    },
  };
}

/**
 * Opens the port at serving threads.
 *
 * @param options.isShared another socket of this process has the port
 * @param options.open takes connections with requests that they cannot answer
 * @throws the system's error if they cannot listen
 */
export async function openThreadPorts(
  threads: ThreadsOptions,
  deps: ServeDeps,
  options: {
    readonly listen: Endpoint;
    readonly certificate: ServerCertificate | undefined;
    readonly ownHosts: OwnHosts;
    /** Fields of every answer. */
    readonly head: Readonly<Record<string, string>>;
    readonly open: (socket: Socket, client: Client) => void;
    readonly isShared: boolean;
  },
): Promise<Ports> {
  const { streams, events, access } = deps;
  using opened = new DisposableStack();
  const changed = new Emitter<string | undefined>();
  const subscription = await events.subscribe({
    event({ event }) {
      if (event.type.startsWith('stream.') && event.stream !== null) changed.emit(event.stream);
    },
    missed: () => changed.emit(undefined),
  });
  opened.defer(() => subscription.close());
  opened.defer(access.watch.revoked.subscribe((name) => changed.emit(name)));
  const holderChanged = new Emitter<string>();
  opened.defer(access.users.changed.subscribe(({ id }) => holderChanged.emit(id)));
  const counts = new ThreadCounts(deps);
  const accessOf = (stream: ServedLiveStream): StreamAccess => {
    const name = streamOfWindow(stream.name);
    const targetDurationS = stream.list.generation?.targetDurationS;
    return {
      sharing: sharingOf(streams, name),
      isAsked: deps.auth !== undefined,
      epoch: access.watch.epochOf(name),
      targetDurationMs: targetDurationS === undefined ? undefined : targetDurationS * 1000,
      horizonUs: stream.horizonUs(),
      contentKeys: contentKeysOf(stream)?.settings,
    };
  };
  const serving = await openServingThreads({
    ...threads,
    ...options,
    accessOf,
    changed,
    trustedProxies: deps.trustedProxies ?? [],
    ownHosts: options.ownHosts,
    head: options.head,
    watchSecret: access.watch.secret,
    watchJwt: access.watchJwt,
    lasts: (holder) => access.watch.lasts(holder),
    holderChanged,
    onReport: (thread, report) => counts.take(thread, report),
    failed: (error, where) => reportProblem(error, where, traceIdOf(undefined), deps),
    ended: (thread) => counts.forget(thread),
  });
  opened.defer(
    deps.metrics.beforeScrape(async () => {
      await serving.requestReports();
      counts.show();
    }),
  );
  const owned = opened.move();
  return {
    port: serving.port,
    get blockBytes() {
      return counts.blockBytes;
    },
    use: (certificate) => serving.use(certificate),
    leave: () => serving.leave(),
    destroy: () => serving.destroy(),
    async close() {
      await serving.close();
      owned[Symbol.dispose]();
    },
  };
}
