/**
 * What makes a stream: its name, source and how it is kept, from wherever it was set.
 * In: command line, configuration, API. Out: ManagedStream. Pure: types, names, and how the log calls it.
 */
import type { SourceConfig, StreamOrigin, Visibility } from '../config/schema.ts';
import { shownUrl } from '../net/net.ts';

/** A stream as it is set. */
export interface StreamDefinition {
  /** Internal; names may change, this never does. */
  readonly id: string;
  readonly name: string;
  readonly source: SourceConfig;
  readonly origin: StreamOrigin | 'api';
  /** For viewers; if empty, the name is shown. */
  readonly title: string;
  /** For viewers; may be empty. */
  readonly description: string;
  readonly record: boolean;
  /** Milliseconds; undefined means the setting `record.keep`. */
  readonly keepMs: number | undefined;
  readonly visibility: Visibility;
  /** Somebody chose it; else it is the default. */
  readonly visibilityIsSet: boolean;
  /** µs since 1970. */
  readonly createdUs: number;
  /** A person stopped it. */
  readonly stopped: boolean;
}

/** What each line about its source says: the stream, and the address without user, password, query and fragment. */
export function sourceFields({ name, source }: Pick<StreamDefinition, 'name' | 'source'>): {
  readonly stream: string;
  readonly url?: string;
} {
  const url = source.type === 'pull' ? URL.parse(source.url) : null;
  return { stream: name, ...(url && { url: shownUrl(url) }) };
}
