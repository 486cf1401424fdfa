/**
 * DuckDB, where it is installed: a native module of 70 MB that oxbow does not bring along.
 * In: the folder of the files. Out: a connection that reads Parquet files below that folder only.
 */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { ChildSettings } from '../orders.ts';
import type { Cell } from '../question.ts';

/** The used part of `@duckdb/node-api`. */
interface DuckDbModule {
  readonly DuckDBInstance: {
    create(path: string, options: Readonly<Record<string, string>>): Promise<{ connect(): Promise<Connection> }>;
  };
}
interface Connection {
  run(sql: string): Promise<unknown>;
  runAndReadAll(sql: string): Promise<{ getRowsJson(): unknown[][] }>;
}

/** An open DuckDB. */
export interface DuckDb {
  readonly version: string;
  /** Runs a statement. Numbers of more than 32 bits are texts. */
  all(sql: string): Promise<Cell[][]>;
}

/** Opens it in memory. @throws Error if it is not installed */
export async function openDuckDb({ folder, duckdb, memoryMb, threads }: ChildSettings): Promise<DuckDb> {
  const from = duckdb === '' ? import.meta.url : pathToFileURL(join(duckdb, 'package.json'));
  const file = createRequire(from).resolve('@duckdb/node-api');
  const loaded = (await import(pathToFileURL(file).href)) as DuckDbModule & { readonly default?: DuckDbModule };
  const { DuckDBInstance } = loaded.DuckDBInstance ? loaded : loaded.default!;
  const instance = await DuckDBInstance.create(':memory:', {
    threads: String(threads),
    memory_limit: `${memoryMb}MB`,
    temp_directory: '',
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
  });
  const connection = await instance.connect();
  await connection.run(`SET allowed_directories = [${quote(`${folder}/`)}]`);
  await connection.run('SET enable_external_access = false');
  await connection.run('SET lock_configuration = true');
  const all = async (sql: string) => (await connection.runAndReadAll(sql)).getRowsJson() as Cell[][];
  const version = String((await all('SELECT version()'))[0]![0]);
  return { version, all };
}

/** A text in SQL. */
export const quote = (text: string): string => `'${text.replaceAll("'", "''")}'`;
