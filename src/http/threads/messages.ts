/**
 * What the main thread and a serving thread say to each other. The main thread makes media; serving threads have the connections.
 * In and out: messages that can be cloned; bytes of media lie in shared memory. docs/media.md 25.
 */
import type { SegmentPrefix } from '../../archive/segment-store.ts';
import type { Endpoint } from '../../config/address.ts';
import type { CachedSegment } from '../../delivery/live/segment-cache.ts';
import type { ThreadMemory } from '../../observe/metrics.ts';
import type { LiveWindowChange, LiveWindowState } from '../../packager/live-segment.ts';
import type { OwnHosts } from '../client/host-check.ts';
import type { Served } from '../hot/responder.ts';
import type { ShownCertificate } from '../tls/tls-certificate.ts';

/** The door behind which the main thread answers what a serving thread does not. */
export interface InternalEndpoint {
  /** On this computer. */
  readonly port: number;
  /** Known to the threads of this process alone. */
  readonly secret: string;
}

/** What a serving thread is started with. */
export interface ThreadSettings {
  /** Of the thread, 1 and up. */
  readonly number: number;
  /** Port 0: any that is free. */
  readonly listen: Endpoint;
  readonly internalEndpoint: InternalEndpoint;
  readonly certificate: ShownCertificate | undefined;
  readonly trustedProxies: readonly string[];
  readonly ownHosts: OwnHosts;
  /** Fields of every answer. */
  readonly head: Readonly<Record<string, string>>;
  /** Where stored media is: the folder that locations start from. */
  readonly mediaFolder: string;
  /** Signs rights to watch. */
  readonly watchSecret: Uint8Array;
}

/** Who may watch a stream, and since when it is kept. */
export interface StreamAccess {
  readonly isPrivate: boolean;
  /** How often rights to watch it were taken back. */
  readonly epoch: number;
  /** Of its live list, ms. */
  readonly targetDurationMs: number | undefined;
  /** What is older was deleted, µs since 1970. */
  readonly horizonUs: number;
}

/** To a serving thread. */
export type ToThread =
  /** A replica of a stream begins; a replica of that name that was there before ends. */
  | { readonly do: 'stream'; readonly name: string; readonly list: LiveWindowState; readonly access: StreamAccess }
  | { readonly do: 'changes'; readonly name: string; readonly changes: readonly LiveWindowChange[] }
  | { readonly do: 'access'; readonly name: string; readonly access: StreamAccess }
  | { readonly do: 'removed'; readonly name: string }
  /** Where a recorded segment lies that somebody asked for. */
  | { readonly do: 'segment'; readonly name: string; readonly key: string; readonly segment: CachedSegment }
  /** Stored media was deleted. */
  | { readonly do: 'forget'; readonly prefix: SegmentPrefix }
  /** Wishes for the sums now. */
  | { readonly do: 'report' }
  | { readonly do: 'certificate'; readonly certificate: ShownCertificate }
  /** Takes no new connections, ends what waits; says `drained` when the last connection has gone. */
  | { readonly do: 'drain' }
  | { readonly do: 'destroy' };

/** Sums since the last time. */
export interface CounterReport {
  readonly served: readonly (readonly [kind: string, served: Served])[];
  /** Answers that were waited for, seconds each. */
  readonly waited: readonly (readonly [kind: string, seconds: readonly number[]])[];
  /** By status. */
  readonly refused: readonly (readonly [kind: string, status: number])[];
  readonly starved: number;
  /** Change of how many wait. */
  readonly held: number;
  /** Players by stream. */
  readonly seen: readonly (readonly [stream: string, players: readonly string[]])[];
  /** Bytes of media that are kept ready, now. */
  readonly readyBytes: number;
  /** Bytes of recordings that are kept in memory, now. */
  readonly blockBytes: number;
  /** Heap and buffers of the thread, now. */
  readonly memory: ThreadMemory;
  /** How late the thread came back to its work since it was asked last, seconds. */
  readonly lag: { readonly p50: number; readonly p99: number; readonly max: number };
}

/** From a serving thread. */
export type FromThread =
  | { readonly do: 'listening'; readonly port: number }
  /** It could not listen. */
  | { readonly do: 'listen-failed'; readonly code: string; readonly message: string }
  /** Somebody asks for a stream of which it has no replica. */
  | { readonly do: 'subscribe'; readonly name: string }
  /** Nobody asked for it for a while. */
  | { readonly do: 'unsubscribe'; readonly name: string }
  /** `asked`: they were wished for. */
  | { readonly do: 'counters'; readonly report: CounterReport; readonly requested: boolean }
  /** A mistake of ours. */
  | { readonly do: 'failed'; readonly error: unknown; readonly where: string }
  | { readonly do: 'drained' };
