/**
 * The table of media servers that users have connected, as Kysely sees it.
 * In: the table of migrations.ts. Out: a type for schema.ts.
 */

/** A connected server; see rooms/providers. */
export interface MediaServerTable {
  readonly id: string;
  readonly user_id: string;
  /** api/room/media-server-shapes.ts MediaServerKind. */
  readonly kind: string;
  readonly name: string;
  readonly url: string;
  /** The sign-in, encrypted by rooms/secret-box.ts. */
  readonly session: string;
  readonly created_us: number;
}
