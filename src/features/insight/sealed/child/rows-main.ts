/**
 * The child process of sealed hours: writes Parquet files, and answers questions about them, with DuckDB if
 * it is installed and in JavaScript otherwise.
 * In: lines of `Order` on stdin, ChildSettings as the argument. Out: a line of `Reply` for each, in order. It
 * ends with its stdin.
 */
import { createInterface } from 'node:readline';
import { messageOf, OxbowError } from '../../../../lib/errors.ts';
import { systemFiles } from '../../../../lib/files/files.ts';
import { numericAnswer } from '../numeric-answer.ts';
import type { ChildSettings, Described, Engine, Order, Printed, Replies, Reply } from '../orders.ts';
import { parseParquet, printParquet } from '../parquet-file.ts';
import type { Answer, Question } from '../question.ts';
import { beginAnswer } from '../question-rows.ts';
import { sqlOf } from '../question-sql.ts';
import { contentName, type SealedRow } from '../sealed-row.ts';
import { type DuckDb, openDuckDb, quote } from './duckdb.ts';

const settings = JSON.parse(process.argv[2]!) as ChildSettings;
let opening: Promise<{ readonly duckdb?: DuckDb; readonly reason: string }> | undefined;

/** DuckDB, looked for once. */
function findDuckDb(): NonNullable<typeof opening> {
  opening ??= openDuckDb(settings).then(
    (duckdb) => ({ duckdb, reason: '' }),
    (error) => ({ reason: messageOf(error).split('\n')[0]! }),
  );
  return opening;
}

async function readRows(file: string): Promise<readonly SealedRow[]> {
  return await parseParquet(await systemFiles.readFile(file));
}

const printed = (rows: readonly SealedRow[], isChanged: boolean): Printed => ({
  rows: rows.length,
  bytes: rows.length === 0 ? '' : Buffer.from(printParquet(rows)).toString('base64'),
  isChanged,
});

async function describe(file: string): Promise<Described> {
  const rows = await readRows(file);
  const contents = new Map(rows.map((row) => [contentName(row), { kind: row.kind, id: row.content }]));
  const minutes = rows.map(({ minute }) => minute);
  const [firstMinute, lastMinute] = [Math.min, Math.max].map((pick) => minutes.reduce((a, b) => pick(a, b)));
  return { rows: rows.length, firstMinute: firstMinute!, lastMinute: lastMinute!, contents: [...contents.values()] };
}

async function ask(question: Question, files: readonly string[]): Promise<Answer> {
  const { duckdb } = await findDuckDb();
  if (duckdb) {
    const source = `read_parquet([${files.map(quote).join(', ')}])`;
    return numericAnswer(question, await duckdb.all(sqlOf(question, { source, quote })));
  }
  const answer = beginAnswer(question);
  const ids = question.ask === 'sessions' ? new Set(question.ids) : undefined;
  let count = 0;
  for (const file of files) {
    const bytes = await systemFiles.readFile(file);
    // Most files have none of the sessions.
    const some = ids ? await parseParquet(bytes, ['session']) : undefined;
    const isNeeded = !some || some.some(({ session }) => ids!.has(session));
    const rows = isNeeded ? await parseParquet(bytes, answer.columns) : [];
    count += some?.length ?? rows.length;
    if (count > settings.mostRows) {
      throw new OxbowError('needs-duckdb', `This range has more than ${settings.mostRows} rows of sealed hours.`);
    }
    for (const row of rows) answer.add(row);
  }
  return answer.end();
}

async function obey(order: Order): Promise<Replies[keyof Replies]> {
  switch (order.order) {
    case 'print':
      return printed(order.rows, false);
    case 'without': {
      const rows = await readRows(order.file);
      const left = rows.filter((row) => !order.contents.includes(contentName(row)));
      return left.length === rows.length ? { rows: rows.length, bytes: '', isChanged: false } : printed(left, true);
    }
    case 'describe':
      return await describe(order.file);
    case 'ask':
      return await ask(order.question, order.files);
    case 'engine': {
      const { duckdb, reason } = await findDuckDb();
      return { duckdb: duckdb?.version ?? null, reason } satisfies Engine;
    }
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const reply: Reply = await obey(JSON.parse(line) as Order).then(
    (reply) => ({ reply }),
    (error) => ({ error: { message: messageOf(error), code: error instanceof OxbowError ? error.code : undefined } }),
  );
  process.stdout.write(`${JSON.stringify(reply)}\n`);
}
