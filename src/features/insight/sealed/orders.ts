/**
 * Orders to the child process of sealed hours, and its answers: one JSON text for each line.
 * In: rows-child.ts. Out: child/rows-main.ts. Types only.
 */
import type { Answer, Question } from './question.ts';
import type { SealedRow } from './sealed-row.ts';

/** Rows become a file. Answer: `Printed`. */
interface PrintOrder {
  readonly order: 'print';
  readonly rows: readonly SealedRow[];
}

/** A file without the rows of some content. Answer: `Printed`, without bytes if no row is left. */
interface WithoutOrder {
  readonly order: 'without';
  /** Absolute path. */
  readonly file: string;
  /** As `contentName`. */
  readonly contents: readonly string[];
}

/** Facts of a file, for one that the database does not know. Answer: `Described`. */
interface DescribeOrder {
  readonly order: 'describe';
  readonly file: string;
}

/** A question about files. Answer: `Answer`. */
interface AskOrder {
  readonly order: 'ask';
  readonly question: Question;
  readonly files: readonly string[];
}

/** Which engine answers. Answer: `Engine`. */
interface EngineOrder {
  readonly order: 'engine';
}

export type Order = PrintOrder | WithoutOrder | DescribeOrder | AskOrder | EngineOrder;

export interface Printed {
  readonly rows: number;
  /** The file, base64. */
  readonly bytes: string;
  /** Whether rows were left out. */
  readonly isChanged: boolean;
}

export interface Described {
  readonly rows: number;
  /** Minutes since 1970. */
  readonly firstMinute: number;
  readonly lastMinute: number;
  readonly contents: readonly { readonly kind: string; readonly id: string }[];
}

export interface Engine {
  /** Version of DuckDB; null: rows are read in JavaScript. */
  readonly duckdb: string | null;
  /** Why DuckDB is not used. */
  readonly reason: string;
}

/** What each order is answered with. */
export interface Replies {
  readonly print: Printed;
  readonly without: Printed;
  readonly describe: Described;
  readonly ask: Answer;
  readonly engine: Engine;
}

/** A line of the child. `code`: of an OxbowError. */
export type Reply =
  | { readonly reply: Replies[keyof Replies] }
  | { readonly error: { readonly message: string; readonly code?: string | undefined } };

/** What the child is started with, as its one argument. */
export interface ChildSettings {
  /** Folder of the files: DuckDB reads no others. */
  readonly folder: string;
  /** Folder that has node_modules/@duckdb/node-api; empty: where oxbow is installed. */
  readonly duckdb: string;
  /** Most memory of DuckDB, MiB. */
  readonly memoryMb: number;
  readonly threads: number;
  /** Most rows that are read without DuckDB. */
  readonly mostRows: number;
}
