/**
 * Who is in a room now, with the last report of each connection's player.
 * In: connections, their reports. Out: counts, offsets that changed, round trips.
 */
import type { UserRef } from '../../../accounts/users/user.ts';
import type { ClientMessageOf } from '../../../api/room/messages.ts';
import type { Connection } from './connection.ts';

/** Offsets are sent in steps of this, so that small changes are no news. */
const OFFSET_STEP_MS = 5;

/** One connection, and what its player reported last. */
export interface ReportedConnection {
  readonly connection: Connection;
  offsetMs: number | null;
  buffering: boolean;
  roundTripMs: number | undefined;
  visible: boolean;
}

/** A person with one connection or more. */
export interface Participant {
  readonly user: UserRef;
  readonly connections: Map<Connection, ReportedConnection>;
}

/** An offset as it is sent: user id, ms or null, buffering. */
type Offset = readonly [user: string, offsetMs: number | null, buffering: boolean];

/** The people in a room. */
export class Participants {
  readonly #participants = new Map<string, Participant>();
  readonly #changed = new Set<string>();

  /** People, however many connections each has. */
  get size(): number {
    return this.#participants.size;
  }

  /** Everyone who is here. */
  get all(): Iterable<Participant> {
    return this.#participants.values();
  }

  /** A person; undefined: away. */
  find(user: string): Participant | undefined {
    return this.#participants.get(user);
  }

  /** Connections of a person. */
  count(user: string): number {
    return this.#participants.get(user)?.connections.size ?? 0;
  }

  /** A connection begins. */
  add(connection: Connection, visible: boolean): ReportedConnection {
    const { user } = connection;
    const participant = this.#participants.get(user.id) ?? {
      user,
      connections: new Map<Connection, ReportedConnection>(),
    };
    this.#participants.set(user.id, participant);
    const reported: ReportedConnection = {
      connection,
      offsetMs: null,
      buffering: false,
      roundTripMs: undefined,
      visible,
    };
    participant.connections.set(connection, reported);
    return reported;
  }

  /** A connection ended. Returns false if it had ended before. */
  remove(connection: Connection): boolean {
    const { id } = connection.user;
    const participant = this.#participants.get(id);
    if (!participant?.connections.delete(connection)) return false;
    if (participant.connections.size > 0) this.#changed.add(id);
    else {
      this.#participants.delete(id);
      this.#changed.delete(id);
    }
    return true;
  }

  /** A player reported. */
  report(reported: ReportedConnection, report: ClientMessageOf<'report'>): void {
    const { id } = reported.connection.user;
    const before = this.offsetOf(id);
    reported.offsetMs = report.offsetMs === null ? null : Math.round(report.offsetMs / OFFSET_STEP_MS) * OFFSET_STEP_MS;
    reported.buffering = report.buffering;
    if (report.roundTripMs !== undefined) reported.roundTripMs = report.roundTripMs;
    if (report.visible !== undefined) reported.visible = report.visible;
    const after = this.offsetOf(id);
    if (before[1] !== after[1] || before[2] !== after[2]) this.#changed.add(id);
  }

  /** The offset of a person: of the connection that can be seen, if there are several. */
  offsetOf(user: string): Offset {
    let best: ReportedConnection | undefined;
    for (const each of this.#participants.get(user)?.connections.values() ?? [])
      if (!best || (each.visible && !best.visible) || (each.visible === best.visible && best.offsetMs === null))
        best = each;
    return [user, best?.offsetMs ?? null, best?.buffering ?? false];
  }

  /** Offsets that changed since the last call. */
  takeOffsets(): readonly Offset[] {
    const offsets = [...this.#changed].map((user) => this.offsetOf(user));
    this.#changed.clear();
    return offsets;
  }

  /** Round trips that were measured, one of each person. */
  roundTrips(): readonly number[] {
    const trips: number[] = [];
    for (const { connections } of this.#participants.values()) {
      let best = Number.POSITIVE_INFINITY;
      for (const { roundTripMs } of connections.values())
        best = Math.min(best, roundTripMs ?? Number.POSITIVE_INFINITY);
      if (best !== Number.POSITIVE_INFINITY) trips.push(best);
    }
    return trips;
  }

  *connections(): Iterable<ReportedConnection> {
    for (const { connections } of this.#participants.values()) yield* connections.values();
  }
}
