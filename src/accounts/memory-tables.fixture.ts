/**
 * Accounts kept in memory, for tests.
 * In: nothing. Out: AccountTables. Two accesses that are opened one after the other can share them, as after a restart.
 */
import type { AccountTables } from './account-tables.ts';
import type { Rows } from './secret-table.ts';

/** Empty tables. */
export function memoryTables(): AccountTables {
  return {
    sessions: memoryRows(({ id }) => id),
    tokens: memoryRows(({ id }) => id),
    publishKeys: memoryRows(({ id }) => id),
    epochs: memoryRows(({ stream }) => stream),
    users: memoryRows(({ id }) => id),
    invitations: memoryRows(({ id }) => id),
  };
}

function memoryRows<R>(keyOf: (row: R) => string): Rows<R> {
  const rows = new Map<string, R>();
  return {
    all: async () => [...rows.values()],
    put: async (row) => void rows.set(keyOf(row), row),
    remove: async (key) => void rows.delete(key),
  };
}
