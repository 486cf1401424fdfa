/**
 * Who is in a room now, with the last report of each connection's player.
 * In: connections, their reports. Out: counts, offsets that changed, round trips.
 */
import type { UserRef } from '../accounts/users/user.ts';
import type { ClientMessageOf } from '../api/room/messages.ts';
import type { Peer } from './peer.ts';

/** Offsets are sent in steps of this, so that small changes are no news. */
const OFFSET_STEP_MS = 5;

/** One connection. */
export interface PresentPeer {
  readonly peer: Peer;
  offsetMs: number | null;
  buffering: boolean;
  roundTripMs: number | undefined;
  visible: boolean;
}

/** A person with one connection or more. */
export interface PresentUser {
  readonly user: UserRef;
  readonly peers: Map<Peer, PresentPeer>;
}

/** An offset as it is sent: user id, ms or null, buffering. */
export type Offset = readonly [user: string, offsetMs: number | null, buffering: boolean];

/** The people in a room. */
export class Presence {
  readonly #users = new Map<string, PresentUser>();
  readonly #changed = new Set<string>();

  /** People, however many connections each has. */
  get size(): number {
    return this.#users.size;
  }

  /** Everyone who is here. */
  get users(): Iterable<PresentUser> {
    return this.#users.values();
  }

  /** A person; undefined: away. */
  find(user: string): PresentUser | undefined {
    return this.#users.get(user);
  }

  /** Connections of a person. */
  count(user: string): number {
    return this.#users.get(user)?.peers.size ?? 0;
  }

  /** A connection begins. */
  add(peer: Peer, visible: boolean): PresentPeer {
    const { user } = peer;
    const present = this.#users.get(user.id) ?? { user, peers: new Map<Peer, PresentPeer>() };
    this.#users.set(user.id, present);
    const one: PresentPeer = { peer, offsetMs: null, buffering: false, roundTripMs: undefined, visible };
    present.peers.set(peer, one);
    return one;
  }

  /** A connection ended. */
  remove(peer: Peer): void {
    const present = this.#users.get(peer.user.id);
    if (!present?.peers.delete(peer)) return;
    if (present.peers.size > 0) this.#changed.add(peer.user.id);
    else {
      this.#users.delete(peer.user.id);
      this.#changed.delete(peer.user.id);
    }
  }

  /** A player reported. */
  report(one: PresentPeer, report: ClientMessageOf<'report'>): void {
    const before = this.offsetOf(one.peer.user.id);
    one.offsetMs = report.offsetMs === null ? null : Math.round(report.offsetMs / OFFSET_STEP_MS) * OFFSET_STEP_MS;
    one.buffering = report.buffering;
    if (report.roundTripMs !== undefined) one.roundTripMs = report.roundTripMs;
    if (report.visible !== undefined) one.visible = report.visible;
    const after = this.offsetOf(one.peer.user.id);
    if (before[1] !== after[1] || before[2] !== after[2]) this.#changed.add(one.peer.user.id);
  }

  /** The offset of a person: of the connection that can be seen, if there are several. */
  offsetOf(user: string): Offset {
    let best: PresentPeer | undefined;
    for (const one of this.#users.get(user)?.peers.values() ?? [])
      if (!best || (one.visible && !best.visible) || (one.visible === best.visible && best.offsetMs === null))
        best = one;
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
    for (const { peers } of this.#users.values()) {
      let best = Number.POSITIVE_INFINITY;
      for (const { roundTripMs } of peers.values()) best = Math.min(best, roundTripMs ?? Number.POSITIVE_INFINITY);
      if (best !== Number.POSITIVE_INFINITY) trips.push(best);
    }
    return trips;
  }

  /** Every connection. */
  *peers(): Iterable<PresentPeer> {
    for (const { peers } of this.#users.values()) yield* peers.values();
  }
}
