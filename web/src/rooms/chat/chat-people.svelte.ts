/**
 * The people who can be mentioned in the chat of a room: those who are here, and members who are away.
 * In: the room's session, its list of members. Out: names to complete, ids to mark mentions.
 */
import { mentionKey } from '../../../../src/api/room/mentions.ts';
import { listMembers } from '../../api/rooms.ts';
import type { RoomSession } from '../session/room-session.svelte.ts';

/** The members who are away are read at most this often, ms. */
const READ_EACH_MS = 60_000;

interface Person {
  /** Id of the user. */
  readonly user: string;
  readonly name: string;
}

/** The people of one session. */
export class ChatPeople {
  readonly #session: RoomSession;
  /** Members who are away, by their id; read when someone is mentioned. */
  #away = $state.raw<readonly Person[]>([]);
  #readMs = Number.NEGATIVE_INFINITY;

  constructor(session: RoomSession) {
    this.#session = session;
  }

  /** Those who are here first. */
  readonly all: readonly Person[] = $derived.by(() => {
    const here = new Set(this.#session.view.members.map(({ user }) => user));
    return [...this.#session.view.members, ...this.#away.filter(({ user }) => !here.has(user))];
  });

  /** Their ids by `mentionKey`; of several people with a name who is here counts. */
  readonly ids: ReadonlyMap<string, string> = $derived.by(
    () => new Map(this.all.toReversed().map(({ name, user }) => [mentionKey(name), user])),
  );

  /** Reads the members who are away, at most once a minute. */
  async read(signal: AbortSignal): Promise<void> {
    const nowMs = performance.now();
    if (nowMs - this.#readMs < READ_EACH_MS) return;
    this.#readMs = nowMs;
    const members = await listMembers(this.#session.id, signal).catch(() => []); // those who are here are found all the same
    if (members.length > 0)
      this.#away = members.filter(({ state }) => state === 'active').map(({ user, name }) => ({ user, name }));
  }
}
