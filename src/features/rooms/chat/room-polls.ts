/**
 * The polls of one room. Votes are stored and counted together, at most twice a second.
 * In: requests of the API, votes of the socket. Out: polls to the room.
 */
import { randomUUID } from 'node:crypto';
import type { ClientMessageOf, RoomPoll } from '../../../api/room/messages.ts';
import type { Clock } from '../../../lib/clock.ts';
import { OxbowError } from '../../../lib/errors.ts';
import { cleanText } from '../../../lib/text/clean-text.ts';
import { isRoomMoved } from '../cluster/room-guard.ts';
import type { ChatRoom, ChatSender } from '../room-chat.ts';
import { Coalesced } from './coalesced.ts';
import { type PollTable, type StoredPoll, withVoterReplaced } from './poll-table.ts';

/** Most polls of a room. */
const MAX_POLLS = 50;
/** Most users who vote in a poll. */
const MAX_VOTERS = 20_000;
const EVERY_MS = 500;

/** The fields of a new poll. */
interface NewPoll {
  readonly question: string;
  readonly choices: readonly string[];
  readonly multiple?: boolean | undefined;
}

/** Dependencies of all polls. */
interface PollParts {
  readonly polls: Pick<PollTable, 'of' | 'put' | 'remove'>;
  readonly clock: Clock;
  readonly failed: (error: unknown) => void;
}

export class RoomPolls {
  readonly #parts: PollParts;
  readonly #room: ChatRoom;
  readonly #polls: Map<string, StoredPoll>;
  /**
   * Counted choices, by poll; a poll that has new votes is not in it. To count for each reader would take
   * quadratic time.
   */
  readonly #counts = new Map<string, RoomPoll['choices']>();
  /** Who voted since the last transaction, by poll and user. */
  #voted = new Map<string, Map<string, ChatSender>>();
  #counted = Promise.resolve();
  readonly #counting = new Coalesced(EVERY_MS, () => this.#count());

  /** Loads the polls of a room. */
  static async open(parts: PollParts, room: ChatRoom): Promise<RoomPolls> {
    return new RoomPolls(parts, room, await parts.polls.of(room.id));
  }

  private constructor(parts: PollParts, room: ChatRoom, polls: readonly StoredPoll[]) {
    this.#parts = parts;
    this.#room = room;
    this.#polls = new Map(polls.map((poll) => [poll.id, poll]));
  }

  /** All polls, oldest first, with the choices of a user. */
  list(user: string): RoomPoll[] {
    return Array.from(this.#polls.values(), (poll) => this.#viewOf(poll, user));
  }

  /**
   * Creates a poll.
   *
   * @throws OxbowError `forbidden`, `bad-request`, `limit-reached`
   */
  async create(sender: ChatSender, { question, choices, multiple = false }: NewPoll): Promise<RoomPoll> {
    if (!sender.may('createPolls')) throw new OxbowError('forbidden', 'You may not create polls here.');
    if (this.#polls.size >= MAX_POLLS) {
      throw new OxbowError('limit-reached', `The room has ${MAX_POLLS} polls already.`);
    }
    const texts = choices.map((text) => cleanText(text, { isOneLine: true }).trim());
    const asked = cleanText(question, { isOneLine: true }).trim();
    if ([asked, ...texts].includes('')) throw new OxbowError('bad-request', 'The question or a choice is empty.');
    if (new Set(texts).size < texts.length) throw new OxbowError('bad-request', 'Two choices are the same.');
    const poll: StoredPoll = {
      id: randomUUID(),
      roomId: this.#room.id,
      by: sender.user.id,
      question: asked,
      choices: texts,
      multiple,
      votes: new Map(),
      createdUs: Math.round(this.#parts.clock.nowMs() * 1000),
      closedUs: null,
    };
    this.#polls.set(poll.id, poll);
    try {
      await this.#put(poll);
    } catch (error) {
      this.#polls.delete(poll.id);
      throw error;
    }
    this.#room.broadcast({ t: 'poll', poll: this.#viewOf(poll) });
    return this.#viewOf(poll, sender.user.id);
  }

  /**
   * Closes a poll; votes are final.
   *
   * @throws OxbowError `poll-unknown`, `forbidden`
   */
  async close(sender: ChatSender, id: string): Promise<RoomPoll> {
    this.#assertMayChange(sender, id);
    await this.#inTurn(() => this.#close(id));
    const poll = this.#get(id);
    this.#room.broadcast({ t: 'poll', poll: this.#viewOf(poll) });
    return this.#viewOf(poll, sender.user.id);
  }

  /**
   * Deletes a poll.
   *
   * @throws OxbowError `poll-unknown`, `forbidden`
   */
  async remove(sender: ChatSender, id: string): Promise<void> {
    this.#assertMayChange(sender, id);
    await this.#stored(() => this.#parts.polls.remove(this.#room.id, id));
    this.#polls.delete(id);
    this.#voted.delete(id);
    this.#counts.delete(id);
    this.#room.broadcast({ t: 'poll-deleted', poll: id });
  }

  /** Counts a vote; the voter gets the poll with their choices when it is stored. */
  vote(sender: ChatSender, { poll: id, choices }: ClientMessageOf<'vote'>): void {
    try {
      const poll = this.#get(id);
      if (poll.closedUs !== null) throw new OxbowError('poll-closed', 'The poll is closed.');
      const chosen = [...new Set(choices)].sort((a, b) => a - b);
      if (chosen.some((index) => index >= poll.choices.length) || (chosen.length > 1 && !poll.multiple)) {
        throw new OxbowError('bad-request', 'The poll has no such choice.');
      }
      const user = sender.user.id;
      if (!poll.votes.has(user) && poll.votes.size >= MAX_VOTERS) {
        throw new OxbowError('limit-reached', `At most ${MAX_VOTERS} people vote in a poll.`);
      }
      if (chosen.length > 0) poll.votes.set(user, chosen);
      else poll.votes.delete(user);
      this.#counts.delete(id);
      const voters = this.#voted.get(id) ?? new Map();
      this.#voted.set(id, voters.set(user, sender));
      this.#counting.run();
    } catch (error) {
      if (!(error instanceof OxbowError)) throw error;
      sender.send({ t: 'refused', code: error.code, detail: error.message });
    }
  }

  /**
   * Puts another user in the place of one, as author and voter; undefined: no one, the account was deleted.
   */
  replaceUser(user: string, by: string | undefined): void {
    for (const poll of this.#polls.values()) {
      const changed = withVoterReplaced(poll, user, by);
      if (changed === poll) continue;
      this.#polls.set(poll.id, changed);
      this.#counts.delete(poll.id);
      this.#room.broadcast({ t: 'poll', poll: this.#viewOf(changed) });
    }
  }

  /** Stops counting, after the votes that wait are stored. */
  async end(): Promise<void> {
    this.#counting[Symbol.dispose]();
    await this.#count();
  }

  /** Writes of polls are made one after the other: none has a state that another could not store. */
  #inTurn(write: () => Promise<void>): Promise<void> {
    const written = this.#counted.then(write);
    this.#counted = written.catch(() => undefined);
    return written;
  }

  async #close(id: string): Promise<void> {
    const poll = this.#get(id);
    if (poll.closedUs !== null) return;
    poll.closedUs = Math.round(this.#parts.clock.nowMs() * 1000); // from now on votes are refused
    try {
      await this.#put(poll);
    } catch (error) {
      const still = this.#polls.get(id); // `replaceUser` may have replaced it
      if (still) still.closedUs = null;
      throw error;
    }
  }

  #put(poll: StoredPoll): Promise<void> {
    return this.#stored(() => this.#parts.polls.put(poll));
  }

  async #stored(write: () => Promise<void>): Promise<void> {
    try {
      await write();
    } catch (error) {
      if (isRoomMoved(error)) this.#room.moved();
      throw error;
    }
  }

  #count(): Promise<void> {
    return this.#inTurn(() => this.#countNow());
  }

  async #countNow(): Promise<void> {
    const voted = this.#voted;
    this.#voted = new Map();
    for (const [id, voters] of voted) {
      const poll = this.#polls.get(id);
      if (!poll) continue;
      try {
        await this.#put(poll);
      } catch (error) {
        if (isRoomMoved(error)) return;
        this.#parts.failed(error);
        this.#voted.set(id, new Map([...voters, ...(this.#voted.get(id) ?? [])])); // stored with the next vote
        continue;
      }
      this.#room.broadcast({ t: 'poll', poll: this.#viewOf(poll) });
      for (const [user, sender] of voters) sender.send({ t: 'poll', poll: this.#viewOf(poll, user) });
    }
  }

  /** A poll as a user sees it; without a user for everyone. */
  #viewOf({ id, question, choices, multiple, by, closedUs, votes }: StoredPoll, user?: string): RoomPoll {
    let counted = this.#counts.get(id);
    if (!counted) {
      const counts = choices.map(() => 0);
      for (const chosen of votes.values()) for (const index of chosen) counts[index]!++;
      counted = choices.map((text, index) => ({ text, votes: counts[index]! }));
      this.#counts.set(id, counted);
    }
    return {
      id,
      question,
      multiple,
      by,
      closed: closedUs !== null,
      choices: counted,
      ...(user !== undefined && { own: votes.get(user) ?? [] }),
    };
  }

  #get(id: string): StoredPoll {
    const poll = this.#polls.get(id);
    if (!poll) throw new OxbowError('poll-unknown', `There is no poll ${id}.`);
    return poll;
  }

  #assertMayChange(sender: ChatSender, id: string): void {
    const poll = this.#get(id);
    if (poll.by !== sender.user.id && !sender.may('moderate')) {
      throw new OxbowError('forbidden', 'Only its author and moderators can change a poll.');
    }
  }
}
