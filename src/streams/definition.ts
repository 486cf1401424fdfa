/**
 * The definition of a stream: name, source, recording and visibility.
 * In: command line, configuration, API. Out: ManagedStream. Pure.
 */
import type { SourceConfig, StreamOrigin, Visibility } from '../config/schema.ts';
import { shownUrl } from '../net/net.ts';

/** The settings of a stream, and its identity. */
export interface StreamDefinition {
  /** Internal; never changes, unlike the name. */
  readonly id: string;
  readonly name: string;
  readonly source: SourceConfig;
  readonly origin: StreamOrigin | 'api';
  /** For viewers; if empty, the name is shown. */
  readonly title: string;
  /** For viewers; may be empty. */
  readonly description: string;
  readonly record: boolean;
  /** Addresses of relay targets of the configuration, with their secrets; those of the API are in the store. */
  readonly relays?: readonly string[] | undefined;
  /** Milliseconds; undefined means the setting `record.keep`. */
  readonly keepMs: number | undefined;
  readonly visibility: Visibility;
  /** True if it was configured, false if it is the default. */
  readonly visibilityIsSet: boolean;
  /** µs since 1970. */
  readonly createdUs: number;
  /** Stopped by a user until it is started again. */
  readonly stopped: boolean;
  /** Paused by a user until it is resumed: publishers stay connected, their media is dropped. */
  readonly paused: boolean;
}

/** Fields of log lines about the source: the stream, and the address without user, password, query and fragment. */
export function sourceFields({ name, source }: Pick<StreamDefinition, 'name' | 'source'>): {
  readonly stream: string;
  readonly url?: string;
} {
  const url = source.type === 'pull' ? URL.parse(source.url) : null;
  return { stream: name, ...(url && { url: shownUrl(url) }) };
}
