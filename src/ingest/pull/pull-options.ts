/**
 * The options that pulls of playlists and pulls of files share.
 * In: the settings of a source. Out: options for hls.ts and mp4/mp4.ts; the access to the source.
 */
import type { SourceFacts } from '../../api/source-facts.ts';
import type { Clock } from '../../lib/clock.ts';
import { OxbowError } from '../../lib/errors.ts';
import type { StreamInput } from '../../live/input.ts';
import type { Net } from '../../net/net.ts';
import type { PullCounters, PullLog } from './pull-log.ts';
import { type Locate, SourceAccess } from './source-access.ts';

export interface PullOptions {
  /** Of a playlist or file; may contain user name and password when `trusted`. */
  readonly url: string | URL;
  /** Sent with every request; secrets only to the origin of `url`. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** An administrator entered the URL, so its host may be private. Default true. */
  readonly trusted?: boolean | undefined;
  /** Sent as User-Agent: a text, or the name of a preset. */
  readonly userAgent?: string | undefined;
  /**
   * Called at the start and each time the URL no longer works, because URLs extracted from pages expire.
   * Absent: always `url`.
   */
  readonly locate?: Locate | undefined;
  /** Called when the source has been opened, and again when its facts change. */
  readonly onFacts?: ((facts: SourceFacts) => void) | undefined;
  readonly input: StreamInput;
  readonly net: Net;
  readonly clock: Clock;
  readonly log: PullLog;
  readonly counters?: PullCounters | undefined;
}

/**
 * Creates the access to the source of a pull.
 *
 * @throws OxbowError `address-refused` for an invalid URL; FormatError for an invalid User-Agent
 */
export function openAccess({ url, net, headers, userAgent, trusted = true }: PullOptions): SourceAccess {
  const sourceUrl = URL.parse(String(url));
  if (!sourceUrl) throw new OxbowError('address-refused', 'The source is not a URL.');
  return new SourceAccess({ net, sourceUrl, headers, userAgent, trusted });
}
