/**
 * Writes of rooms in a cluster: each statement writes only while this node owns the room. A node that was
 * paused, and whose rooms have another owner since then, changes nothing.
 * In: a database, the name of this node. Out: conditions and values of statements; the error of a write that
 * was refused. docs/decisions/0055.
 */
import type { ExpressionBuilder, Kysely } from 'kysely';
import { OxbowError } from '../../../lib/errors.ts';
import { engineOf, type Parameter, type RepeatedStatement } from '../../../store/engine.ts';
import type { Tables } from '../../../store/schema.ts';

/**
 * Fails with a division by zero unless all rooms of a list are those of this node, and holds them until the
 * end of the transaction. A condition in each row would double the time of a batch.
 */
const HOLD = `SELECT 1 / CASE WHEN count(*) = ? THEN 1 ELSE 0 END FROM (
  SELECT 1 FROM placement WHERE kind = 'room' AND key = ANY (string_to_array(?, ' ')) AND node = ? FOR SHARE) held`;
const DIVISION_BY_ZERO = '22012';

/** The condition of every write of a room. */
export class RoomGuard {
  /** Name of this node; empty without a cluster, where nothing is checked. */
  readonly node: string;
  readonly #locks: boolean;
  readonly #owns: string;

  constructor(db: Kysely<Tables>, node = '') {
    this.node = node;
    // Statements of other nodes run meanwhile: the room cannot be taken over before this one is stored.
    this.#locks = engineOf(db) === 'postgresql';
    const lock = this.#locks ? ' FOR SHARE' : '';
    this.#owns = `EXISTS (SELECT 1 FROM placement WHERE kind = 'room' AND key = ? AND node = ?${lock})`;
  }

  /** This node is one of a cluster. */
  get isOn(): boolean {
    return this.node !== '';
  }

  /** Values of an INSERT as SQL; `parameters` follow those of the row. */
  values(count: number): string {
    const row = Array.from({ length: count }, () => '?').join(', ');
    return this.isOn ? `SELECT ${row} WHERE ${this.#owns}` : `VALUES (${row})`;
  }

  /** An addition to a WHERE in SQL; `parameters` follow those before it. */
  get and(): string {
    return this.isOn ? ` AND ${this.#owns}` : '';
  }

  /** Parameters of the condition. */
  parameters(room: string): readonly Parameter[] {
    return this.isOn ? [room, this.node] : [];
  }

  /**
   * The first statement of a transaction that writes in several rooms, without a condition in each statement;
   * undefined: it is needed there.
   */
  hold(rooms: ReadonlySet<string>): RepeatedStatement | undefined {
    if (!this.isOn || !this.#locks) return undefined;
    return { sql: HOLD, rows: [[rooms.size, [...rooms].join(' '), this.node]] };
  }

  /** Whether `hold` has failed: some of the rooms are not those of this node. */
  isNotHeld(error: unknown): boolean {
    return (error as { readonly code?: unknown }).code === DIVISION_BY_ZERO;
  }

  /** The condition as an expression of Kysely. */
  owns(room: string) {
    return ({ and, exists, selectFrom }: ExpressionBuilder<Tables, keyof Tables>) => {
      if (!this.isOn) return and([]);
      const placement = selectFrom('placement').select('node').where('kind', '=', 'room').where('key', '=', room);
      const held = placement.where('node', '=', this.node);
      return exists(this.#locks ? held.forShare() : held);
    };
  }

  /** @throws OxbowError `room-moved` if a guarded statement changed nothing */
  check(room: string, hasChanged: boolean): void {
    if (this.isOn && !hasChanged) throw roomMoved(room);
  }
}

/** The error for a room that another node owns. */
export function roomMoved(id: string): OxbowError {
  return new OxbowError('room-moved', `The room ${id.slice(0, 80)} is on another node.`, {
    extra: { retryAfterSeconds: 1 },
  });
}

/** Whether an error says that another node owns the room. */
export function isRoomMoved(error: unknown): boolean {
  return error instanceof OxbowError && error.code === 'room-moved';
}
