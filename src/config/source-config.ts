/**
 * The source of a configured stream, checked.
 * In: files, flags, the API. Out: the types that streams and ingest use. Pure types.
 */

/**
 * A source that oxbow fetches. An absent field has its default, because definitions of earlier versions lack
 * it.
 */
export interface PullSourceConfig {
  readonly type: 'pull';
  readonly url: string;
  /** Read while `url` delivers no media. */
  readonly backup?: string;
  readonly headers: Readonly<Record<string, string>>;
  /** `best` (default), `worst`, a height as `720p`, or a bitrate as `2M`. */
  readonly quality?: string;
  /**
   * Further variants as qualities of the stream: `best` (default) for none, `all`, or heights as `720p,
   * 480p`.
   */
  readonly qualities?: string;
  /** How far before the live edge recording starts, where the source offers it, ms; 0 is the edge. */
  readonly fromMs?: number;
  /** Sent as User-Agent; may be the name of a preset. */
  readonly userAgent?: string;
  /** By how much audio is presented later than its timestamps say, -2,000 to 2,000 ms. */
  readonly audioOffsetMs?: number;
  /** Which audio is converted to AAC; `auto` if absent. */
  readonly audio?: AudioMode;
}

/** A source that connects to oxbow. */
export interface PushSourceConfig {
  readonly type: 'push';
  readonly onSecondPublisher: SecondPublisher;
  /** Of several pictures, the one of the stream: `best` if absent, `worst`, or a height as `720p`. */
  readonly quality?: string;
  /** Its other pictures that are qualities of the stream: `all` if absent, `best` for none, or heights. */
  readonly qualities?: string;
  /** By how much audio is presented later than its timestamps say, -2,000 to 2,000 ms. */
  readonly audioOffsetMs?: number;
  /** Which audio is converted to AAC; `auto` if absent. */
  readonly audio?: AudioMode;
  /** What viewers see while the publisher is away; nothing if absent. */
  readonly whileAway?: Exclude<WhileAway, 'nothing'>;
  /** For how long, ms; 10 minutes if absent. */
  readonly awayLimitMs?: number;
  /** Latency of SRT connections, ms; the setting `srtLatency` if absent. */
  readonly latencyMs?: number;
  /** Passphrase of SRT connections; the setting `srtPassphrase` if absent. */
  readonly passphrase?: string;
}

/**
 * Which audio is converted to AAC: `auto` MP2, which no browser plays; `aac` all that is not AAC; `keep`
 * none.
 */
export type AudioMode = 'auto' | 'aac' | 'keep';

/**
 * What happens to a publisher while another one is active: `standby` takes over when the active one leaves or
 * stalls.
 */
export type SecondPublisher = 'refuse' | 'replace' | 'standby';

/**
 * What viewers of a push stream see while its publisher is away: a `slate` is the picture of the stream, or
 * its title.
 */
export type WhileAway = 'nothing' | 'last-picture' | 'slate';

/** Media that oxbow makes: the test picture, or the schedule of a channel. */
export type OwnSourceConfig = { readonly type: 'test' } | { readonly type: 'channel' };

/** A source that oxbow runs itself. */
export type ClientSourceConfig = PullSourceConfig | OwnSourceConfig;

/** Where a configured stream's media comes from. */
export type SourceConfig = ClientSourceConfig | PushSourceConfig;
