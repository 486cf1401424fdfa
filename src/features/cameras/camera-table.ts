/**
 * The rows of cameras, and of the markers and clips that their events made.
 * In: cameras of streams. Out: rows of the store. Logins are sealed before they are written.
 */
import type { Kysely } from 'kysely';
import type { SecretBox } from '../../accounts/secret-box.ts';
import type { CameraEvents } from '../../api/cameras/camera-shapes.ts';
import type { Tables } from '../../store/schema.ts';

/** A user of a camera; both empty without one. */
export interface CameraUser {
  readonly user: string;
  readonly password: string;
}

/** The camera of a stream. */
export interface StoredCamera {
  readonly streamId: string;
  /** Of its device service, without user and password. */
  readonly address: string;
  /** Undefined: it was sealed with the secret of another server. */
  readonly login: CameraUser | undefined;
  readonly profile: string;
  /** Tokens of the video source of the profile. */
  readonly sources: readonly string[];
  readonly maker: string;
  readonly model: string;
  readonly events: CameraEvents;
  /** Who may move it; empty: it does not move. */
  readonly move: 'admins' | 'users' | '';
  /** Owner of its clips, as in `Principal.owner`. */
  readonly owner: string;
  readonly createdUs: number;
}

/** What an event makes. */
export type MadeKind = 'marker' | 'clip';

/** Reads and writes the rows. */
export class CameraTable {
  readonly #db: Kysely<Tables>;
  readonly #box: SecretBox;

  /** @param box only for this use */
  constructor(db: Kysely<Tables>, box: SecretBox) {
    this.#db = db;
    this.#box = box;
  }

  /** All cameras of streams that are not deleted. */
  async all(): Promise<readonly StoredCamera[]> {
    const rows = await this.#db.selectFrom('camera').selectAll().execute();
    return rows.map(({ stream_id, sealed, sources, events, move, created_us, ...row }) => ({
      ...row,
      streamId: stream_id,
      login: this.#opened(sealed),
      sources: JSON.parse(sources) as readonly string[],
      events: JSON.parse(events) as CameraEvents,
      move: move as StoredCamera['move'],
      createdUs: created_us,
    }));
  }

  /** Writes the camera of a stream, in place of the one before. */
  async put({ streamId, login, sources, events, createdUs, ...row }: StoredCamera): Promise<void> {
    const values = {
      ...row,
      sealed: this.#box.seal(JSON.stringify(login ?? { user: '', password: '' })),
      sources: JSON.stringify(sources),
      events: JSON.stringify(events),
    };
    await this.#db
      .insertInto('camera')
      .values(Object.assign({ stream_id: streamId, created_us: createdUs }, values))
      .onConflict((conflict) => conflict.column('stream_id').doUpdateSet(values))
      .execute();
  }

  /** Changes what becomes of events, and who may move. */
  async change(streamId: string, { events, move }: Pick<StoredCamera, 'events' | 'move'>): Promise<void> {
    const values = { events: JSON.stringify(events), move };
    await this.#db.updateTable('camera').set(values).where('stream_id', '=', streamId).execute();
  }

  /** Removes the camera of a stream; its markers and clips stay. */
  async remove(streamId: string): Promise<void> {
    await this.#db.deleteFrom('camera').where('stream_id', '=', streamId).execute();
    await this.#db.deleteFrom('camera_event').where('stream_id', '=', streamId).execute();
  }

  /** Removes the cameras of streams that were deleted, also of those whose media is gone already. */
  async removeLeft(): Promise<void> {
    const left = await this.#db
      .selectFrom('camera')
      .leftJoin('stream', 'stream.id', 'camera.stream_id')
      .where((row) => row.or([row('stream.id', 'is', null), row('stream.deleted_us', 'is not', null)]))
      .select('camera.stream_id')
      .execute();
    for (const { stream_id } of left) await this.remove(stream_id);
  }

  /** Notes a marker or a clip. */
  async addMade(streamId: string, kind: MadeKind, id: string, atUs: number): Promise<void> {
    await this.#db.insertInto('camera_event').values({ id, stream_id: streamId, kind, at_us: atUs }).execute();
  }

  /** The oldest ones of a kind beyond the newest `most`; at most 100. */
  async madeBeyond(streamId: string, kind: MadeKind, most: number): Promise<readonly string[]> {
    const rows = await this.#db
      .selectFrom('camera_event')
      .select('id')
      .where('stream_id', '=', streamId)
      .where('kind', '=', kind)
      .orderBy('at_us', 'desc')
      .offset(most)
      .limit(100)
      .execute();
    return rows.map(({ id }) => id);
  }

  /** Forgets one, which was deleted. */
  async forgetMade(id: string): Promise<void> {
    await this.#db.deleteFrom('camera_event').where('id', '=', id).execute();
  }

  #opened(sealed: string): CameraUser | undefined {
    const text = this.#box.open(sealed);
    return text === undefined ? undefined : (JSON.parse(text) as CameraUser);
  }
}
