/**
 * Answers questions from rows in memory, for servers without DuckDB.
 * In: a question, one row after the other. Out: the answer, as question-sql.ts describes it. Pure.
 */
import { startupBucketOf } from '../viewing-row.ts';
import type { Answer, BegunQuestion, Cell, Question, SealedKey, SealedScope } from './question.ts';
import { contentName, LOOK_BACK_MINUTES, type SealedColumn, type SealedRow, sealedColumns } from './sealed-row.ts';

/** An answer that grows with each row. */
export interface GrowingAnswer {
  /** Columns that it needs. */
  readonly columns: readonly SealedColumn[];
  add(row: SealedRow): void;
  end(): Answer;
}

export function beginAnswer(question: Question): GrowingAnswer {
  switch (question.ask) {
    case 'sums': {
      const byWatched = (a: readonly Cell[], b: readonly Cell[]) =>
        Number(b[2]) - Number(a[2]) || compare(a[0]!, b[0]!);
      const figures = ['begins', 'watch_ms', 'bit_ms', 'kbits', 'stalls', 'stall_ms', 'errors', 'failed'] as const;
      return divide(question, figures, byWatched, (row) => [[], figures.map((name) => row[name])]);
    }
    case 'steps': {
      const { step } = question;
      return divide(question, ['watch_ms'], bySecond, ({ minute, watch_ms }) => [
        [Math.floor(minute / step) * step],
        [watch_ms],
      ]);
    }
    case 'startups':
      return divide(question, ['startup_ms'], bySecond, ({ startup_ms }) =>
        startup_ms === null ? undefined : [[startupBucketOf(startup_ms)], [1]],
      );
    case 'begun':
      return beginBegun(question);
    case 'sessions': {
      const ids = new Set(question.ids);
      const sums = new Map<string, Cell[]>();
      return {
        columns: sealedColumns.map(({ name }) => name),
        add(row) {
          if (ids.has(row.session) && row.minute >= question.from && row.minute < question.to) addSession(sums, row);
        },
        end: () => [...sums.values()],
      };
    }
  }
}

type Divided = Extract<Question, { readonly by?: SealedKey | undefined }>;

/** Sums by key. @param partOf the rest of the key, and the amounts of a row; undefined: it does not count */
function divide(
  question: Divided,
  figures: readonly SealedColumn[],
  order: (a: readonly Cell[], b: readonly Cell[]) => number,
  partOf: (row: SealedRow) => readonly [key: readonly Cell[], amounts: readonly number[]] | undefined,
): GrowingAnswer {
  const { scope, from, to, by } = question;
  const sums = new Map<string, Cell[]>();
  const only = by && 'keys' in question && question.keys ? new Set<Cell>(question.keys) : undefined;
  const keyColumns = by === 'content' ? (['kind', 'content'] as const) : by === undefined || by === 'hour' ? [] : [by];
  return {
    columns: [...new Set<SealedColumn>(['minute', ...scopeColumns(scope), ...keyColumns, ...figures])],
    add(row) {
      if (row.minute < from || row.minute >= to || !isIn(scope, row)) return;
      const key = keyOf(by, row);
      if (only && !only.has(key)) return;
      const part = partOf(row);
      if (part) addTo(sums, [key, ...part[0]], part[1]);
    },
    end: () => [...sums.values()].toSorted(order).slice(0, question.most),
  };
}

const scopeColumns = ({ kind, content, edge, country }: SealedScope) =>
  Object.entries({ kind, content, edge, country }).flatMap(([name, value]) =>
    value === undefined ? [] : [name as SealedColumn],
  );

function beginBegun({ scope, from, to, after, most }: BegunQuestion): GrowingAnswer {
  const first = new Map<string, { earliest: number; began: number }>();
  const isNext = ([minute, session]: readonly [number, string]) =>
    !after || minute > after[0] || (minute === after[0] && session > after[1]);
  return {
    columns: [...new Set<SealedColumn>(['minute', 'session', 'begins', ...scopeColumns(scope)])],
    add(row) {
      const { minute, session } = row;
      if (minute < from - LOOK_BACK_MINUTES || minute >= to) return;
      const began = row.begins === 1 && minute >= from && isIn(scope, row) ? minute : Number.POSITIVE_INFINITY;
      const known = first.get(session);
      if (known) {
        known.earliest = Math.min(known.earliest, minute);
        known.began = Math.min(known.began, began);
      } else {
        first.set(session, { earliest: minute, began });
      }
    },
    end() {
      const begun = [...first].flatMap(([session, { earliest, began }]) =>
        began === earliest ? [[began, session] as const] : [],
      );
      const inOrder = begun.toSorted((a, b) => a[0] - b[0] || compare(a[1], b[1]));
      return inOrder.filter(isNext).slice(0, most);
    },
  };
}

/** Adds a row to the sums of its session. */
function addSession(sums: Map<string, Cell[]>, row: SealedRow): void {
  const { session, minute, startup_ms, failed, edge, country, source } = row;
  const { watch_ms, live_ms, bit_ms, kbits, stalls, stall_ms, errors } = row;
  const figures = [watch_ms, live_ms, bit_ms, kbits, stalls, stall_ms, errors];
  const name = contentName(row);
  const sum = sums.get(session);
  if (!sum) {
    sums.set(session, [session, name, minute, minute, ...figures, failed, startup_ms, edge, country, source]);
    return;
  }
  sum[1] = least(sum[1]!, name);
  sum[2] = Math.min(Number(sum[2]), minute);
  sum[3] = Math.max(Number(sum[3]), minute);
  figures.forEach((figure, at) => {
    sum[4 + at] = Number(sum[4 + at]) + figure;
  });
  sum[11] = Math.max(Number(sum[11]), failed);
  sum[12] = sum[12] === null ? startup_ms : startup_ms === null ? sum[12]! : Math.min(Number(sum[12]), startup_ms);
  [edge, country, source].forEach((text, at) => {
    sum[13 + at] = most(sum[13 + at]!, text);
  });
}

function isIn({ kind, content, edge, country }: SealedScope, row: SealedRow): boolean {
  return (
    (kind === undefined || row.kind === kind) &&
    (content === undefined || row.content === content) &&
    (edge === undefined || row.edge === edge) &&
    (country === undefined || row.country === country)
  );
}

function keyOf(by: SealedKey | undefined, row: SealedRow): Cell {
  if (by === undefined) return null;
  if (by === 'content') return contentName(row);
  return by === 'hour' ? Math.floor(row.minute / 60) : row[by];
}

/** Adds amounts to the row with a key. */
function addTo(sums: Map<string, Cell[]>, key: readonly Cell[], amounts: readonly number[]): void {
  const name = key.join('\n');
  const sum = sums.get(name);
  if (!sum) {
    sums.set(name, [...key, ...amounts]);
    return;
  }
  amounts.forEach((amount, at) => {
    sum[key.length + at] = Number(sum[key.length + at]) + amount;
  });
}

const bySecond = (a: readonly Cell[], b: readonly Cell[]) => compare(a[1]!, b[1]!);
const compare = (a: string | number, b: string | number) => (a < b ? -1 : a > b ? 1 : 0);
const least = (a: Cell, b: string): Cell => (a !== null && a < b ? a : b);
const most = (a: Cell, b: string): Cell => (a !== null && a > b ? a : b);
