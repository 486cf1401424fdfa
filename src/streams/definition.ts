/**
 * What makes a stream: its name, source and how it is kept, from wherever it was set.
 * In: command line, configuration, API. Out: ManagedStream. Pure types and names.
 */
import type { SourceConfig, StreamOrigin, Visibility } from '../config/schema.ts';

/** A stream as it is set. */
export interface StreamDefinition {
  /** Internal; names may change, this never does. */
  readonly id: string;
  readonly name: string;
  readonly source: SourceConfig;
  readonly origin: StreamOrigin | 'api';
  readonly record: boolean;
  /** Milliseconds; undefined means the setting `record.keep`. */
  readonly keepMs: number | undefined;
  readonly visibility: Visibility;
  /** µs since 1970. */
  readonly createdUs: number;
  /** A person stopped it. */
  readonly stopped: boolean;
}
