/**
 * The people of a room: roles, permissions, mutes and bans. Answers about permissions are kept until anything
 * they depend on changes.
 * In: entering people, decisions of moderators. Out: masks, member views, rows to write.
 */
import { networkOf } from '../../../accounts/rate-limit.ts';
import type { UserRef } from '../../../accounts/users/user.ts';
import { ALL_PERMISSIONS, effectiveMask, permissionBits, type RoomRole } from '../../../api/room/permissions.ts';
import { dropOldest } from '../../../lib/drop-oldest.ts';
import type { MemberRecord, RoomRecord } from '../room-record.ts';

/**
 * Most people that a room remembers before it forgets guests, those who came longest ago first. Accounts have
 * another bound.
 */
const MAX_KNOWN = 10_000;

/** Most declined requests that a room remembers; the oldest are forgotten first. */
const MAX_DECLINED = 1_000;

/** Most people who left that a room remembers; the oldest are forgotten first. */
const MAX_DEPARTED = 1_000;

const CONTROL = permissionBits.control | permissionBits.setItem;

/** Whether only those who decide about it see a person in this state. */
export function isHiddenState(state: MemberRecord['state']): boolean {
  return state === 'pending' || state === 'banned';
}

/** Counts answers about permissions: from memory, or computed. */
export interface PermissionCounts {
  hit(): void;
  miss(): void;
}

/** Declined requests to enter, until their authors repeat them. Their pages wait, and are refused. */
class DeclinedRequests {
  readonly #users = new Set<string>();

  add(user: string): void {
    this.#users.add(user);
    dropOldest(this.#users, MAX_DECLINED);
  }

  has(user: string): boolean {
    return this.#users.has(user);
  }

  /** A person repeats a request. */
  delete(user: string): void {
    this.#users.delete(user);
  }
}

/** People who left, the newest: they are not of the room any more, and can still be banned or muted. */
class DepartedMembers {
  readonly #records = new Map<string, MemberRecord>();

  add(record: MemberRecord): void {
    this.#records.set(record.user, { ...record, state: 'left', letIn: false });
    dropOldest(this.#records, MAX_DEPARTED);
  }

  find(user: string): MemberRecord | undefined {
    return this.#records.get(user);
  }

  delete(user: string): void {
    this.#records.delete(user);
  }

  get all(): IteratorObject<MemberRecord> {
    return this.#records.values();
  }
}

/** The people of a room. */
export class Members {
  readonly departed = new DepartedMembers();
  /** Requests to enter that a moderator declined. */
  readonly declined = new DeclinedRequests();
  readonly #records: Map<string, MemberRecord>;
  /** Masks by user id, until the next change of the person or the room. */
  readonly #masks = new Map<string, number>();
  /** Changed records that are not written yet, by user id; undefined: to be deleted. */
  readonly #unsaved = new Map<string, MemberRecord | undefined>();
  /** Addresses, of IPv6 the /64. */
  readonly #bannedNetworks = new Set<string>();
  readonly #counts: PermissionCounts | undefined;
  #room: RoomRecord;

  constructor(room: RoomRecord, records: readonly MemberRecord[], counts?: PermissionCounts) {
    this.#room = room;
    this.#counts = counts;
    this.#records = new Map(records.map((record) => [record.user, record]));
    this.#readAddresses();
  }

  /** Everyone, also those who are banned or have left. */
  get all(): IteratorObject<MemberRecord> {
    return this.#records.values();
  }

  /** Those who wait for approval. */
  get pending(): IteratorObject<MemberRecord> {
    return this.all.filter(({ state }) => state === 'pending');
  }

  /** A person; undefined: never entered, or forgotten. */
  find(user: string): MemberRecord | undefined {
    return this.#records.get(user);
  }

  /** The role that a person has, or would have. */
  roleOf({ id, role }: Pick<UserRef, 'id' | 'role'>): RoomRole {
    if (id === this.#room.owner) return 'owner';
    return this.#records.get(id)?.role ?? (role === 'guest' ? 'guest' : 'member');
  }

  /** The permissions of a person in the room. Administrators of the server may do everything. */
  maskOf(user: Pick<UserRef, 'id' | 'role'>): number {
    // Never kept: the same person has less by a token without administration, and when they are demoted.
    if (user.role === 'admin') return ALL_PERMISSIONS;
    const kept = this.#masks.get(user.id);
    if (kept !== undefined) {
      this.#counts?.hit();
      return kept;
    }
    this.#counts?.miss();
    const mask = this.#maskOf(this.roleOf(user), this.#records.get(user.id));
    if (this.#masks.size >= MAX_KNOWN) this.#masks.clear();
    this.#masks.set(user.id, mask);
    return mask;
  }

  #maskOf(role: RoomRole, member: MemberRecord | undefined): number {
    if (role !== 'owner' && (member?.state === 'banned' || member?.state === 'pending')) return 0;
    const { masks, control } = this.#room.options;
    if (control === 'everyone' || role === 'owner' || role === 'moderator') return effectiveMask(role, masks, member);
    return effectiveMask(role, { ...masks, [role]: masks[role] & ~CONTROL }, member);
  }

  /** Whether guests from this address, or from its IPv6 network, are banned. */
  isBannedAddress(address: string): boolean {
    return this.#bannedNetworks.has(networkOf(address));
  }

  /** Changes a person; `save` writes them to the store. */
  set(record: MemberRecord): void {
    const isNew = !this.#records.has(record.user);
    if (isNew && this.#records.size >= MAX_KNOWN) this.#forgetOldestGuest();
    const before = this.#records.get(record.user);
    this.#records.set(record.user, record);
    this.departed.delete(record.user);
    this.#masks.delete(record.user);
    this.#unsaved.set(record.user, record);
    if (before?.state === 'banned' || record.state === 'banned') this.#readAddresses();
  }

  /** A person was here. @param address of a guest it is kept, for a ban */
  remember(user: UserRef, state: MemberRecord['state'], nowMs: number, address = ''): MemberRecord {
    const previous = this.#records.get(user.id);
    const isGuest = (previous?.role ?? user.role) === 'guest';
    const record: MemberRecord = {
      role: isGuest ? 'guest' : 'member',
      allow: 0,
      deny: 0,
      mutedUntilMs: 0,
      joinedMs: nowMs,
      letIn: false,
      address: '',
      ...previous,
      user: user.id,
      name: user.name,
      seenMs: nowMs,
      state,
      ...(isGuest && address !== '' && { address }),
    };
    this.set(record);
    return record;
  }

  /** Forgets a person. */
  delete(user: string): void {
    const before = this.#records.get(user);
    if (!before) return;
    this.#records.delete(user);
    this.#masks.delete(user);
    this.#unsaved.set(user, undefined);
    if (before.state === 'banned') this.#readAddresses();
  }

  /** The room was changed: every answer may be another one. */
  roomChanged(room: RoomRecord): void {
    this.#room = room;
    this.#masks.clear();
  }

  /** Everyone has to give the new password, except those who moderate. */
  askPasswordAgain(): void {
    for (const record of this.#records.values())
      if (record.letIn && record.role !== 'moderator') this.set({ ...record, letIn: false });
  }

  /** Something is not written yet. */
  get hasUnsaved(): boolean {
    return this.#unsaved.size > 0;
  }

  /** Writes what `set` and `delete` changed; a failed write is kept for the next time. */
  async save(write: (changed: readonly MemberRecord[], removed: readonly string[]) => Promise<void>): Promise<void> {
    if (this.#unsaved.size === 0) return;
    const taken = new Map(this.#unsaved);
    this.#unsaved.clear();
    const removed = [...taken].flatMap(([user, record]) => (record ? [] : [user]));
    try {
      await write(
        [...taken.values()].filter((record) => record !== undefined),
        removed,
      );
    } catch (error) {
      for (const [user, record] of taken) if (!this.#unsaved.has(user)) this.#unsaved.set(user, record);
      throw error;
    }
  }

  #forgetOldestGuest(): void {
    let oldest: MemberRecord | undefined;
    for (const member of this.#records.values()) {
      const isBound = member.state === 'banned' || member.mutedUntilMs > 0 || member.deny !== 0;
      if (member.role !== 'guest' || isBound || member.seenMs >= (oldest?.seenMs ?? Number.POSITIVE_INFINITY)) continue;
      oldest = member;
    }
    if (oldest) this.delete(oldest.user);
  }

  #readAddresses(): void {
    this.#bannedNetworks.clear();
    for (const { state, address } of this.#records.values())
      if (state === 'banned' && address !== '') this.#bannedNetworks.add(networkOf(address));
  }
}
