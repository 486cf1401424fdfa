/**
 * The pictures that people give to streams, for cards and link previews. They exist only in the database:
 * they are backed up, not rebuilt.
 * In: the bytes of image files. Out: pictures by stream; their versions are in memory, since every view of a
 * stream names one.
 */
import { hash } from 'node:crypto';
import type { Kysely } from 'kysely';
import { MAX_PICTURE_BYTES, type PictureType, pictureTypeOf, type StreamPicture } from '../../api/picture.ts';
import { OxbowError } from '../../lib/errors.ts';
import { type RowChanges, writeShared } from '../../store/row-changes.ts';
import type { Tables } from '../../store/schema.ts';

/** The pictures of all streams. In a cluster the owner of a stream writes them and every node is notified. */
export class PictureTable {
  readonly #db: Kysely<Tables>;
  readonly #changes: RowChanges | undefined;
  readonly #versions = new Map<string, string>();

  private constructor(db: Kysely<Tables>, changes: RowChanges | undefined) {
    this.#db = db;
    this.#changes = changes;
  }

  /** Reads the versions of all pictures. @param changes in a cluster */
  static async open(db: Kysely<Tables>, changes?: RowChanges): Promise<PictureTable> {
    const table = new PictureTable(db, changes);
    changes?.follow('stream_picture', (streams) => table.#read(streams));
    await table.reload();
    return table;
  }

  /** Reads the versions of the pictures of some streams again; of all if none are given. */
  async reload(streams?: readonly string[]): Promise<void> {
    (await this.#read(streams))();
  }

  async #read(streams?: readonly string[]): Promise<() => void> {
    const query = this.#db.selectFrom('stream_picture').select(['stream_id', 'version']);
    const rows = await (streams ? query.where('stream_id', 'in', streams) : query).execute();
    const versions = new Map(rows.map((row) => [row.stream_id, row.version]));
    return () => {
      for (const streamId of streams ?? [...this.#versions.keys()]) {
        if (!versions.has(streamId)) this.#versions.delete(streamId);
      }
      for (const [streamId, version] of versions) this.#versions.set(streamId, version);
    };
  }

  /** Names the picture that a stream has; undefined if it has none. */
  versionOf(streamId: string): string | undefined {
    return this.#versions.get(streamId);
  }

  /** The picture of a stream. */
  async read(streamId: string): Promise<StreamPicture | undefined> {
    if (!this.#versions.has(streamId)) return undefined;
    const row = await this.#db
      .selectFrom('stream_picture')
      .select(['type', 'version', 'bytes'])
      .where('stream_id', '=', streamId)
      .executeTakeFirst();
    return row && { ...row, type: row.type as PictureType };
  }

  /**
   * Sets or replaces the picture of a stream.
   *
   * @throws OxbowError `unsupported-media` if the bytes are no JPEG, PNG or WebP file; `payload-too-large`
   */
  async set(streamId: string, bytes: Uint8Array): Promise<void> {
    if (bytes.length > MAX_PICTURE_BYTES) {
      throw new OxbowError('payload-too-large', 'The picture is larger than 1 MiB.');
    }
    const type = pictureTypeOf(bytes);
    if (type === undefined) {
      const extra = { hint: 'Convert it to one of these formats.' };
      throw new OxbowError('unsupported-media', 'The file is not a JPEG, PNG or WebP picture.', { extra });
    }
    const row = { type, bytes, version: hash('sha256', bytes, 'base64url').slice(0, 16) };
    await this.#write(streamId, (db) =>
      db
        .insertInto('stream_picture')
        .values({ stream_id: streamId, ...row })
        .onConflict((conflict) => conflict.column('stream_id').doUpdateSet(row))
        .execute(),
    );
    this.#versions.set(streamId, row.version);
  }

  /** Deletes the picture of a stream; does nothing if it has none. */
  async remove(streamId: string): Promise<void> {
    await this.#write(streamId, (db) => db.deleteFrom('stream_picture').where('stream_id', '=', streamId).execute());
    this.#versions.delete(streamId);
  }

  #write(streamId: string, write: (db: Kysely<Tables>) => Promise<unknown>): Promise<unknown> {
    return writeShared({ db: this.#db, changes: this.#changes }, ['stream_picture', streamId], write);
  }
}
