/**
 * A stand-in for ClickHouse, written from its public description: the HTTP interface, and the few statements
 * that oxbow sends, on SQLite.
 * In: requests. Out: answers in the formats of ClickHouse: 64-bit numbers are texts. It shows that oxbow
 * keeps to the description, not that ClickHouse does.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { sealedColumns } from './sealed-row.ts';

export interface ClickHouseStandIn extends AsyncDisposable {
  readonly url: string;
  /** Rows in the table. */
  rows(): number;
  /** Further requests are answered with this status. */
  fail(status: number | undefined): void;
  /** Headers of the last request. */
  readonly headers: Readonly<Record<string, unknown>>;
}

/** Starts it on a free port. */
export async function startClickHouse(): Promise<ClickHouseStandIn> {
  const db = new DatabaseSync(':memory:');
  let failing: number | undefined;
  let headers = {};
  const server = createServer(async (request, response) => {
    headers = request.headers;
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece as Buffer);
    try {
      if (request.method !== 'POST') throw new Error('Code: 164. Only POST changes data');
      const text = failing === undefined ? run(db, Buffer.concat(pieces).toString()) : 'Code: 241. Memory limit';
      response.writeHead(failing ?? 200).end(text);
    } catch (error) {
      response.writeHead(500).end(String(error));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    rows: () => db.prepare('SELECT COUNT(*) AS n FROM oxbow_viewing').get()!.n as number,
    fail(status) {
      failing = status;
    },
    get headers() {
      return headers;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
      db.close();
    },
  };
}

function run(db: DatabaseSync, text: string): string {
  if (text.startsWith('CREATE TABLE')) {
    const columns = ['batch', ...sealedColumns.map(({ name }) => name)];
    const missing = columns.filter((name) => !new RegExp(`[(\\s]${name} [A-Z]`).test(text));
    if (missing.length > 0 || !/ENGINE = MergeTree ORDER BY \(/.test(text)) throw new Error(`Code: 62. ${missing}`);
    db.exec(`CREATE TABLE IF NOT EXISTS oxbow_viewing (${columns.join(', ')})`);
    return '';
  }
  const insert = /^INSERT INTO oxbow_viewing \(([^)]*)\) FORMAT JSONEachRow\n/.exec(text);
  if (insert) {
    const names = insert[1]!.split(', ');
    const statement = db.prepare(`INSERT INTO oxbow_viewing (${names}) VALUES (${names.map(() => '?')})`);
    for (const line of text.slice(insert[0].length).split('\n')) {
      if (line === '') continue;
      const row = JSON.parse(line) as Record<string, SQLInputValue>;
      const unknown = Object.keys(row).filter((name) => !names.includes(name));
      if (unknown.length > 0) throw new Error(`Code: 117. Unknown fields ${unknown}`);
      statement.run(...names.map((name) => row[name]!));
    }
    return '';
  }
  // Escapes are those of ClickHouse.
  const sql = text.replaceAll(/'((?:[^'\\]|\\.)*)'/g, (_, content: string) => {
    return `'${content.replaceAll(/\\(.)/g, '$1').replaceAll("'", "''")}'`;
  });
  const select = /^([\s\S]*) FORMAT JSONCompact$/.exec(sql);
  if (!select) {
    if (!/^(DELETE FROM|INSERT INTO) oxbow_viewing /.test(sql)) throw new Error('Code: 62. Syntax error');
    db.exec(sql);
    return '';
  }
  if (sql.startsWith('SELECT version()')) return JSON.stringify({ data: [['25.8.1.1']] });
  const statement = db.prepare(select[1]!);
  statement.setReturnArrays(true);
  const data = (statement.all() as unknown as unknown[][]).map((row) =>
    row.map((cell) => (typeof cell === 'number' ? String(cell) : cell)),
  );
  return JSON.stringify({ meta: [], data, rows: data.length });
}
