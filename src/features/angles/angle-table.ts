/**
 * Sets of angles in the metadata store. Every node reads and writes them there: they are not in memory.
 * In: sets. Out: the same; each change raises the revision of its set.
 */
import type { Kysely, Selectable } from 'kysely';
import { createSecret } from '../../accounts/random-secret.ts';
import type { AngleHow } from '../../api/angles/angle-shapes.ts';
import { OxbowError } from '../../lib/errors.ts';
import type { Tables } from '../../store/schema.ts';
import type { AngleSetTable } from './tables.ts';

/** Random bytes of an id: its 71 bits cannot be guessed. */
const ID_BYTES = 9;
/** A change is tried again this often when another one came between. */
const TRIES = 20;

/** Two places with other offsets. */
export interface AngleDrift {
  /** Offset at the later place minus the one at the earlier place. */
  readonly ms: number;
  readonly overMs: number;
}

/** A member as it is stored. */
export interface StoredAngle {
  readonly id: string;
  /** A stream, or an asset. */
  readonly kind: 'stream' | 'asset';
  /** Id of the stream, or of the asset. */
  readonly of: string;
  /** Added to the clock of the member, it gives the clock of the set, ms with fractions. */
  readonly offsetMs: number;
  readonly how: AngleHow;
  /** 0 to 1, by sound. */
  readonly confidence?: number;
  readonly errorMs?: number;
  /** The place that was compared, ms on the clock of the set. */
  readonly measuredMs?: number;
  readonly drift?: AngleDrift;
}

/** A set as it is stored; times are µs. */
export interface StoredAngleSet {
  readonly id: string;
  readonly name: string;
  /** Where it opens, on its clock; undefined: live. */
  readonly atUs: number | undefined;
  /** The clock of the first one is that of the set. */
  readonly members: readonly StoredAngle[];
  /** As in `Principal.owner`. */
  readonly owner: string;
  readonly createdUs: number;
  readonly revision: number;
}

type SetFields = Pick<StoredAngleSet, 'name' | 'atUs' | 'members'>;

/** The sets of a server or cluster. */
export class AngleTable {
  readonly #db: Kysely<Tables>;

  constructor(db: Kysely<Tables>) {
    this.#db = db;
  }

  /** A set; undefined if there is none with that id. */
  async find(id: string): Promise<StoredAngleSet | undefined> {
    const row = await this.#db.selectFrom('angle_set').selectAll().where('id', '=', id).executeTakeFirst();
    return row && setOf(row);
  }

  /** Sets, newest first. @param after the set that the page before ended with */
  async page(limit: number, after?: Pick<StoredAngleSet, 'createdUs' | 'id'>): Promise<StoredAngleSet[]> {
    let query = this.#db
      .selectFrom('angle_set')
      .selectAll()
      .orderBy('created_us', 'desc')
      .orderBy('id', 'desc')
      .limit(limit);
    if (after) {
      const { createdUs, id } = after;
      query = query.where((eb) =>
        eb.or([eb('created_us', '<', createdUs), eb.and([eb('created_us', '=', createdUs), eb('id', '<', id)])]),
      );
    }
    return (await query.execute()).map(setOf);
  }

  /** The sets of an owner, newest first. */
  async ofOwner(owner: string): Promise<StoredAngleSet[]> {
    const rows = await this.#db
      .selectFrom('angle_set')
      .selectAll()
      .where('owner', '=', owner)
      .orderBy('created_us', 'desc')
      .execute();
    return rows.map(setOf);
  }

  /** Number of sets, and of those of an owner. */
  async counts(owner: string): Promise<{ readonly all: number; readonly own: number }> {
    const count = () => this.#db.selectFrom('angle_set').select((eb) => eb.fn.countAll().as('count'));
    const [all, own] = await Promise.all([
      count().executeTakeFirstOrThrow(),
      count().where('owner', '=', owner).executeTakeFirstOrThrow(),
    ]);
    return { all: Number(all.count), own: Number(own.count) };
  }

  /** Adds a set. */
  async add(fields: SetFields & Pick<StoredAngleSet, 'owner' | 'createdUs'>): Promise<StoredAngleSet> {
    const { owner, createdUs, ...changed } = fields;
    const row = { id: createSecret(ID_BYTES), ...rowOf(changed), owner, created_us: createdUs, revision: 1 };
    await this.#db.insertInto('angle_set').values(row).execute();
    return setOf(row);
  }

  /**
   * Changes a set, and raises its revision.
   *
   * @param change called with the set as it is stored, again if another change was faster; throws a refusal
   * @throws OxbowError `angle-set-unknown`, `not-ready`; what `change` throws
   */
  async change(id: string, change: (found: StoredAngleSet) => SetFields): Promise<StoredAngleSet> {
    for (let tries = 1; tries <= TRIES; tries++) {
      const found = await this.find(id);
      if (!found) throw angleSetUnknown(id);
      const fields = change(found);
      const revision = found.revision + 1;
      const { numUpdatedRows } = await this.#db
        .updateTable('angle_set')
        .set({ ...rowOf(fields), revision })
        .where('id', '=', id)
        .where('revision', '=', found.revision)
        .executeTakeFirst();
      if (numUpdatedRows > 0n) return { ...found, ...fields, revision };
    }
    throw new OxbowError('not-ready', `The set of angles ${id} is changed by many at once.`);
  }

  /** Deletes a set; false if there is none. */
  async remove(id: string): Promise<boolean> {
    const { numDeletedRows } = await this.#db.deleteFrom('angle_set').where('id', '=', id).executeTakeFirst();
    return numDeletedRows > 0n;
  }
}

/** The refusal of a set that does not exist, or that the caller may not see. */
export function angleSetUnknown(id: string): OxbowError {
  return new OxbowError('angle-set-unknown', `There is no set of angles ${id.slice(0, 40)}.`);
}

function rowOf({ name, atUs, members }: SetFields) {
  return { name, at_us: atUs ?? null, members: JSON.stringify(members) };
}

function setOf(row: Selectable<AngleSetTable>): StoredAngleSet {
  return {
    id: row.id,
    name: row.name,
    atUs: row.at_us ?? undefined,
    members: JSON.parse(row.members) as StoredAngle[],
    owner: row.owner,
    createdUs: row.created_us,
    revision: row.revision,
  };
}
