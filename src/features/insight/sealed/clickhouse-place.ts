/**
 * Sealed rows in a table of ClickHouse, for installations that have it: over its HTTP interface, one
 * statement for each operation.
 * In: batches of rows. Out: rows with the id of their batch; batches that are not listed are not read.
 * https://clickhouse.com/docs/interfaces/http
 */
import { OxbowError, sentenceOf } from '../../../lib/errors.ts';
import type { Net } from '../../../net/net.ts';
import { numericAnswer } from './numeric-answer.ts';
import type { Answer, Cell, Question } from './question.ts';
import { sqlOf } from './question-sql.ts';
import type { SealedBatch } from './sealed-batch.ts';
import type { FoundBatch, PlaceOptions, SealedPlace, StoredBatch } from './sealed-place.ts';
import { type SealedRow, sealedColumns } from './sealed-row.ts';

const TABLE = 'oxbow_viewing';
/** Longest statement, ms. */
const DEADLINE_MS = 60_000;
/** Sessions of one question are a few hundred kilobytes. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;
/** The list of batches is in the statement. */
const MAX_QUERY_BYTES = 16 * 1024 * 1024;
const types = { text: 'LowCardinality(String)', number: 'Int32', long: 'Int64' } as const;
const names = sealedColumns.map(({ name }) => name).join(', ');

export interface ClickHouseOptions {
  /** Of the HTTP interface, such as `http://127.0.0.1:8123`. */
  readonly url: string;
  readonly database: string;
  readonly user: string;
  readonly password: () => Promise<string>;
  readonly net: Pick<Net, 'fetch'>;
}

/** The rows of a table. */
export class ClickHousePlace implements SealedPlace {
  readonly name = 'clickhouse';
  readonly target = '';
  readonly #options: ClickHouseOptions;
  #prepared: Promise<unknown> | undefined;

  constructor(options: ClickHouseOptions) {
    this.#options = options;
  }

  async insert(id: string, rows: readonly SealedRow[], options: PlaceOptions): Promise<StoredBatch> {
    await this.#prepare(options);
    const lines = rows.map((row) => JSON.stringify(Object.assign({ batch: id }, row)));
    await this.#send(`INSERT INTO ${TABLE} (batch, ${names}) FORMAT JSONEachRow\n${lines.join('\n')}\n`, options);
    return { rows: rows.length, bytes: 0 };
  }

  async remove({ id }: Pick<SealedBatch, 'id'>, options: PlaceOptions): Promise<void> {
    await this.#prepare(options);
    await this.#send(`DELETE FROM ${TABLE} WHERE batch = ${quote(id)}`, options);
  }

  async without(
    batch: SealedBatch,
    contents: readonly string[],
    id: string,
    options: PlaceOptions,
  ): Promise<StoredBatch | undefined> {
    const isErased = `(kind || ' ' || content) IN (${contents.map(quote).join(', ')})`;
    const [counts] = await this.#select(
      `SELECT COUNT(*), SUM(CASE WHEN ${isErased} THEN 1 ELSE 0 END) FROM ${TABLE} WHERE batch = ${quote(batch.id)}`,
      options,
    );
    const [all, erased] = [Number(counts?.[0]), Number(counts?.[1])];
    if (erased === 0) return undefined;
    await this.#send(
      `INSERT INTO ${TABLE} (batch, ${names}) SELECT ${quote(id)}, ${names} FROM ${TABLE}
       WHERE batch = ${quote(batch.id)} AND NOT (${isErased})`,
      options,
    );
    return { rows: all - erased, bytes: 0 };
  }

  async ask(question: Question, batches: readonly SealedBatch[], options: PlaceOptions): Promise<Answer> {
    if (batches.length === 0) return [];
    await this.#prepare(options);
    const ids = batches.map(({ id }) => quote(id)).join(', ');
    const source = `(SELECT * FROM ${TABLE} WHERE batch IN (${ids})) AS viewing`;
    return numericAnswer(question, await this.#select(sqlOf(question, { source, quote }), options));
  }

  async tidy(): Promise<void> {}

  /** None: a table that is shared may have rows of other servers. */
  async *find(): AsyncGenerator<FoundBatch> {}

  async check(options: PlaceOptions): Promise<string> {
    const [row] = await this.#select('SELECT version()', options);
    return `ClickHouse ${row?.[0]} answers`;
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  /** Creates the table, once. */
  #prepare(options: PlaceOptions): Promise<unknown> {
    const columns = sealedColumns.map(({ name, type, isNullable }) => {
      const column = name === 'session' ? 'String' : types[type];
      return `${name} ${isNullable ? `Nullable(${column})` : column}`;
    });
    this.#prepared ??= this.#send(
      `CREATE TABLE IF NOT EXISTS ${TABLE} (batch LowCardinality(String), ${columns.join(', ')})
       ENGINE = MergeTree ORDER BY (minute, kind, content, session)`,
      options,
    ).catch((error) => {
      this.#prepared = undefined;
      throw error;
    });
    return this.#prepared;
  }

  async #select(sql: string, options: PlaceOptions): Promise<Cell[][]> {
    const text = await this.#send(`${sql} FORMAT JSONCompact`, options);
    return (JSON.parse(text) as { readonly data: Cell[][] }).data;
  }

  async #send(sql: string, { signal }: PlaceOptions): Promise<string> {
    const { url, database, user, password, net } = this.#options;
    const address = new URL(url);
    address.searchParams.set('database', database);
    address.searchParams.set('max_query_size', String(MAX_QUERY_BYTES));
    address.searchParams.set('max_execution_time', String(DEADLINE_MS / 1000));
    using answer = await net.fetch(address, {
      signal,
      post: Buffer.from(sql),
      headers: {
        'content-type': 'text/plain; charset=utf-8',
        'x-clickhouse-user': user,
        'x-clickhouse-key': await password(),
      },
      maxBytes: MAX_ANSWER_BYTES,
      deadlineMs: DEADLINE_MS,
      idleMs: DEADLINE_MS,
      trusted: new URL(url),
    });
    const text = Buffer.from(await answer.body()).toString();
    if (answer.status === 200) return text;
    throw new OxbowError('not-ready', `ClickHouse answers ${answer.status}: ${sentenceOf(text.slice(0, 300).trim())}`);
  }
}

/** A text in SQL of ClickHouse, which knows escapes. */
function quote(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
