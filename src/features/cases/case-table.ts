/**
 * Cases in the metadata store. Every node reads and writes them there: they are not in memory.
 * In: cases, ranges, notes. Out: the same; each change raises the revision of its case, in one transaction.
 */
import { randomUUID } from 'node:crypto';
import type { Kysely, Selectable } from 'kysely';
import { createSecret } from '../../accounts/random-secret.ts';
import { OxbowError } from '../../lib/errors.ts';
import type { Tables } from '../../store/schema.ts';
import type { CaseFileTable, CaseNoteTable, CaseRangeTable } from './tables.ts';

/** Random bytes of an id: its 71 bits cannot be guessed. */
const ID_BYTES = 9;
/** A change is tried again this often when another one came between. */
const TRIES = 20;

/** A case without its content. Times are µs since 1970. */
export interface CaseFile {
  readonly id: string;
  readonly title: string;
  readonly description: string;
  /** As in `Principal.owner`. */
  readonly owner: string;
  readonly author: string;
  readonly createdUs: number;
  /** Undefined: it is open. */
  readonly closedUs: number | undefined;
  readonly revision: number;
}

/** A range of a case. */
export interface HeldRange {
  readonly id: string;
  readonly streamId: string;
  readonly stream: string;
  readonly fromUs: number;
  readonly toUs: number;
  readonly title: string;
  readonly holdId: string | undefined;
  readonly author: string;
  readonly addedUs: number;
}

/** A note or a marker of a case. */
export interface StoredNote {
  readonly id: string;
  readonly rangeId: string | undefined;
  readonly atUs: number | undefined;
  readonly text: string;
  readonly author: string;
  readonly createdUs: number;
}

/** A case with its content. */
export interface Case extends CaseFile {
  /** In order of start. */
  readonly ranges: readonly HeldRange[];
  /** Oldest first. */
  readonly notes: readonly StoredNote[];
}

/** Which page of cases. */
interface CaseQuery {
  /** Undefined: those of all owners. */
  readonly owner: string | undefined;
  readonly state?: 'open' | 'closed' | undefined;
  /** The case that the page before ended with. */
  readonly after?: Pick<CaseFile, 'createdUs' | 'id'> | undefined;
  readonly limit: number;
}

/** A change of one case: `check` refuses, `write` writes rows. */
interface CaseChange {
  /** Called with the case as the transaction has it; throws a refusal. */
  readonly check: (found: Case) => void;
  readonly fields?: Partial<Pick<Selectable<CaseFileTable>, 'title' | 'description' | 'closed_us'>>;
  readonly write?: (db: Kysely<Tables>, found: Case) => Promise<unknown>;
}

/** The cases of a server or cluster. */
export class CaseTable {
  readonly #db: Kysely<Tables>;

  constructor(db: Kysely<Tables>) {
    this.#db = db;
  }

  /** A case with its content; undefined if there is none with that id. */
  find(id: string): Promise<Case | undefined> {
    return read(this.#db, id);
  }

  /** A page of cases, newest first, with the number of their ranges. */
  async page({
    owner,
    state,
    after,
    limit,
  }: CaseQuery): Promise<{ readonly file: CaseFile; readonly ranges: number }[]> {
    let query = this.#db
      .selectFrom('case_file')
      .selectAll()
      .select((eb) =>
        eb
          .selectFrom('case_range')
          .whereRef('case_range.case_id', '=', 'case_file.id')
          .select((of) => of.fn.countAll().as('count'))
          .as('ranges'),
      )
      .orderBy('created_us', 'desc')
      .orderBy('id', 'desc')
      .limit(limit);
    if (owner !== undefined) query = query.where('owner', '=', owner);
    if (state !== undefined) query = query.where('closed_us', state === 'open' ? 'is' : 'is not', null);
    if (after) {
      const { createdUs, id } = after;
      query = query.where((eb) =>
        eb.or([eb('created_us', '<', createdUs), eb.and([eb('created_us', '=', createdUs), eb('id', '<', id)])]),
      );
    }
    return (await query.execute()).map((row) => ({ file: fileOf(row), ranges: Number(row.ranges) }));
  }

  /** Number of cases, and of open ones of an owner. */
  async counts(owner: string): Promise<{ readonly all: number; readonly open: number }> {
    const count = () => this.#db.selectFrom('case_file').select((eb) => eb.fn.countAll().as('count'));
    const [all, open] = await Promise.all([
      count().executeTakeFirstOrThrow(),
      count().where('owner', '=', owner).where('closed_us', 'is', null).executeTakeFirstOrThrow(),
    ]);
    return { all: Number(all.count), open: Number(open.count) };
  }

  /** Opens a case. */
  async add(fields: Pick<CaseFile, 'title' | 'description' | 'owner' | 'author' | 'createdUs'>): Promise<Case> {
    const { title, description, owner, author, createdUs } = fields;
    const id = createSecret(ID_BYTES);
    const row = { id, title, description, owner, author, created_us: createdUs, closed_us: null, revision: 1 };
    await this.#db.insertInto('case_file').values(row).execute();
    return { ...fileOf(row), ranges: [], notes: [] };
  }

  /**
   * Changes a case, and raises its revision.
   *
   * @throws OxbowError `case-unknown`; what `check` throws, and then nothing is written
   */
  async change(id: string, { check, fields = {}, write }: CaseChange): Promise<Case> {
    for (let tries = 1; ; tries++) {
      const changed = await this.#db.transaction().execute(async (db) => {
        const found = await read(db, id);
        if (!found) throw caseUnknown(id);
        check(found);
        const { numUpdatedRows } = await db
          .updateTable('case_file')
          .set({ ...fields, revision: found.revision + 1 })
          .where('id', '=', id)
          .where('revision', '=', found.revision)
          .executeTakeFirst();
        if (numUpdatedRows === 0n) return undefined; // another node was faster
        await write?.(db, found);
        return (await read(db, id))!;
      });
      if (changed) return changed;
      if (tries === TRIES) throw new OxbowError('not-ready', `The case ${id} is changed by many at once.`);
    }
  }

  /** Adds a range in `change`. */
  static addRange(db: Kysely<Tables>, caseId: string, range: HeldRange): Promise<unknown> {
    return db
      .insertInto('case_range')
      .values({
        id: range.id,
        case_id: caseId,
        stream_id: range.streamId,
        stream: range.stream,
        from_us: range.fromUs,
        to_us: range.toUs,
        title: range.title,
        hold_id: range.holdId ?? null,
        author: range.author,
        added_us: range.addedUs,
      })
      .execute();
  }

  /** Adds a note in `change`. */
  static addNote(db: Kysely<Tables>, caseId: string, note: StoredNote): Promise<unknown> {
    return db
      .insertInto('case_note')
      .values({
        id: note.id,
        case_id: caseId,
        range_id: note.rangeId ?? null,
        at_us: note.atUs ?? null,
        text: note.text,
        author: note.author,
        created_us: note.createdUs,
      })
      .execute();
  }

  /** Removes a range in `change`; notes about it are then about the case. */
  static async removeRange(db: Kysely<Tables>, rangeId: string): Promise<void> {
    await db.updateTable('case_note').set({ range_id: null }).where('range_id', '=', rangeId).execute();
    await db.deleteFrom('case_range').where('id', '=', rangeId).execute();
  }

  /** Notes the legal hold of a range. */
  async setHold(rangeId: string, holdId: string): Promise<void> {
    await this.#db.updateTable('case_range').set({ hold_id: holdId }).where('id', '=', rangeId).execute();
  }

  /** Notes that the legal hold of a range was lifted; nothing if the range has another one meanwhile. */
  async clearHold({ id, holdId }: Pick<HeldRange, 'id' | 'holdId'>): Promise<void> {
    if (holdId === undefined) return;
    await this.#db
      .updateTable('case_range')
      .set({ hold_id: null })
      .where('id', '=', id)
      .where('hold_id', '=', holdId)
      .execute();
  }

  /** Ranges of closed cases whose legal hold may still be set: a process ended while it closed them. */
  async heldOfClosed(): Promise<readonly HeldRange[]> {
    const rows = await this.#db
      .selectFrom('case_range')
      .innerJoin('case_file', 'case_file.id', 'case_range.case_id')
      .selectAll('case_range')
      .where('case_range.hold_id', 'is not', null)
      .where('case_file.closed_us', 'is not', null)
      .execute();
    return rows.map(rangeOf);
  }

  /** Deletes a closed case with its content; false if it is open or there is none. */
  async remove(id: string): Promise<boolean> {
    return this.#db.transaction().execute(async (db) => {
      const { numDeletedRows } = await db
        .deleteFrom('case_file')
        .where('id', '=', id)
        .where('closed_us', 'is not', null)
        .executeTakeFirst();
      if (numDeletedRows === 0n) return false;
      await db.deleteFrom('case_range').where('case_id', '=', id).execute();
      await db.deleteFrom('case_note').where('case_id', '=', id).execute();
      return true;
    });
  }
}

/** The refusal of a case that does not exist, or that the caller may not see. */
export function caseUnknown(id: string): OxbowError {
  return new OxbowError('case-unknown', `There is no case ${id.slice(0, 40)}.`);
}

/** An id for a range or a note. */
export function createRowId(): string {
  return randomUUID();
}

async function read(db: Kysely<Tables>, id: string): Promise<Case | undefined> {
  const row = await db.selectFrom('case_file').selectAll().where('id', '=', id).executeTakeFirst();
  if (!row) return undefined;
  const ranges = await db
    .selectFrom('case_range')
    .selectAll()
    .where('case_id', '=', id)
    .orderBy('from_us')
    .orderBy('added_us')
    .orderBy('id')
    .execute();
  const notes = await db
    .selectFrom('case_note')
    .selectAll()
    .where('case_id', '=', id)
    .orderBy('created_us')
    .orderBy('id')
    .execute();
  return { ...fileOf(row), ranges: ranges.map(rangeOf), notes: notes.map(noteOf) };
}

function fileOf(row: Selectable<CaseFileTable>): CaseFile {
  return {
    id: row.id,
    title: row.title,
    description: row.description,
    owner: row.owner,
    author: row.author,
    createdUs: row.created_us,
    closedUs: row.closed_us ?? undefined,
    revision: row.revision,
  };
}

function rangeOf(row: Selectable<CaseRangeTable>): HeldRange {
  return {
    id: row.id,
    streamId: row.stream_id,
    stream: row.stream,
    fromUs: row.from_us,
    toUs: row.to_us,
    title: row.title,
    holdId: row.hold_id ?? undefined,
    author: row.author,
    addedUs: row.added_us,
  };
}

function noteOf(row: Selectable<CaseNoteTable>): StoredNote {
  return {
    id: row.id,
    rangeId: row.range_id ?? undefined,
    atUs: row.at_us ?? undefined,
    text: row.text,
    author: row.author,
    createdUs: row.created_us,
  };
}
