/**
 * Questions as SQL that DuckDB and ClickHouse both understand.
 * In: a question, where the rows are, how texts are quoted. Out: one statement whose columns are those of the
 * answer. Pure.
 */
import { LEAST_STARTUP_MS, STARTUP_BASE } from '../viewing-row.ts';
import type { Question, SealedKey, SealedScope } from './question.ts';
import { LOOK_BACK_MINUTES } from './sealed-row.ts';

/** What differs between the engines. */
export interface Dialect {
  /** The table, or a function that reads files. */
  readonly source: string;
  /** Quotes a text. */
  quote(text: string): string;
}

/** Column names of the rows are never names of results: ClickHouse would take one for the other. */
const keys: Readonly<Record<SealedKey, string>> = {
  content: "kind || ' ' || content",
  edge: 'edge',
  country: 'country',
  hour: 'CAST(floor(minute / 60.0) AS BIGINT)',
};
const FIGURES = 'SUM(watch_ms), SUM(bit_ms), SUM(kbits), SUM(stalls), SUM(stall_ms), SUM(errors), SUM(failed)';

/** The statement of a question. */
export function sqlOf(question: Question, dialect: Dialect): string {
  const { source } = dialect;
  const most = 'most' in question ? `LIMIT ${whole(question.most)}` : '';
  switch (question.ask) {
    case 'sums': {
      const key = keyOf(question.by);
      const group = question.by ? `GROUP BY ${key} ORDER BY SUM(watch_ms) DESC, ${key} ${most}` : 'HAVING COUNT(*) > 0';
      return `SELECT ${key}, SUM(begins), ${FIGURES} FROM ${source} WHERE ${whereOf(question, dialect)} ${group}`;
    }
    case 'steps': {
      const step = whole(question.step);
      const at = `CAST(floor(minute / ${step}.0) AS BIGINT) * ${step}`;
      const group = question.by ? `${keyOf(question.by)}, ${at}` : at;
      return `SELECT ${keyOf(question.by)}, ${at}, SUM(watch_ms) FROM ${source}
        WHERE ${whereOf(question, dialect)}${onlyKeys(question, dialect)} GROUP BY ${group} ORDER BY ${at} ${most}`;
    }
    case 'startups': {
      const bucket = `CAST(CASE WHEN startup_ms <= ${LEAST_STARTUP_MS} THEN 0
        ELSE ceil(ln(startup_ms / ${LEAST_STARTUP_MS}.0) / ln(${STARTUP_BASE})) END AS BIGINT)`;
      const group = question.by ? `${keyOf(question.by)}, ${bucket}` : bucket;
      return `SELECT ${keyOf(question.by)}, ${bucket}, COUNT(*) FROM ${source}
        WHERE ${whereOf(question, dialect)}${onlyKeys(question, dialect)} AND startup_ms IS NOT NULL
        GROUP BY ${group} ORDER BY ${bucket} ${most}`;
    }
    case 'begun': {
      const { from, to, scope, after } = question;
      const isFirst = ['begins = 1', `minute >= ${whole(from)}`, ...conditionsOf(scope, dialect)].join(' AND ');
      const session = after && dialect.quote(after[1]);
      const next = after
        ? ` AND (began > ${whole(after[0])} OR (began = ${whole(after[0])} AND session > ${session}))`
        : '';
      return `SELECT began, session FROM (
          SELECT session, MIN(CASE WHEN ${isFirst} THEN minute END) AS began, MIN(minute) AS earliest FROM ${source}
          WHERE minute >= ${whole(from) - LOOK_BACK_MINUTES} AND minute < ${whole(to)} GROUP BY session) AS first
        WHERE began = earliest${next} ORDER BY began, session ${most}`;
    }
    case 'sessions': {
      const { from, to, ids } = question;
      const some = ids.map((id) => dialect.quote(id)).join(', ');
      return `SELECT session, MIN(${keys.content}), MIN(minute), MAX(minute), SUM(watch_ms), SUM(live_ms), SUM(bit_ms),
          SUM(kbits), SUM(stalls), SUM(stall_ms), SUM(errors), MAX(failed), MIN(startup_ms), MAX(edge), MAX(country),
          MAX(source)
        FROM ${source} WHERE minute >= ${whole(from)} AND minute < ${whole(to)} AND session IN (${some})
        GROUP BY session`;
    }
  }
}

const keyOf = (by: SealedKey | undefined) => (by ? keys[by] : 'NULL');

/** A number of ours in a statement. */
function whole(value: number): number {
  if (!Number.isSafeInteger(value)) throw new RangeError(`${value} is not a whole number`);
  return value;
}

function conditionsOf({ kind, content, edge, country }: SealedScope, { quote }: Dialect): string[] {
  return Object.entries({ kind, content, edge, country }).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name} = ${quote(value)}`],
  );
}

function whereOf(
  { scope, from, to }: { readonly scope: SealedScope; readonly from: number; readonly to: number },
  dialect: Dialect,
): string {
  return [`minute >= ${whole(from)}`, `minute < ${whole(to)}`, ...conditionsOf(scope, dialect)].join(' AND ');
}

function onlyKeys(
  { by, keys: some }: { readonly by?: SealedKey | undefined; readonly keys?: readonly (string | number)[] | undefined },
  { quote }: Dialect,
): string {
  if (!by || !some) return '';
  const list = some.map((key) => (typeof key === 'number' ? whole(key) : quote(key)));
  return ` AND (${keys[by]}) IN (${list.join(', ')})`;
}
