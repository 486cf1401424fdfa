/**
 * What protocol servers request of the streams: a session for a connection that publishes, a live stream for
 * one that watches.
 * In: requests of RTMP, SRT and later protocols. Out: a publisher session or a live stream, or the error that
 * the protocol reports. Implemented by streams/publish/publish-access; docs/3-publish/publishers.md.
 */
import type { InboxSinks } from '../live/inbox.ts';
import type { SinkList } from '../live/sink-list.ts';
import type { ClaimRequest, Publisher } from './publisher.ts';

/** Settings of a push stream that apply to its connections; an absent one has the default of the server. */
export interface StreamSettings {
  /** Latency of SRT, ms. */
  readonly latencyMs?: number | undefined;
  /** Which of several pictures is that of the stream, see `PushSourceConfig`. */
  readonly quality?: string | undefined;
  /** Which others are qualities. */
  readonly qualities?: string | undefined;
  /** Passphrase of SRT, 10 to 79 characters. */
  readonly passphrase?: string | undefined;
}

/** Whether a connection can continue at another process of this server. */
interface Passable {
  /**
   * It can: where another process has the stream, StreamElsewhere is thrown. Otherwise a stream that is
   * published moves to this process, and one of another process cannot be watched.
   */
  readonly canPass?: boolean | undefined;
}

/** A living process of this server has the stream: the connection is to be passed to it. */
export class StreamElsewhere extends Error {
  override readonly name = 'StreamElsewhere';
  readonly process: string;

  constructor(process: string) {
    super(`the stream is at ${process}`);
    this.process = process;
  }
}

/** What a protocol server passes for a connection that wants to publish. */
export interface PublishRequest extends ClaimRequest, Passable {
  /** Name of the stream as the client sent it; undefined if it sent only a key. Not yet validated. */
  readonly name: string | undefined;
  /** The stream key as the client sent it; undefined if none. */
  readonly key: string | undefined;
  /** Program of the client as it names itself, e.g. flashVer of RTMP. */
  readonly userAgent?: string | undefined;
  /** Called when the client is authorized, before its session begins. What it throws refuses the client. */
  readonly onStream?: ((settings: StreamSettings) => void) | undefined;
  /**
   * Called when the client is authorized, and the stream comes from another node as soon as its publisher has
   * left there, which may be this client and wait for its answer: what it sends from now on is to be kept.
   */
  readonly onMoving?: (() => void) | undefined;
}

/** What a protocol server passes for a connection that wants to watch: an SRT request, RTMP play. */
export interface ReadRequest extends Pick<ClaimRequest, 'protocol' | 'remote' | 'signal'>, Passable {
  /** Name of the stream as the client sent it. Not yet validated. */
  readonly name: string;
  /** Playback token as the client sent it; undefined if none. */
  readonly token: string | undefined;
  /** Country of the client, where a trusted proxy says it. */
  readonly country?: string | undefined;
  /** Program of the client as it names itself. */
  readonly userAgent?: string | undefined;
  /** Called when the client is authorized. What it throws refuses the client. */
  readonly onStream?: ((settings: StreamSettings) => void) | undefined;
}

/** The sinks of a live stream, for a connection that watches: `openInbox(source, …)` of live/inbox. */
export type LiveSource = InboxSinks & Pick<SinkList, 'bufferGop'>;

/** Entry point of protocol servers. */
export interface PublishAccess {
  /**
   * Authorizes the client, finds or creates the stream, claims its name. The session begins at once, as the
   * active or as a standby publisher.
   *
   * @throws OxbowError `publish-denied` for a missing, unknown or expired key, or an address that may not use
   *   it; `bad-name`; `stream-unknown`; `publish-refused` if the stream is stopped or is not of source type
   *   `push`; `publisher-active` if another publisher has the name and the stream accepts no second one;
   *   `auth-unavailable`; `too-many-requests` after too many wrong keys; `not-ready`. Also the signal's
   *   reason, and StreamElsewhere
   */
  publish(request: PublishRequest): Promise<Publisher>;
  /**
   * Authorizes the client and returns the live stream.
   *
   * @throws OxbowError `stream-unknown`, also where the client may not know of the stream; `watch-refused`,
   *   `watch-expired`, `watch-denied-here`; `auth-unavailable`; `too-many-requests`; `not-ready`. Also
   *   StreamElsewhere
   */
  read(request: ReadRequest): Promise<LiveSource>;
}
