/**
 * The API of cases: opens, changes, closes and deletes them.
 * In: requests that HTTP has checked, and their callers. Out: views, legal holds, events.
 * docs/5-record/cases.md.
 */
import type {
  CaseList,
  CaseListQuery,
  CaseNote,
  CasePatch,
  CaseRange,
  CaseSummary,
  CaseView,
  NewCase,
} from '../../api/cases/case-shapes.ts';
import { CASE_LIMITS } from '../../api/cases/case-shapes.ts';
import { printRfc3339 } from '../../api/instant.ts';
import type { EventBus } from '../../cluster/bus/event-bus.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Current } from '../../lib/current.ts';
import { OxbowError } from '../../lib/errors.ts';
import type { ErasureTable } from '../../recording/erase/erasure-table.ts';
import type { CaseAccess, CaseCaller } from './case-access.ts';
import type { CaseHolds } from './case-holds.ts';
import {
  type Case,
  type CaseFile,
  CaseTable,
  caseUnknown,
  createRowId,
  type HeldRange,
  type StoredNote,
} from './case-table.ts';

/** How far the clock of a client may be ahead, ms. */
const AHEAD_MS = 60_000;
const PAGE = 50;
const MOST = 200;

/** A range to add; times are ms since 1970. */
interface RangeRequest {
  readonly stream: string;
  readonly fromMs: number;
  readonly toMs: number;
  readonly title: string;
}

/** A note to add. */
interface NoteRequest {
  readonly text: string;
  /** Ms since 1970; undefined: it marks no instant. */
  readonly atMs: number | undefined;
  readonly range: string | undefined;
}

/** Checks If-Match against the revision of a case. @throws OxbowError `precondition-failed` */
export type CaseCondition = (revision: string) => void;

/** A case as a caller sees it, and its ETag. */
export interface ShownCase {
  readonly view: CaseView;
  readonly revision: string;
}

/** Dependencies of the API. */
export interface CasesParts {
  readonly table: CaseTable;
  readonly holds: CaseHolds;
  readonly access: CaseAccess;
  readonly erasures: Pick<ErasureTable, 'overlaps'>;
  readonly events: Pick<EventBus, 'publish'>;
  readonly clock: Clock;
  readonly settings: Current<{ readonly cases: { readonly perUser: number; readonly max: number } }>;
}

/** The API of cases. */
export class Cases {
  readonly #parts: CasesParts;

  constructor(parts: CasesParts) {
    this.#parts = parts;
  }

  get #nowUs(): number {
    return Math.round(this.#parts.clock.nowMs()) * 1000;
  }

  /** Newest first. @throws OxbowError `bad-request` for an invalid cursor */
  async list({ state, limit, cursor }: CaseListQuery, caller: CaseCaller): Promise<CaseList> {
    this.#parts.access.assertOpens(caller);
    const { isAdmin, owner } = caller.principal;
    const size = Math.min(MOST, Number(limit ?? PAGE));
    const after = cursor === undefined ? undefined : readCursor(cursor);
    const rows = await this.#parts.table.page({ owner: isAdmin ? undefined : owner, state, after, limit: size + 1 });
    const shown = rows.slice(0, size);
    const items = shown.map(({ file, ranges }) => ({ ...summaryOf(file), ranges }));
    return { items, nextCursor: rows.length > size ? printCursor(shown.at(-1)!.file) : null };
  }

  /** A case that the caller may see. @throws OxbowError `case-unknown` */
  async find(id: string, caller: CaseCaller): Promise<Case> {
    this.#parts.access.assertOpens(caller);
    const found = await this.#parts.table.find(id);
    if (!found || !this.#parts.access.sees(found, caller)) throw caseUnknown(id);
    return found;
  }

  /** @throws OxbowError `case-unknown` */
  async get(id: string, caller: CaseCaller): Promise<ShownCase> {
    return this.#shown(await this.find(id, caller), caller);
  }

  /** @throws OxbowError `limit-reached` */
  async create({ title, description = '' }: NewCase, caller: CaseCaller): Promise<ShownCase> {
    const { access, table, settings } = this.#parts;
    access.assertOpens(caller);
    const { owner, isAdmin, name } = caller.principal;
    const { all, open } = await table.counts(owner);
    const { perUser, max } = settings.now.cases;
    if (all >= max) throw new OxbowError('limit-reached', `This server has ${max} cases already (cases.max).`);
    if (!isAdmin && open >= perUser)
      throw new OxbowError('limit-reached', `You have ${perUser} open cases already (cases.perUser).`);
    const fields = { title: titleOf(title), description, owner, author: name, createdUs: this.#nowUs };
    const made = await table.add(fields);
    this.#publish('case.created', made);
    return this.#shown(made, caller);
  }

  /**
   * Changes title and description, of a closed case too.
   *
   * @throws OxbowError `case-unknown`, `precondition-failed`
   */
  async update(id: string, patch: CasePatch, caller: CaseCaller, condition: CaseCondition): Promise<ShownCase> {
    const { title, description } = patch;
    return this.#change(id, caller, {
      condition,
      fields: {
        ...(title !== undefined && { title: titleOf(title) }),
        ...(description !== undefined && { description }),
      },
    });
  }

  /**
   * Adds a range, and sets its legal hold.
   *
   * @throws OxbowError `case-unknown`, `case-closed`, `stream-unknown`, `bad-time`, `window-too-long`,
   *   `no-media`, `limit-reached`, `precondition-failed`; refusals of the rules for the past
   */
  async addRange(id: string, request: RangeRequest, caller: CaseCaller, condition: CaseCondition): Promise<ShownCase> {
    const { access, holds } = this.#parts;
    const found = await this.find(id, caller);
    assertOpen(found);
    condition(String(found.revision));
    const range = this.#rangeOf(request);
    const stream = await access.streamOf(request.stream, caller);
    access.assertShown(stream, range, caller);
    const held = { streamId: stream.id, stream: stream.name, ...range };
    const holdId = await holds.set({ ...held, caseId: id, caseTitle: found.title, author: caller.by.userId });
    const more = { title: request.title.trim(), author: caller.principal.name, addedUs: this.#nowUs };
    const row: HeldRange = { id: createRowId(), holdId, ...held, ...more };
    try {
      return await this.#change(id, caller, {
        condition,
        check(now) {
          assertOpen(now);
          if (now.ranges.length >= CASE_LIMITS.ranges)
            throw new OxbowError('limit-reached', `The case has ${CASE_LIMITS.ranges} ranges already.`);
        },
        write: (db) => CaseTable.addRange(db, id, row),
      });
    } catch (error) {
      await holds.lift(row);
      throw error;
    }
  }

  /**
   * Removes a range, and lifts its hold.
   *
   * @throws OxbowError `case-unknown`, `case-range-unknown`, `case-closed`
   */
  async removeRange(id: string, rangeId: string, caller: CaseCaller, condition: CaseCondition): Promise<void> {
    let removed: HeldRange | undefined;
    await this.#change(id, caller, {
      condition,
      check(now) {
        assertOpen(now);
        removed = rangeIn(now, rangeId);
      },
      write: (db) => CaseTable.removeRange(db, rangeId),
    });
    if (removed) await this.#parts.holds.lift(removed);
  }

  /**
   * Adds a note or a marker.
   *
   * @throws OxbowError `case-unknown`, `case-range-unknown`, `case-closed`, `limit-reached`
   */
  async addNote(id: string, note: NoteRequest, caller: CaseCaller, condition: CaseCondition): Promise<ShownCase> {
    const { text, atMs, range } = note;
    const row: StoredNote = {
      id: createRowId(),
      rangeId: range,
      atUs: atMs === undefined ? undefined : Math.round(atMs * 1000),
      text,
      author: caller.principal.name,
      createdUs: this.#nowUs,
    };
    return this.#change(id, caller, {
      condition,
      check(now) {
        assertOpen(now);
        if (range !== undefined) rangeIn(now, range);
        if (now.notes.length >= CASE_LIMITS.notes)
          throw new OxbowError('limit-reached', `The case has ${CASE_LIMITS.notes} notes already.`);
      },
      write: (db) => CaseTable.addNote(db, id, row),
    });
  }

  /** @throws OxbowError `case-unknown`, `case-note-unknown`, `case-closed` */
  async removeNote(id: string, noteId: string, caller: CaseCaller, condition: CaseCondition): Promise<void> {
    await this.#change(id, caller, {
      condition,
      check(now) {
        assertOpen(now);
        if (now.notes.some((note) => note.id === noteId)) return;
        throw new OxbowError('case-note-unknown', `The case has no note ${noteId.slice(0, 40)}.`);
      },
      write: (db) => db.deleteFrom('case_note').where('id', '=', noteId).execute(),
    });
  }

  /**
   * Closes a case: its holds are lifted, and retention applies again.
   *
   * @throws OxbowError `case-unknown`, `case-closed`
   */
  async close(id: string, caller: CaseCaller, condition: CaseCondition): Promise<ShownCase> {
    const { holds, table } = this.#parts;
    await this.#change(id, caller, {
      condition,
      check: assertOpen,
      fields: { closed_us: this.#nowUs },
      isSilent: true,
    });
    const closed = await this.find(id, caller);
    for (const range of closed.ranges) {
      await holds.lift(range);
      await table.clearHold(range);
    }
    this.#publish('case.closed', closed);
    return this.get(id, caller);
  }

  /**
   * Opens a closed case again; ranges whose media is gone stay without a hold.
   *
   * @throws OxbowError `case-open`
   */
  async reopen(id: string, caller: CaseCaller, condition: CaseCondition): Promise<ShownCase> {
    const { holds, table } = this.#parts;
    await this.#change(id, caller, { condition, check: assertClosed, fields: { closed_us: null }, isSilent: true });
    const opened = await this.find(id, caller);
    for (const range of opened.ranges) {
      const request = { ...range, caseId: id, caseTitle: opened.title, author: caller.by.userId };
      try {
        await table.setHold(range.id, await holds.set(request));
        await holds.lift(range); // a process may have ended while it closed the case
      } catch (error) {
        if (!(error instanceof OxbowError)) throw error; // the view shows that it is not held
      }
    }
    this.#publish('case.reopened', opened);
    return this.get(id, caller);
  }

  /** Deletes a closed case. @throws OxbowError `case-unknown`, `case-open`, `precondition-failed` */
  async remove(id: string, caller: CaseCaller, condition: CaseCondition): Promise<void> {
    const found = await this.find(id, caller);
    assertClosed(found);
    condition(String(found.revision));
    if (!(await this.#parts.table.remove(id))) assertClosed(await this.find(id, caller));
    this.#publish('case.deleted', found);
  }

  /** The cases of an owner, for the export of their data. */
  async exportOf(owner: string): Promise<readonly CaseSummary[]> {
    const rows = await this.#parts.table.page({ owner, limit: Number.MAX_SAFE_INTEGER });
    return rows.map(({ file, ranges }) => ({ ...summaryOf(file), ranges }));
  }

  /** Lifts the holds of closed cases that a process left. */
  async liftLeft(): Promise<void> {
    const { table, holds } = this.#parts;
    for (const range of await table.heldOfClosed()) {
      await holds.lift(range);
      await table.clearHold(range);
    }
  }

  /** @throws OxbowError `bad-time`, `window-too-long` */
  #rangeOf({ fromMs, toMs }: RangeRequest) {
    if (fromMs >= toMs) throw new OxbowError('bad-time', '`from` must be before `to`.');
    if (toMs > this.#parts.clock.nowMs() + AHEAD_MS) throw new OxbowError('bad-time', '`to` is in the future.');
    if (toMs - fromMs > CASE_LIMITS.rangeMs)
      throw new OxbowError('window-too-long', 'A range of a case is longer than 24 hours.', {
        extra: { hint: 'Add several ranges of at most 24 hours each.' },
      });
    return { fromUs: Math.round(fromMs * 1000), toUs: Math.round(toMs * 1000) };
  }

  async #change(
    id: string,
    caller: CaseCaller,
    {
      condition,
      check,
      isSilent = false,
      ...change
    }: Omit<Parameters<CaseTable['change']>[1], 'check'> & {
      readonly condition: CaseCondition;
      readonly check?: (found: Case) => void;
      /** Another event reports it. */
      readonly isSilent?: boolean;
    },
  ): Promise<ShownCase> {
    const { table, access } = this.#parts;
    access.assertOpens(caller);
    const changed = await table.change(id, {
      ...change,
      check(found) {
        if (!access.sees(found, caller)) throw caseUnknown(id);
        condition(String(found.revision));
        check?.(found);
      },
    });
    if (!isSilent) this.#publish('case.changed', changed);
    return this.#shown(changed, caller);
  }

  async #shown(found: Case, caller: CaseCaller): Promise<ShownCase> {
    const ranges = await Promise.all(found.ranges.map((range) => this.#rangeView(range, caller)));
    const view = { ...summaryOf(found), ranges, notes: found.notes.map(noteView) };
    return { view, revision: String(found.revision) };
  }

  async #rangeView(range: HeldRange, caller: CaseCaller): Promise<CaseRange> {
    const { holds, erasures, access } = this.#parts;
    const { id, stream, streamId, title, fromUs, toUs, author, addedUs } = range;
    return {
      id,
      stream,
      title,
      from: timeOf(fromUs),
      to: timeOf(toUs),
      addedBy: author,
      addedAt: timeOf(addedUs),
      isHeld: holds.isHeld(range),
      isErased: erasures.overlaps(streamId, fromUs, toUs),
      mayWatch: await access.mayWatch(stream, range, caller),
    };
  }

  #publish(type: 'case.created' | 'case.changed' | 'case.closed' | 'case.reopened' | 'case.deleted', file: CaseFile) {
    const { id, title, owner } = file;
    this.#parts.events.publish(type, { id, title, owner });
  }
}

const timeOf = (us: number): string => printRfc3339(us / 1000);

/** @throws OxbowError `bad-request` for a title of spaces */
function titleOf(text: string): string {
  const title = text.trim();
  if (title === '') throw new OxbowError('bad-request', '`title` is empty.');
  return title;
}

function assertOpen({ closedUs, title }: Case): void {
  if (closedUs !== undefined) throw new OxbowError('case-closed', `The case "${title}" is closed.`);
}

function assertClosed({ closedUs, title }: Case): void {
  if (closedUs === undefined) throw new OxbowError('case-open', `The case "${title}" is open.`);
}

function rangeIn({ ranges }: Case, id: string): HeldRange {
  const range = ranges.find((each) => each.id === id);
  if (!range) throw new OxbowError('case-range-unknown', `The case has no range ${id.slice(0, 40)}.`);
  return range;
}

function summaryOf(file: CaseFile): Omit<CaseSummary, 'ranges'> {
  const { id, title, description, author, createdUs, closedUs } = file;
  return {
    id,
    title,
    description,
    state: closedUs === undefined ? 'open' : 'closed',
    createdBy: author,
    createdAt: timeOf(createdUs),
    closedAt: closedUs === undefined ? null : timeOf(closedUs),
  };
}

/** A note as JSON. */
export function noteView({ id, text, atUs, rangeId, author, createdUs }: StoredNote): CaseNote {
  const at = atUs === undefined ? null : timeOf(atUs);
  return { id, text, at, range: rangeId ?? null, author, createdAt: timeOf(createdUs) };
}

function printCursor({ createdUs, id }: CaseFile): string {
  return `${createdUs}.${id}`;
}

/** @throws OxbowError `bad-request` for an invalid cursor */
function readCursor(cursor: string): Pick<CaseFile, 'createdUs' | 'id'> {
  const [, at, id] = /^(\d{1,16})\.([\w-]{1,40})$/.exec(cursor) ?? [];
  if (at === undefined || id === undefined) throw new OxbowError('bad-request', 'The cursor is not one of this list.');
  return { createdUs: Number(at), id };
}
