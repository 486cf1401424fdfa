/**
 * The list of the people of a room, the same for everyone: all who are here, up to a number, and those who
 * moderate. A crowd that comes or goes costs each connection a few messages and not one for each person.
 * In: people who come and go. Out: the list of a welcome; messages `member`, `left` and `members`.
 */
import type { UserRef } from '../../../accounts/users/user.ts';
import { MAX_LISTED } from '../../../api/room/limits.ts';
import type { ServerMessage } from '../../../api/room/messages.ts';
import type { MemberView } from '../../../api/room/room-shapes.ts';
import type { Members } from '../members/members.ts';
import type { Participants } from './participants.ts';

/**
 * Comings and goings that are sent one by one in a window; further ones wait for its end and are sent
 * together.
 */
const ONE_BY_ONE = 10;
/** Length of a window, ms. */
const WINDOW_MS = 250;

/** The room, as the list sees it. */
interface ParticipantListParts {
  readonly members: Members;
  readonly participants: Participants;
  /** A person as others see them. */
  viewOf(user: UserRef): MemberView;
  broadcast(message: ServerMessage): void;
}

/** The list of one room. */
export class ParticipantList {
  readonly #parts: ParticipantListParts;
  /** Ids of people who are here. */
  readonly #listed = new Set<string>();
  /** Listed people who came, changed their connections or went; nothing was sent about it yet. */
  readonly #unsent = new Set<string>();
  #windowMs = Number.NEGATIVE_INFINITY;
  #sentInWindow = 0;

  constructor(parts: ParticipantListParts) {
    this.#parts = parts;
  }

  /** People who are here and in the list. */
  get size(): number {
    return this.#listed.size;
  }

  /** Whether the list of each connection has this person. */
  has(user: string): boolean {
    return this.#listed.has(user);
  }

  /** The people who are here for a connection that opens: those of the list, and its user. */
  *welcomed(to: UserRef): Iterable<UserRef> {
    const { participants } = this.#parts;
    for (const id of this.#listed) {
      const participant = participants.find(id);
      if (participant) yield participant.user;
    }
    if (!this.#listed.has(to.id)) yield to;
  }

  /** A connection opens: its person is listed if there is room. Call `announce` when it has its welcome. */
  came(user: UserRef): void {
    const role = this.#parts.members.roleOf(user);
    if (this.#listed.size < MAX_LISTED || role === 'owner' || role === 'moderator') this.#listed.add(user.id);
  }

  /** Something else about a person is sent to everyone, whose lists have them from now on. */
  changed(user: string): void {
    if (this.#parts.participants.count(user) > 0) this.#listed.add(user);
  }

  /** Someone came, opened or closed another connection, or went. @param monoMs of a clock that never steps */
  announce(user: UserRef, monoMs: number): void {
    if (!this.#listed.has(user.id)) return;
    if (monoMs - this.#windowMs >= WINDOW_MS) {
      this.#windowMs = monoMs;
      this.#sentInWindow = 0;
    }
    if (this.#unsent.size > 0 || this.#sentInWindow >= ONE_BY_ONE) {
      this.#unsent.add(user.id);
      return;
    }
    this.#sentInWindow++;
    if (this.#parts.participants.count(user.id) > 0)
      this.#parts.broadcast({ t: 'member', member: this.#parts.viewOf(user) });
    else this.#forget(user.id);
  }

  /** Sends pending changes, and lists others in place of those who went. Call it often. */
  tick(monoMs: number): void {
    const { participants } = this.#parts;
    const isFull = this.#listed.size >= Math.min(MAX_LISTED, participants.size);
    if ((isFull && this.#unsent.size === 0) || monoMs - this.#windowMs < WINDOW_MS) return;
    this.#windowMs = monoMs;
    this.#sentInWindow = ONE_BY_ONE;
    const left = [...this.#unsent].filter((id) => participants.count(id) === 0);
    for (const id of left) this.#listed.delete(id);
    if (this.#listed.size < MAX_LISTED) {
      for (const { user } of participants.all) {
        if (this.#listed.has(user.id)) continue;
        if (this.#listed.size >= MAX_LISTED) break;
        this.#listed.add(user.id);
        this.#unsent.add(user.id);
      }
    }
    const members: MemberView[] = [];
    for (const id of this.#unsent) {
      const participant = participants.find(id);
      if (participant) members.push(this.#parts.viewOf(participant.user));
    }
    this.#unsent.clear();
    this.#parts.broadcast({ t: 'members', members, left });
  }

  #forget(user: string): void {
    this.#listed.delete(user);
    this.#parts.broadcast({ t: 'left', user });
  }
}
