/**
 * A row of a sealed hour: one session in one minute, with the id of what was watched, so that a file says
 * everything by itself.
 * In: rows of `viewing_minute`. Out: the columns of Parquet files and of ClickHouse, in this order. Pure.
 */

/** Units and meaning are those of ViewingMinuteTable (features/insight/tables.ts). */
export interface SealedRow {
  readonly minute: number;
  /** `stream` or `asset`. */
  readonly kind: string;
  /** Id of the stream or asset. */
  readonly content: string;
  readonly session: string;
  readonly node: string;
  readonly begins: number;
  readonly watch_ms: number;
  readonly live_ms: number;
  readonly bit_ms: number;
  readonly kbits: number;
  readonly startup_ms: number | null;
  readonly stalls: number;
  readonly stall_ms: number;
  readonly errors: number;
  readonly failed: number;
  readonly position_s: number | null;
  readonly edge: string;
  readonly country: string;
  readonly source: string;
}

export type SealedColumn = keyof SealedRow;

/** `number`: 32 bits; `long`: 64 bits. */
type ColumnType = 'text' | 'number' | 'long';

/** The columns. Those with `isNullable` may be null. */
export const sealedColumns: readonly {
  readonly name: SealedColumn;
  readonly type: ColumnType;
  readonly isNullable?: true;
}[] = [
  { name: 'minute', type: 'number' },
  { name: 'kind', type: 'text' },
  { name: 'content', type: 'text' },
  { name: 'session', type: 'text' },
  { name: 'node', type: 'text' },
  { name: 'begins', type: 'number' },
  { name: 'watch_ms', type: 'number' },
  { name: 'live_ms', type: 'number' },
  { name: 'bit_ms', type: 'number' },
  { name: 'kbits', type: 'long' },
  { name: 'startup_ms', type: 'number', isNullable: true },
  { name: 'stalls', type: 'number' },
  { name: 'stall_ms', type: 'number' },
  { name: 'errors', type: 'number' },
  { name: 'failed', type: 'number' },
  { name: 'position_s', type: 'long', isNullable: true },
  { name: 'edge', type: 'text' },
  { name: 'country', type: 'text' },
  { name: 'source', type: 'text' },
];

/** The id of what was watched as one text, for groups. */
export const contentName = ({ kind, content }: Pick<SealedRow, 'kind' | 'content'>): string => `${kind} ${content}`;

/**
 * A session that began is not the rest of one with a row this long before, minutes. Its sums are read from
 * far enough back to notice the others.
 */
export const LOOK_BACK_MINUTES = 3 * 60;
/** Sessions of a long show are looked for this long before and after a range, minutes. */
export const LONGEST_SESSION_MINUTES = 24 * 60;
