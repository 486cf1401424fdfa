/**
 * The rows of a SyncTV database (v0.9.15, SQLite, as its models write them), parsed.
 * In: rows as they are. Out: typed rows for convert.ts. Pure; rows that cannot be used have a reason.
 */

/** A row as it is in the database. */
export type Row = Readonly<Record<string, unknown>>;

/** Role of a SyncTV account (`users.role`). */
export const userRoles = { banned: 1, pending: 2, user: 3, admin: 4, root: 5 } as const;
/** Status of a room (`rooms.status`). */
export const roomStatus = { banned: 1, pending: 2, active: 3 } as const;
/** Status of a member (`room_members.status`). */
export const memberStatus = { banned: 1, pending: 2, active: 3 } as const;
/** Role of a member (`room_members.role`). */
export const memberRoles = { member: 1, admin: 2, creator: 3 } as const;
/** The account that all guests of SyncTV share. */
export const GUEST_ID = '00000000000000000000000000000001';

/** Something that was not imported, or not as it was. */
export interface LeftOut {
  readonly kind: 'user' | 'room' | 'member' | 'entry';
  readonly name: string;
  /** Name of the room of an entry. */
  readonly room?: string;
  readonly reason: string;
}

/** The text of a column; empty if it is null or of another type. */
export function textOf(row: Row, column: string): string {
  const value = row[column];
  if (typeof value === 'string') return value;
  return value instanceof Uint8Array ? new TextDecoder().decode(value) : '';
}

/** The number of a column; 0 if it is null or of another type. */
export function numberOf(row: Row, column: string): number {
  const value = row[column];
  return typeof value === 'number' && Number.isFinite(value) ? value : 0;
}

/** A flag; `fallback` if the column is null. */
export function flagOf(row: Row, column: string, fallback = false): boolean {
  const value = row[column];
  return typeof value === 'number' ? value !== 0 : fallback;
}

/** The JSON of a column; undefined if it is empty or invalid. */
export function jsonOf(row: Row, column: string): unknown {
  try {
    return JSON.parse(textOf(row, column));
  } catch {
    return undefined;
  }
}

/**
 * A time as SyncTV's library writes it, `2024-05-01 10:20:30.123456789+08:00`.
 *
 * @returns unix ms; `fallbackMs` if the column has no time
 */
export function timeOf(row: Row, column: string, fallbackMs: number): number {
  // More than three digits of a second are not in the format of Date.
  const ms = Date.parse(
    textOf(row, column)
      .replace(' ', 'T')
      .replace(/(\.\d{3})\d+/, '$1'),
  );
  return Number.isNaN(ms) ? fallbackMs : ms;
}
