/**
 * The table of clips, which are only in the database: no file of a recording names them.
 * In: nothing. Out: types for store/schema.ts.
 */

/** A stretch of a recording with an address; see features/clips/clip-table.ts. */
export interface ClipTable {
  readonly id: string;
  readonly stream_id: string;
  readonly from_us: number;
  readonly to_us: number;
  title: string;
  /** `public`, `unlisted`, `signed`, `private`. */
  visibility: string;
  /** Owner, as in `Principal.owner`. */
  readonly owner: string;
  readonly created_us: number;
  /** When its media was deleted because the disk was full; null: it has its media. */
  lost_us: number | null;
}
