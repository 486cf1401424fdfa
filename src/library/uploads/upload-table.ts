/**
 * Uploads in the database.
 * In: the store. Out: Upload values. Writes that move an upload forward are guarded by the lease of its lock.
 */
import type { Kysely, Selectable } from 'kysely';
import type { KeptBytes } from '../../archive/upload-store.ts';
import { type Fence, holdLease } from '../../store/lease-table.ts';
import { notElsewhere } from '../../store/placed-rows.ts';
import type { Tables } from '../../store/schema.ts';
import type { UploadTable as Row } from '../../store/tables/upload-schema.ts';
import type { AssetFailure } from '../asset.ts';
import type { Upload, UploadRequest, UploadState } from './upload.ts';

/** The changing members of an upload. */
interface UploadChange {
  readonly received?: number;
  readonly length?: number;
  readonly state?: UploadState;
  readonly failure?: AssetFailure;
  readonly expiresMs?: number;
}

/** The table `upload`. */
export class UploadTable {
  readonly #db: Kysely<Tables>;

  constructor(db: Kysely<Tables>) {
    this.#db = db;
  }

  async insert(upload: Upload, request?: UploadRequest): Promise<void> {
    const { id, assetId, owner, length, received, chunkBytes, metadata, sha256, state, createdMs } = upload;
    await this.#db
      .insertInto('upload')
      .values({
        id,
        asset_id: assetId,
        owner,
        length: length ?? null,
        received,
        chunk_bytes: chunkBytes ?? null,
        metadata: JSON.stringify(metadata),
        sha256: sha256 ?? null,
        state,
        failure: null,
        created_us: toUs(createdMs),
        expires_us: toUs(upload.expiresMs),
        target: upload.target ?? null,
        request_key: request?.key ?? null,
        request_hash: request?.hash ?? null,
      })
      .execute();
  }

  async find(id: string): Promise<Upload | undefined> {
    const row = await this.#db.selectFrom('upload').selectAll().where('id', '=', id).executeTakeFirst();
    return row && toUpload(row);
  }

  /** The upload that a request with this key of its client began. */
  async ofRequest(owner: string, key: string): Promise<{ readonly upload: Upload; readonly hash: string } | undefined> {
    const row = await this.#db
      .selectFrom('upload')
      .selectAll()
      .where('owner', '=', owner)
      .where('request_key', '=', key)
      .executeTakeFirst();
    return row && { upload: toUpload(row), hash: row.request_hash ?? '' };
  }

  /** The upload of an asset. */
  async ofAsset(assetId: string): Promise<Upload | undefined> {
    const row = await this.#db.selectFrom('upload').selectAll().where('asset_id', '=', assetId).executeTakeFirst();
    return row && toUpload(row);
  }

  /** Unfinished and finished ones that did not expire, newest first. */
  async list(owner: string | undefined, limit: number): Promise<Upload[]> {
    const query = this.#db.selectFrom('upload').selectAll().orderBy('created_us', 'desc').orderBy('id').limit(limit);
    const rows = await (owner === undefined ? query : query.where('owner', '=', owner)).execute();
    return rows.map(toUpload);
  }

  /** How many an owner has that are not finished. */
  async countOpen(owner: string): Promise<number> {
    const { count } = await this.#db
      .selectFrom('upload')
      .select((eb) => eb.fn.countAll<number>().as('count'))
      .where('owner', '=', owner)
      .where('state', '=', 'open')
      .executeTakeFirstOrThrow();
    return Number(count);
  }

  /** Bytes that unfinished uploads of known length still need in data folders. */
  async missingBytes(): Promise<number> {
    const { bytes } = await this.#db
      .selectFrom('upload')
      .select((eb) => eb.fn.sum<number | null>(eb('length', '-', eb.ref('received'))).as('bytes'))
      .where('state', '=', 'open')
      .where('length', 'is not', null)
      .where('target', 'is', null)
      .executeTakeFirstOrThrow();
    return Number(bytes ?? 0);
  }

  /** Those whose time is over. */
  async expired(nowMs: number, limit: number, node = ''): Promise<Upload[]> {
    const rows = await this.#db
      .selectFrom('upload')
      .selectAll()
      .where('expires_us', '<=', toUs(nowMs))
      .where(notElsewhere({ kind: 'upload', column: 'upload.id' }, node))
      .orderBy('expires_us')
      .limit(limit)
      .execute();
    return rows.map(toUpload);
  }

  /** Those of which all bytes are stored, but that were not finished: their process ended. */
  async unfinished(node = ''): Promise<Upload[]> {
    const rows = await this.#db
      .selectFrom('upload')
      .selectAll()
      .where((eb) =>
        eb.or([
          eb('state', '=', 'completing'),
          eb.and([eb('state', '=', 'open'), eb('chunk_bytes', 'is', null), eb('received', '=', eb.ref('length'))]),
        ]),
      )
      .where(notElsewhere({ kind: 'upload', column: 'upload.id' }, node))
      .execute();
    return rows.map(toUpload);
  }

  /** In a cluster: a node forgets that it owns uploads which exist no more. */
  async forgetPlaced(node: string): Promise<void> {
    await this.#db
      .deleteFrom('placement')
      .where('kind', '=', 'upload')
      .where('node', '=', node)
      .where('key', 'not in', this.#db.selectFrom('upload').select('id'))
      .execute();
  }

  /**
   * Changes an upload.
   *
   * @param fence of the lock; undefined: without one
   * @param kept bytes in a bucket, noted in the same transaction; undefined: there are none
   * @returns false if the lock is another's, or the upload is gone: then nothing was changed
   */
  async change(
    id: string,
    change: UploadChange,
    fence: Fence | undefined,
    kept?: KeptBytes | undefined,
  ): Promise<boolean> {
    if (!kept || !fence) return this.#change(this.#db, id, change, fence);
    const isChanged = await this.#db.transaction().execute(async (db) => {
      if (!(await holdLease(db, fence)) || !(await this.#change(db, id, change, fence))) return false;
      await kept.note(db);
      return true;
    });
    if (isChanged) kept.noted();
    return isChanged;
  }

  /** An upload whose bytes are lost begins again. */
  async restart(id: string, fence: Fence | undefined): Promise<void> {
    await this.#db.transaction().execute(async (db) => {
      if (!(await this.#change(db, id, { received: 0, state: 'open' }, fence))) return;
      await db.deleteFrom('upload_part').where('upload_id', '=', id).execute();
    });
  }

  async #change(db: Kysely<Tables>, id: string, change: UploadChange, fence: Fence | undefined): Promise<boolean> {
    const { received, length, state, failure, expiresMs } = change;
    let update = db
      .updateTable('upload')
      .set({
        ...(received !== undefined && { received }),
        ...(length !== undefined && { length }),
        ...(state !== undefined && { state }),
        ...(failure !== undefined && { failure: JSON.stringify(failure) }),
        ...(expiresMs !== undefined && { expires_us: toUs(expiresMs) }),
      })
      .where('id', '=', id);
    if (fence) {
      update = update.where(({ exists, selectFrom }) =>
        exists(selectFrom('lease').select('token').where('name', '=', fence.name).where('token', '=', fence.token)),
      );
    }
    const { numUpdatedRows } = await update.executeTakeFirst();
    return numUpdatedRows > 0n;
  }

  /** Deletes an upload with its chunks and the leases of its locks. */
  async remove(id: string, locks: string): Promise<void> {
    await this.#db.deleteFrom('upload_part').where('upload_id', '=', id).execute();
    await this.#db.deleteFrom('upload').where('id', '=', id).execute();
    await this.forgetLocks(locks);
  }

  /** Frees all locks, or those of a holder: those who held them are gone. */
  async freeLocks(prefix: string, holder?: string): Promise<void> {
    const query = this.#db
      .updateTable('lease')
      .set({ expires_us: 0 })
      .where('name', '>=', prefix)
      .where('name', '<', `${prefix}\uffff`);
    await (holder === undefined ? query : query.where('holder', '=', holder)).execute();
  }

  /** Deletes the leases of an upload's locks, e.g. when it is complete. */
  async forgetLocks(prefix: string): Promise<void> {
    await this.#db
      .deleteFrom('lease')
      .where('name', '>=', prefix)
      .where('name', '<', `${prefix}\uffff`)
      .where('expires_us', '=', 0)
      .execute();
  }
}

function toUpload(row: Selectable<Row>): Upload {
  return {
    id: row.id,
    assetId: row.asset_id,
    owner: row.owner,
    length: row.length ?? undefined,
    received: row.received,
    chunkBytes: row.chunk_bytes ?? undefined,
    metadata: JSON.parse(row.metadata) as Upload['metadata'],
    sha256: row.sha256 ?? undefined,
    state: row.state as UploadState,
    failure: row.failure === null ? undefined : (JSON.parse(row.failure) as AssetFailure),
    createdMs: row.created_us / 1000,
    expiresMs: row.expires_us / 1000,
    target: row.target ?? undefined,
  };
}

function toUs(ms: number): number {
  return Math.round(ms * 1000);
}
