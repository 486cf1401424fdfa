/**
 * The rows of cameras, and of the markers and clips that their events made.
 * In: cameras of streams. Out: rows of the store. Logins are sealed before they are written.
 */
import type { Kysely } from 'kysely';
import type { SecretBox } from '../../accounts/secret-box.ts';
import type { CameraEvents, CameraKind } from '../../api/cameras/camera-shapes.ts';
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

/** A moment that a process has begun, and whose clip is not made yet. */
export interface OpenMoment {
  readonly kind: CameraKind;
  /** ms since 1970. */
  readonly fromMs: number;
}

/** What an event makes. */
export type MadeKind = 'marker' | 'clip';

/** Before the kind of a moment in rows. */
const OPEN = 'open:';

const openId = (streamId: string, { kind, fromMs }: OpenMoment) => `${streamId} ${kind} ${Math.round(fromMs * 1000)}`;

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

  /** Seals with the newest key what an earlier one has sealed: other nodes may not have that. */
  async resealAll(): Promise<void> {
    const rows = await this.#db.selectFrom('camera').select(['stream_id', 'sealed']).execute();
    for (const { stream_id, sealed: before } of rows) {
      const login = this.#box.open(before);
      const sealed = login === undefined ? before : this.#box.seal(login);
      if (sealed === before) continue;
      const update = this.#db.updateTable('camera').set({ sealed });
      await update.where('stream_id', '=', stream_id).where('sealed', '=', before).execute();
    }
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

  /** The names of streams with a camera, by the host of its address. Those of other nodes too. */
  async streamsByHost(): Promise<ReadonlyMap<string, readonly string[]>> {
    const rows = await this.#db
      .selectFrom('camera')
      .innerJoin('stream', 'stream.id', 'camera.stream_id')
      .where('stream.deleted_us', 'is', null)
      .select(['camera.address', 'stream.name'])
      .orderBy('stream.name')
      .execute();
    const byHost = new Map<string, string[]>();
    for (const { address, name } of rows) {
      const host = URL.parse(address)?.host ?? '';
      byHost.set(host, [...(byHost.get(host) ?? []), name]);
    }
    return byHost;
  }

  /**
   * Notes that a moment has begun.
   *
   * @param apartMs moments of a kind that begin closer to each other are the same one
   * @returns false if another process has noted it
   */
  async begin(streamId: string, { kind, fromMs }: OpenMoment, apartMs: number): Promise<boolean> {
    const atUs = Math.round(fromMs * 1000);
    const others = await this.#db
      .selectFrom('camera_event')
      .select('id')
      .where('stream_id', '=', streamId)
      .where('kind', '=', `${OPEN}${kind}`)
      .where('at_us', '>', atUs - apartMs * 1000)
      .where('at_us', '<', atUs + apartMs * 1000)
      .limit(1)
      .execute();
    if (others.length > 0) return false;
    const row = { id: openId(streamId, { kind, fromMs }), stream_id: streamId, kind: `${OPEN}${kind}`, at_us: atUs };
    const { numInsertedOrUpdatedRows: inserted } = await this.#db
      .insertInto('camera_event')
      .values(row)
      .onConflict((conflict) => conflict.column('id').doNothing())
      .executeTakeFirst();
    return (inserted ?? 0n) > 0n;
  }

  /** Ends a moment: its clip is made by the process that gets true. */
  async end(streamId: string, moment: OpenMoment): Promise<boolean> {
    const { numDeletedRows } = await this.#db
      .deleteFrom('camera_event')
      .where('id', '=', openId(streamId, moment))
      .executeTakeFirst();
    return numDeletedRows > 0n;
  }

  /** The moments of a stream that are not over, oldest first; at most 100. */
  async openMoments(streamId: string): Promise<readonly OpenMoment[]> {
    const rows = await this.#db
      .selectFrom('camera_event')
      .select(['kind', 'at_us'])
      .where('stream_id', '=', streamId)
      .where('kind', 'like', `${OPEN}%`)
      .orderBy('at_us')
      .limit(100)
      .execute();
    return rows.map(({ kind, at_us }) => ({ kind: kind.slice(OPEN.length) as CameraKind, fromMs: at_us / 1000 }));
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
