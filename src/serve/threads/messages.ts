/**
 * Messages between the main thread, which produces media, and the serving threads, which own the client
 * connections. In, Out: values that structured clone can copy; media bytes are in shared memory and are not
 * copied. docs/media.md 25.
 */
import type { PublishedKeys, WatchJwtSettings } from '../../accounts/watch-jwt/open-watch-jwt.ts';
import type { WatchHolder } from '../../accounts/watch-tokens.ts';
import type { SegmentPrefix } from '../../archive/segment-store.ts';
import type { Endpoint } from '../../config/address.ts';
import type { ContentKeySettings } from '../../delivery/encryption/content-keys.ts';
import type { Steering } from '../../delivery/format/pathways.ts';
import type { CachedSegment } from '../../delivery/live/segment-cache.ts';
import type { PlayerReport, ReportText } from '../../delivery/player-report.ts';
import type { ThreadMemory } from '../../observe/metrics.ts';
import type { LiveWindowChange, LiveWindowState } from '../../packager/live-segment.ts';
import type { OwnHosts } from '../client/host-check.ts';
import type { Sharing } from '../exchange/representation.ts';
import type { Served } from '../hot/responder.ts';
import type { ServerCertificate } from '../tls/tls-certificate.ts';

/** The loopback port where the main thread answers requests that a serving thread forwards. */
export interface InternalEndpoint {
  /** On 127.0.0.1. */
  readonly port: number;
  /** Shared by the threads of this process; authenticates a forwarded connection. */
  readonly secret: string;
}

/** The start parameters of a serving thread. */
export interface ThreadSettings {
  /** Number of the thread, from 1. */
  readonly number: number;
  /** Port 0: any free port. */
  readonly listen: Endpoint;
  readonly internalEndpoint: InternalEndpoint;
  readonly certificate: ServerCertificate | undefined;
  readonly trustedProxies: readonly string[];
  readonly ownHosts: OwnHosts;
  /** Header fields of each response. */
  readonly head: Readonly<Record<string, string>>;
  /** Folder that segment locations are relative to. */
  readonly mediaFolder: string;
  /** The edges that playlists of streams for all name; undefined: none. */
  readonly steering?: Steering | undefined;
  /** Signs playback tokens. */
  readonly watchSecret: Uint8Array;
  /**
   * How playback tokens of another program are verified, and its published keys; undefined: they are refused.
   */
  readonly watchJwt?: { readonly settings: WatchJwtSettings; readonly keys: PublishedKeys | undefined } | undefined;
}

/** Access and retention of a stream. */
export interface StreamAccess {
  /** By address: the main thread answers. */
  readonly sharing: Sharing;
  /** Playback tokens are not enough: the main thread calls the authorization server. */
  readonly isAsked: boolean;
  /** Rises each time the playback tokens of the stream are revoked. */
  readonly epoch: number;
  /** Of its live playlists, ms. */
  readonly targetDurationMs: number | undefined;
  /** Older media is deleted, µs since 1970. */
  readonly horizonUs: number;
  /** Its segments are given only encrypted; undefined: clear. */
  readonly contentKeys?: ContentKeySettings | undefined;
}

/** To a serving thread. */
export type ToThread =
  /** The initial state of a subscribed stream. Replaces an earlier replica of that name. */
  | { readonly do: 'stream'; readonly name: string; readonly list: LiveWindowState; readonly access: StreamAccess }
  | { readonly do: 'changes'; readonly name: string; readonly changes: readonly LiveWindowChange[] }
  | { readonly do: 'access'; readonly name: string; readonly access: StreamAccess }
  | { readonly do: 'removed'; readonly name: string }
  /** A recorded segment that the main thread served, for the segment cache of the thread. */
  | { readonly do: 'segment'; readonly name: string; readonly key: string; readonly segment: CachedSegment }
  /** Stored media with this prefix is deleted: cached bytes must go. */
  | { readonly do: 'forget'; readonly prefix: SegmentPrefix }
  /** The published keys of playback tokens of another program. */
  | { readonly do: 'keys'; readonly keys: PublishedKeys }
  /** Whether the playback tokens of an account are valid: the answer to `holder`. */
  | { readonly do: 'holder'; readonly holder: WatchHolder; readonly lasts: boolean }
  /** A user has changed: the thread's state of their playback tokens may be stale. */
  | { readonly do: 'holder-changed'; readonly id: string }
  /** Requests a counter report now. */
  | { readonly do: 'report' }
  | { readonly do: 'certificate'; readonly certificate: ServerCertificate }
  /**
   * Stop accepting, refuse pending requests. The thread sends `drained` after its last connection has closed.
   */
  | { readonly do: 'drain' }
  | { readonly do: 'destroy' };

/** What a player reports. */
export type ReportedSession = readonly [stream: string, player: string, report: PlayerReport];

/** What a player says in a request for media. */
export type RequestedPlayback = readonly [stream: string, text: ReportText];

/** Counters since the last report, and gauges. */
export interface CounterReport {
  readonly served: readonly (readonly [kind: string, served: Served])[];
  /** Durations of responses that waited for media, seconds. */
  readonly waited: readonly (readonly [kind: string, seconds: readonly number[]])[];
  /** Refusals that the thread sent itself. */
  readonly refused: readonly (readonly [kind: string, status: number])[];
  readonly starved: number;
  /** Change of the number of waiting requests. */
  readonly held: number;
  /** Players that requested media, by stream. */
  readonly seen: readonly (readonly [stream: string, players: readonly string[]])[];
  /** In their order. */
  readonly reports: readonly ReportedSession[];
  readonly requests: readonly RequestedPlayback[];
  /** Gauge: bytes of ready responses. */
  readonly readyBytes: number;
  /** Gauge: bytes of recordings in memory. */
  readonly blockBytes: number;
  /** Gauge: heap and buffers of the thread. */
  readonly memory: ThreadMemory;
  /** Event loop lag since the last requested report, seconds. */
  readonly lag: { readonly p50: number; readonly p99: number; readonly max: number };
}

/** From a serving thread. */
export type FromThread =
  | { readonly do: 'listening'; readonly port: number }
  /** The port could not be opened. */
  | { readonly do: 'listen-failed'; readonly code: string; readonly message: string }
  /** A client requests a stream of which the thread has no replica. */
  | { readonly do: 'subscribe'; readonly name: string }
  /** No client has requested the stream for a while. */
  | { readonly do: 'unsubscribe'; readonly name: string }
  /** Requests the state of the playback tokens of an account. */
  | { readonly do: 'holder'; readonly holder: WatchHolder }
  /** `requested`: the answer to `report`. */
  | { readonly do: 'counters'; readonly report: CounterReport; readonly requested: boolean }
  /** A bug. */
  | { readonly do: 'failed'; readonly error: unknown; readonly where: string }
  | { readonly do: 'drained' };
