/**
 * The table of relays.
 * In: nothing. Out: types for store/schema.ts.
 */

/** A relay that was added over the API; see features/relays/relay-table.ts. */
export interface RelayTable {
  readonly id: string;
  readonly stream_id: string;
  label: string;
  /** Address of the target, without what follows its host. */
  url: string;
  /** The address, sealed; null: `url` has all of it. */
  sealed: string | null;
  /** 1: it runs while the stream is live. */
  enabled: number;
  readonly created_us: number;
}
