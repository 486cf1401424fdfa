/**
 * The seal of a database: what encrypts the secrets of its rows. Repositories find it by the database.
 * In: the box of the server, given once after the database was opened. Out: sealed texts; texts as they are
 * where there is no seal: in commands that need no secret, and in tests.
 */
import type { Kysely } from 'kysely';
import { type EngineAdapter, engineAdapterOf } from '../engine.ts';

/** Encrypts texts so that only this server, or this cluster, reads them again. */
export interface TextSeal {
  /** The sealed text; the same text gives the same result. */
  seal(text: string): string;
  /** The text; undefined if another key sealed it. */
  open(sealed: string): string | undefined;
  /** A code of a text that only this server can compute. */
  mark(text: string): string;
}

const seals = new WeakMap<EngineAdapter, TextSeal>();

/** From now on the secrets of rows are sealed, also in transactions. @param seal undefined: none */
export function useSeal<T>(db: Kysely<T>, seal: TextSeal | undefined): void {
  if (seal) seals.set(engineAdapterOf(db), seal);
  else seals.delete(engineAdapterOf(db));
}

/** The seal of a database or of a transaction of it; undefined: there is none. */
export function sealOf<T>(db: Kysely<T>): TextSeal | undefined {
  return seals.get(engineAdapterOf(db));
}
