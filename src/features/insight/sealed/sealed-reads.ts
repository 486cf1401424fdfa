/**
 * Queries of viewing over both: the rows of the database, and sealed ones. The same methods as ViewingReads.
 * In: numbers of content, ranges. Out: rows, added up. Sums by hour and by position are in the database only.
 */
import { MOST_KEYS } from '../../../api/insight/insight-shapes.ts';
import type {
  BegunSession,
  GroupBy,
  Scoped,
  SessionSums,
  Span,
  StartupSum,
  StepSum,
  ViewingReads,
  ViewingSums,
} from '../../../store/reading/viewing-reads.ts';
import type { Contents } from '../contents.ts';
import type { Answer, Cell, Question, SealedScope } from './question.ts';
import type { SealedBatch } from './sealed-batch.ts';
import type { SealedPlace } from './sealed-place.ts';
import { LONGEST_SESSION_MINUTES, LOOK_BACK_MINUTES } from './sealed-row.ts';
import type { SealedTable } from './sealed-table.ts';

/** The queries that ServedInsight makes. */
export type ViewingQueries = Pick<ViewingReads, keyof ViewingReads>;

/** While hours are being sealed, an answer is put together again at most so often. */
const TRIES = 4;
/** Sessions of one question. */
const SESSIONS_AT_A_TIME = 2000;
/** Of a search for sessions that began, minutes; each further piece is four times as long. */
const FIRST_PIECE_MINUTES = 60;
const MOST_STEPS = 50_000;
const MOST_STARTUPS = 250_000;
/** Longest answer of a place, ms. */
const ANSWER_MS = 30_000;

interface SealedReadsParts {
  readonly reads: ViewingReads;
  readonly table: SealedTable;
  readonly place: SealedPlace;
  readonly contents: Contents;
}

type Key = string | number | null;

/** The queries. */
export class SealedReads implements ViewingQueries {
  readonly #parts: SealedReadsParts;

  constructor(parts: SealedReadsParts) {
    this.#parts = parts;
  }

  async sums(scope: Scoped, span: Span, by: GroupBy | undefined, most = MOST_KEYS): Promise<ViewingSums[]> {
    const { reads } = this.#parts;
    const question = async () => ({ ask: 'sums', ...(await this.#rangeOf(scope, span, by)), most }) as const;
    return await this.#both(
      span,
      () => reads.sums(scope, span, by, most),
      question,
      async (stored, answer) => {
        const all = new Map<Key, ViewingSums>(stored.map((sum) => [sum.key, sum]));
        for (const [key, row] of await this.#keyed(answer, by)) {
          const [, sessions, watchMs, bitMs, kbits, stalls, stallMs, errors, failed] = row.map(Number) as number[];
          const sum = { key, sessions, watchMs, bitMs, kbits, stalls, stallMs, errors, failed } as ViewingSums;
          all.set(key, addSums(all.get(key), sum));
        }
        return [...all.values()].toSorted((a, b) => b.watchMs - a.watchMs).slice(0, most);
      },
    );
  }

  async steps(scope: Scoped, span: Span, step: number, by?: GroupBy, only?: readonly (string | number)[]) {
    const { reads } = this.#parts;
    if (only?.length === 0) return [];
    const question = async () => {
      const [range, keys] = [await this.#rangeOf(scope, span, by), await this.#sealedKeys(by, only)];
      return { ask: 'steps', ...range, step, keys, most: MOST_STEPS } as const;
    };
    return await this.#both(
      span,
      () => reads.steps(scope, span, step, by, only),
      question,
      async (stored, answer) => {
        const all = new Map<string, StepSum>(stored.map((sum) => [`${sum.key} ${sum.at}`, sum]));
        for (const [key, [, at, watchMs]] of await this.#keyed(answer, by)) {
          const name = `${key} ${at}`;
          const before = all.get(name)?.watchMs ?? 0;
          all.set(name, { key, at: Number(at), watchMs: before + Number(watchMs) });
        }
        return [...all.values()].toSorted((a, b) => a.at - b.at);
      },
    );
  }

  async startups(scope: Scoped, span: Span, by?: GroupBy, only?: readonly (string | number)[]) {
    const { reads } = this.#parts;
    if (only?.length === 0) return [];
    const question = async () => {
      const [range, keys] = [await this.#rangeOf(scope, span, by), await this.#sealedKeys(by, only)];
      return { ask: 'startups', ...range, keys, most: MOST_STARTUPS } as const;
    };
    return await this.#both(
      span,
      () => reads.startups(scope, span, by, only),
      question,
      async (stored, answer) => {
        const all = new Map<string, StartupSum>(stored.map((sum) => [`${sum.key} ${sum.bucket}`, sum]));
        for (const [key, [, bucket, amount]] of await this.#keyed(answer, by)) {
          const name = `${key} ${bucket}`;
          const before = all.get(name)?.amount ?? 0;
          all.set(name, { key, bucket: Number(bucket), amount: before + Number(amount) });
        }
        return [...all.values()].toSorted((a, b) => a.bucket - b.bucket);
      },
    );
  }

  async begun(scope: Scoped, span: Span, limit: number, after: readonly [minute: number, session: string] | undefined) {
    const begun: BegunSession[] = [];
    let from = after ? Math.max(span.from, after[0]) : span.from;
    for (let length = FIRST_PIECE_MINUTES; from < span.to && begun.length < limit; length *= 4) {
      const piece = { table: span.table, from, to: Math.min(span.to, from + length) };
      begun.push(...(await this.#begunIn(scope, piece, limit - begun.length, after)));
      from = piece.to;
    }
    return begun;
  }

  async sessions(begun: readonly BegunSession[]): Promise<Map<string, SessionSums>> {
    const all = new Map<string, SessionSums>();
    for (let at = 0; at < begun.length; at += SESSIONS_AT_A_TIME) {
      const some = begun.slice(at, at + SESSIONS_AT_A_TIME);
      for (const [id, sums] of await this.#sessions(some)) all.set(id, sums);
    }
    return all;
  }

  positions(...query: Parameters<ViewingReads['positions']>) {
    return this.#parts.reads.positions(...query);
  }

  elsewhere(...query: Parameters<ViewingReads['elsewhere']>) {
    return this.#parts.reads.elsewhere(...query);
  }

  contents(...query: Parameters<ViewingReads['contents']>) {
    return this.#parts.reads.contents(...query);
  }

  names(...query: Parameters<ViewingReads['names']>) {
    return this.#parts.reads.names(...query);
  }

  async #begunIn(scope: Scoped, span: Span, limit: number, after: readonly [number, string] | undefined) {
    const { reads } = this.#parts;
    const question = async () =>
      ({ ask: 'begun', ...(await this.#rangeOf(scope, span, undefined)), after, most: limit }) as const;
    const early = { ...span, from: span.from - LOOK_BACK_MINUTES };
    return await this.#both(
      early,
      () => reads.begun(scope, span, limit, after),
      question,
      async (stored, answer) => {
        const all = new Map<string, BegunSession>();
        for (const [minute, session] of answer)
          all.set(String(session), { minute: Number(minute), session: String(session) });
        // A session that came from another node may have begun in a sealed hour.
        for (const each of stored) if (!all.has(each.session)) all.set(each.session, each);
        const inOrder = [...all.values()].toSorted(
          (a, b) => a.minute - b.minute || (a.session < b.session ? -1 : a.session > b.session ? 1 : 0),
        );
        return inOrder.slice(0, limit);
      },
    );
  }

  async #sessions(begun: readonly BegunSession[]): Promise<Map<string, SessionSums>> {
    const { reads } = this.#parts;
    const minutes = begun.map(({ minute }) => minute);
    // Also what came before: a session that moved to this node began elsewhere.
    const from = Math.min(...minutes) - LONGEST_SESSION_MINUTES;
    const to = Math.max(...minutes) + LONGEST_SESSION_MINUTES;
    const ids = begun.map(({ session }) => session);
    return await this.#both(
      { table: 'viewing_minute', from, to },
      () => reads.sessions(begun),
      async () => ({ ask: 'sessions', ids, from, to }) as const,
      async (stored, answer) => {
        const keys = await this.#keysOf(answer.map((row) => String(row[1])));
        for (const row of answer) {
          const content = keys.get(String(row[1]));
          if (content === undefined) continue; // it was deleted meanwhile
          const sums = sessionOf(row, content);
          const before = stored.get(sums.session);
          stored.set(sums.session, before ? addSessions(before, sums) : sums);
        }
        return stored;
      },
    );
  }

  /** Adds what is sealed to what is stored. Hours that are sealed in between count once. */
  async #both<T>(
    span: Span,
    read: () => Promise<T>,
    question: () => Promise<Question | undefined>,
    add: (stored: T, answer: Answer) => Promise<T>,
  ): Promise<T> {
    const { table, place } = this.#parts;
    if (span.table !== 'viewing_minute') return await read();
    const list = async () => {
      const batches = await table.list('sealed', [span.from, span.to]);
      return batches.filter((batch) => batch.place === place.name);
    };
    let batches = await list();
    for (let tries = 1; ; tries++) {
      const stored = await read();
      const after = await list();
      if (!isSame(batches, after) && tries < TRIES) {
        batches = after;
        continue;
      }
      if (after.length === 0) return stored;
      const asked = await question();
      if (!asked) return stored;
      try {
        return await add(stored, await place.ask(asked, after, { signal: AbortSignal.timeout(ANSWER_MS) }));
      } catch (error) {
        // A file was removed since it was listed: by the deletion of a stream, or by retention.
        const now = await list();
        if (isSame(after, now) || tries >= TRIES) throw error;
        batches = now;
      }
    }
  }

  async #rangeOf({ content, kind, edge, country }: Scoped, { from, to }: Span, by: GroupBy | undefined) {
    const scope: SealedScope = { kind, edge, country, ...(content !== undefined && (await this.#contentOf(content))) };
    return { scope, from, to, by };
  }

  async #contentOf(key: number): Promise<SealedScope> {
    const content = (await this.#parts.reads.contents([key])).get(key);
    return { kind: content?.kind ?? '', content: content?.id ?? '' };
  }

  /** Keys of the database as those of sealed rows. */
  async #sealedKeys(by: GroupBy | undefined, keys: readonly (string | number)[] | undefined) {
    if (by !== 'content' || !keys) return keys;
    const contents = await this.#parts.reads.contents(keys.map(Number));
    return [...contents.values()].map(({ kind, id }) => `${kind} ${id}`);
  }

  /** Rows with the keys of the database; those of content that was deleted are left out. */
  async #keyed(answer: Answer, by: GroupBy | undefined): Promise<(readonly [Key, readonly Cell[]])[]> {
    if (by !== 'content') return answer.map((row) => [row[0]!, row] as const);
    const keys = await this.#keysOf(answer.map((row) => String(row[0])));
    return answer.flatMap((row) => {
      const key = keys.get(String(row[0]));
      return key === undefined ? [] : [[key, row] as const];
    });
  }

  async #keysOf(names: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const keys = new Map<string, number>();
    for (const name of new Set(names)) {
      const at = name.indexOf(' ');
      const kind = name.slice(0, at) === 'asset' ? 'asset' : 'stream';
      const key = await this.#parts.contents.find({ kind, id: name.slice(at + 1) });
      if (key !== undefined) keys.set(name, key);
    }
    return keys;
  }
}

function isSame(a: readonly SealedBatch[], b: readonly SealedBatch[]): boolean {
  return a.length === b.length && a.every(({ id }, at) => id === b[at]!.id);
}

function addSums(a: ViewingSums | undefined, b: ViewingSums): ViewingSums {
  if (!a) return b;
  const names = ['sessions', 'watchMs', 'bitMs', 'kbits', 'stalls', 'stallMs', 'errors', 'failed'] as const;
  const sums = Object.fromEntries(names.map((name) => [name, Number(a[name]) + b[name]]));
  return Object.assign(sums, { key: a.key }) as unknown as ViewingSums;
}

function sessionOf(row: readonly Cell[], content: number): SessionSums {
  const [session, , ...cells] = row;
  const texts = cells.slice(11).map(String);
  const [firstMinute, lastMinute, watchMs, liveMs, bitMs, kbits, stalls, stallMs, errors, failed] = cells
    .slice(0, 10)
    .map(Number) as [number, number, number, number, number, number, number, number, number, number];
  const [edge, country, source] = texts as [string, string, string];
  return {
    session: String(session),
    content,
    firstMinute,
    lastMinute,
    watchMs,
    liveMs,
    bitMs,
    kbits,
    stalls,
    stallMs,
    errors,
    failed,
    startupMs: cells[10] === null ? null : Number(cells[10]),
    edge,
    country,
    source,
  };
}

/** A session that is in both. */
function addSessions(a: SessionSums, b: SessionSums): SessionSums {
  const startups = [a.startupMs, b.startupMs].filter((ms) => ms !== null);
  return {
    session: a.session,
    content: Math.min(a.content, b.content),
    firstMinute: Math.min(a.firstMinute, b.firstMinute),
    lastMinute: Math.max(a.lastMinute, b.lastMinute),
    watchMs: a.watchMs + b.watchMs,
    liveMs: a.liveMs + b.liveMs,
    bitMs: a.bitMs + b.bitMs,
    kbits: a.kbits + b.kbits,
    stalls: a.stalls + b.stalls,
    stallMs: a.stallMs + b.stallMs,
    errors: a.errors + b.errors,
    failed: Math.max(a.failed, b.failed),
    startupMs: startups.length === 0 ? null : Math.min(...startups),
    edge: a.edge > b.edge ? a.edge : b.edge,
    country: a.country > b.country ? a.country : b.country,
    source: a.source > b.source ? a.source : b.source,
  };
}
