/**
 * The messages of one room: chat, danmaku, reactions, deletion. A message is delivered at once, with its
 * number, and acknowledged when it is committed; one whose commit fails is withdrawn.
 * docs/7-together/chat.md.
 * In: messages of clients, checked against its schema. Out: messages to the room, rows to message-writer.ts.
 */
import { findMentions, mentionKey } from '../../../api/room/mentions.ts';
import type { ClientMessageOf, RoomMessage } from '../../../api/room/messages.ts';
import type { Clock } from '../../../lib/clock.ts';
import { dropOldest } from '../../../lib/drop-oldest.ts';
import { OxbowError } from '../../../lib/errors.ts';
import { cleanText } from '../../../lib/text/clean-text.ts';
import { roomMoved } from '../cluster/room-guard.ts';
import type { ChatClientMessage, ChatRoom, ChatSender } from '../room-chat.ts';
import { Coalesced } from './coalesced.ts';
import { MessageMemory, RECENT, type Resumed } from './message-memory.ts';
import { extraOf, rowOf, type Stamp, stampOf } from './message-row.ts';
import type { MessageTable } from './message-table.ts';
import type { MessageWriter, Outcome } from './message-writer.ts';
import { withReaction, withUserReplaced } from './reactions.ts';
import { SendLimits } from './send-limits.ts';

/** Numbers that are reserved at a time; more than may be in a commit and wait for the next one. */
const RESERVED = 10_000;
/**
 * A position that a client reports may differ by this much from the room's, ms; otherwise the room's is
 * stored.
 */
const MAX_APART_MS = 15_000;
/** The names of members are read again after this time, ms. */
const NAMES_MS = 2000;
/** Changed reactions are sent together, at most this often, ms. */
const CHANGED_EVERY_MS = 250;
/** Connections of an author that wait for the same message, besides the newest. */
const MAX_WAITING_FOR_ONE = 3;
/** Ids of messages that are remembered, so that a repeated one is found. */
const MAX_IDS = 1000;

/** Dependencies of all chats. */
interface ChatParts {
  readonly table: Pick<MessageTable, 'mark' | 'before' | 'find' | 'findSent'>;
  readonly writer: Pick<MessageWriter, 'add' | 'change' | 'mark' | 'isFull'>;
  readonly clock: Clock;
  /** Id of the stream of a name. */
  readonly streamId: (name: string) => string | undefined;
  /** Multiple of the usual rates of members; 1 if it is missing. */
  readonly messageRate?: (() => number) | undefined;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** A message that a client sent: its number, and those who wait for its commit. */
interface Sent {
  seq: number;
  /** Undefined when it is committed. */
  waiting: readonly ChatSender[] | undefined;
}

export class RoomMessages {
  readonly #parts: ChatParts;
  readonly #room: ChatRoom;
  readonly #memory: MessageMemory;
  readonly #limits: SendLimits;
  /** By author and client id. */
  readonly #sent = new Map<string, Sent>();
  /** Searches for messages that are sent again, by author: later ones wait for them. */
  readonly #searching = new Map<string, Promise<void>>();
  /** Messages with new reactions. */
  readonly #reacted = new Set<number>();
  readonly #reactions = new Coalesced(CHANGED_EVERY_MS, () => this.#sendReacted());
  /** Users by `mentionKey` of their name. */
  #names: { readonly readMs: number; readonly byKey: ReadonlyMap<string, string> } = {
    readMs: Number.NEGATIVE_INFINITY,
    byKey: new Map(),
  };
  #next: number;
  #reserved: number;
  #asked: number;

  /** Loads the newest messages of a room and reserves numbers for new ones. */
  static async open(parts: ChatParts, room: ChatRoom): Promise<RoomMessages> {
    const { table, writer } = parts;
    const [mark, chat, danmaku] = await Promise.all([
      table.mark(room.id),
      table.before(room.id, Number.MAX_SAFE_INTEGER, RECENT + 1, 'chat'),
      table.before(room.id, Number.MAX_SAFE_INTEGER, RECENT + 1, 'danmaku'),
    ]);
    const outcome = await new Promise((resolve) => writer.mark(room.id, mark + RESERVED, resolve));
    if (outcome === 'moved') throw roomMoved(room.id);
    return new RoomMessages(parts, room, { mark, memory: new MessageMemory(chat, danmaku) });
  }

  private constructor(parts: ChatParts, room: ChatRoom, { mark, memory }: { mark: number; memory: MessageMemory }) {
    this.#parts = parts;
    this.#limits = new SendLimits(parts.messageRate);
    this.#room = room;
    this.#memory = memory;
    this.#next = mark + 1;
    this.#reserved = mark + RESERVED;
    this.#asked = this.#reserved;
    const { clock } = parts;
    for (const { author, id, seq, kind, sentMs } of memory.recent()) {
      if (author === '') continue;
      this.#sent.set(`${author} ${id}`, { seq, waiting: undefined });
      const agoMs = Math.max(0, clock.nowMs() - sentMs);
      if (kind === 'chat') this.#limits.remember(author, clock.monotonicMs() - agoMs);
    }
  }

  /** Number of the last message. */
  get lastSeq(): number {
    return this.#next - 1;
  }

  /** Messages of a connection that opens. */
  resume(since: number | undefined): Resumed {
    return this.#memory.resume(since);
  }

  /** Takes a message of a member; answers by `sender.send`. */
  receive(message: Exclude<ChatClientMessage, { t: 'vote' }>, sender: ChatSender): void {
    switch (message.t) {
      case 'react':
        void this.#answer(sender, () => this.#react(sender, message));
        return;
      case 'delete':
        void this.#answer(sender, () => this.#delete(sender, message));
        return;
      default:
        this.#send(sender, message);
    }
  }

  #send(sender: ChatSender, message: ClientMessageOf<'chat' | 'danmaku'>): void {
    const author = sender.user.id;
    const before = this.#searching.get(author);
    if (!before && !message.again) {
      this.#accept(sender, message);
      return;
    }
    const search = (before ?? Promise.resolve()).then(() => this.#acceptAgain(sender, message));
    const done = search.finally(() => {
      if (this.#searching.get(author) === done) this.#searching.delete(author);
    });
    this.#searching.set(author, done);
  }

  /** Adds or takes back a reaction. */
  async #react(sender: ChatSender, { seq, emoji, on }: ClientMessageOf<'react'>): Promise<void> {
    const user = sender.user.id;
    const { clock } = this.#parts;
    mayWrite(sender, 'chat', clock.nowMs());
    this.#limits.take('reaction', user, clock.monotonicMs());
    await this.#load(seq);
    const message = this.#get(seq);
    const changed = withReaction(message, emoji, user, on);
    if (changed === message) return;
    this.#memory.replace(changed);
    this.#store(changed);
    this.#reacted.add(seq);
    this.#reactions.run();
  }

  /** Deletes a message, for its author or a moderator. */
  async #delete(sender: ChatSender, { seq }: ClientMessageOf<'delete'>): Promise<void> {
    await this.#load(seq);
    const message = this.#get(seq);
    if (message.author !== sender.user.id && !sender.may('moderate')) {
      throw new OxbowError('forbidden', 'Only its author and moderators can delete a message.');
    }
    this.#change(deletedForm(message));
  }

  /** Ends the chat; messages that wait are still committed. */
  close(): void {
    this.#reactions[Symbol.dispose]();
    this.#parts.writer.mark(this.#room.id, this.lastSeq, () => undefined);
  }

  /**
   * Puts another user in the place of one in memory; undefined: no one, the account was deleted.
   */
  replaceUser(user: string, by: { readonly id: string; readonly name: string } | undefined): void {
    for (const message of [...this.#memory.all()]) {
      const changed = withUserReplaced(message, user, by);
      if (changed === message) continue;
      this.#change(changed);
    }
  }

  /** Forgets messages that were deleted with their media. */
  forget(seqs: readonly number[]): void {
    for (const seq of seqs) this.#memory.remove(seq);
  }

  async #acceptAgain(sender: ChatSender, message: ClientMessageOf<'chat' | 'danmaku'>): Promise<void> {
    const key = `${sender.user.id} ${message.id}`;
    if (message.again && !this.#sent.has(key)) {
      try {
        const seq = await this.#parts.table.findSent(this.#room.id, sender.user.id, message.id);
        if (seq !== undefined) this.#remember(key, { seq, waiting: undefined });
      } catch {
        refuseUnstored(sender, message.id);
        return;
      }
    }
    this.#accept(sender, message);
  }

  #accept(sender: ChatSender, message: ClientMessageOf<'chat' | 'danmaku'>): void {
    const key = `${sender.user.id} ${message.id}`;
    const delivery = this.#sent.get(key);
    if (delivery) {
      if (delivery.waiting) delivery.waiting = [...delivery.waiting.slice(-MAX_WAITING_FOR_ONE), sender];
      else sender.send({ t: 'ack', id: message.id, seq: delivery.seq });
      return;
    }
    try {
      this.#add(sender, message, key);
    } catch (error) {
      refuse(sender, message.id, error);
    }
  }

  /** @param key of `#sent` */
  #add(sender: ChatSender, sent: ClientMessageOf<'chat' | 'danmaku'>, key: string): void {
    const { user } = sender;
    const { t: kind, id } = sent;
    const sentMs = Math.round(this.#parts.clock.nowMs());
    mayWrite(sender, kind, sentMs);
    const text = cleanText(sent.text, { isOneLine: kind === 'danmaku' });
    if (text.trim() === '') throw new OxbowError('bad-request', 'The message is empty.');
    const slowSeconds = sender.may('moderate') ? 0 : this.#room.slowModeSeconds;
    this.#limits.take(kind, user.id, this.#parts.clock.monotonicMs(), slowSeconds);
    const seq = this.#parts.writer.isFull ? undefined : this.#takeSeq();
    if (seq === undefined) {
      refuseUnstored(sender, id);
      return;
    }
    const stamp = stampAt(this.#stamp(), sent.atMs);
    const mentions = this.#mentionsIn(text, sentMs);
    // Members are set one by one: thousands of messages a second come here, and most have none of these.
    const message: Mutable<RoomMessage> = { seq, id, kind, author: user.id, name: user.name, text, sentMs };
    if (sent.t === 'chat' && sent.replyTo !== undefined && sent.replyTo < seq) message.replyTo = sent.replyTo;
    if (stamp) {
      message.item = stamp.item;
      message.atMs = stamp.positionMs;
    }
    if (sent.t === 'danmaku') {
      message.color = sent.color ?? '#ffffff';
      message.mode = sent.mode ?? 'scroll';
    }
    if (mentions.length > 0) message.mentions = mentions;
    const entry: Sent = { seq, waiting: [sender] };
    this.#remember(key, entry);
    this.#deliver(message, stamp, (written) => this.#written(key, entry, message, written));
  }

  /** What plays now. */
  #stamp(): Stamp | undefined {
    const playing = this.#room.playing();
    if (!playing) return undefined;
    const { item, target, positionMs } = playing;
    return { item, positionMs: Math.round(positionMs), ...stampOf(target, this.#parts.streamId) };
  }

  #mentionsIn(text: string, nowMs: number): readonly string[] {
    if (!text.includes('@')) return [];
    if (nowMs - this.#names.readMs > NAMES_MS || nowMs < this.#names.readMs) {
      const byKey = new Map(Array.from(this.#room.mentionable(), ({ user, name }) => [mentionKey(name), user]));
      this.#names = { readMs: nowMs, byKey };
    }
    return [...new Set(findMentions(text, (key) => this.#names.byKey.get(key)).map(({ user }) => user))];
  }

  #deliver(message: RoomMessage, stamp: Stamp | undefined, done: (written: Outcome) => void): void {
    this.#memory.add(message);
    this.#room.broadcast({ t: 'message', message });
    this.#parts.writer.add(rowOf(this.#room.id, message, stamp), done);
  }

  #written(key: string, entry: Sent, message: RoomMessage, written: Outcome): void {
    if (written === 'moved') {
      this.#room.moved(); // its author connects again, and sends it to the owner
      return;
    }
    const waiting = entry.waiting ?? [];
    entry.waiting = undefined;
    if (written?.seq !== entry.seq) {
      // It failed, or its client sent it before and did not say so: the delivered message is withdrawn.
      this.#memory.remove(entry.seq);
      this.#room.broadcast({ t: 'changed', message: deletedForm(message) });
    }
    if (written) entry.seq = written.seq;
    else this.#sent.delete(key);
    for (const sender of waiting) {
      if (written) sender.send({ t: 'ack', id: message.id, seq: written.seq });
      else refuseUnstored(sender, message.id);
    }
  }

  #remember(key: string, entry: Sent): void {
    this.#sent.set(key, entry);
    dropOldest(this.#sent, MAX_IDS); // the table finds the others
  }

  #takeSeq(): number | undefined {
    if (this.#next > this.#reserved) return undefined;
    if (this.#next + RESERVED / 2 > this.#asked) {
      const asked = this.#asked + RESERVED;
      this.#asked = asked;
      this.#parts.writer.mark(this.#room.id, asked, (outcome) => {
        if (outcome === 'moved') this.#room.moved();
        else this.#reserved = asked;
      });
    }
    return this.#next++;
  }

  /** Loads an old message into memory. */
  async #load(seq: number): Promise<void> {
    if (this.#memory.get(seq)) return;
    const stored = await this.#parts.table.find(this.#room.id, seq);
    if (stored && !this.#memory.get(seq)) this.#memory.addOld(stored); // it may have been loaded and changed meanwhile
  }

  /** @throws OxbowError `message-unknown` */
  #get(seq: number): RoomMessage {
    const message = this.#memory.get(seq);
    if (!message || message.deleted) throw new OxbowError('message-unknown', `There is no message ${seq}.`);
    return message;
  }

  #change(message: RoomMessage): void {
    this.#replace(message);
    this.#store(message);
  }

  #sendReacted(): void {
    for (const seq of this.#reacted) {
      const message = this.#memory.get(seq);
      if (message) this.#room.broadcast({ t: 'changed', message });
    }
    this.#reacted.clear();
  }

  #store(message: RoomMessage): void {
    this.#parts.writer.change({
      roomId: this.#room.id,
      seq: message.seq,
      text: message.text,
      extra: extraOf(message),
      deletedUs: message.deleted ? Math.round(this.#parts.clock.nowMs() * 1000) : null,
    });
  }

  #replace(message: RoomMessage): void {
    this.#memory.replace(message);
    this.#room.broadcast({ t: 'changed', message });
  }

  async #answer(sender: ChatSender, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      refuse(sender, undefined, error);
    }
  }
}

/** @throws OxbowError `muted`, `forbidden` */
function mayWrite(sender: ChatSender, permission: 'chat' | 'danmaku', nowMs: number): void {
  const waitMs = sender.mutedUntilMs - nowMs;
  if (waitMs > 0) {
    throw new OxbowError('muted', 'A moderator muted you.', { extra: { retryAfterMs: Math.ceil(waitMs) } });
  }
  if (!sender.may(permission)) throw new OxbowError('forbidden', 'You may not write in this room.');
}

/** The form of a message after its deletion. */
function deletedForm({ seq, id, kind, author, name, sentMs }: RoomMessage): RoomMessage {
  return { seq, id, kind, author, name, text: '', sentMs, deleted: true };
}

/** The stamp of a message: at the position that its author saw, if it is near that of the room. */
function stampAt(stamp: Stamp | undefined, atMs: number | undefined): Stamp | undefined {
  if (!stamp || atMs === undefined || Math.abs(atMs - stamp.positionMs) > MAX_APART_MS) return stamp;
  return { ...stamp, positionMs: Math.round(atMs) };
}

/**
 * Without an error, whose stack costs as much as a message: under overload thousands a second are refused.
 */
function refuseUnstored(sender: ChatSender, id: string | undefined): void {
  const detail = 'The message could not be stored.';
  sender.send({ t: 'refused', code: 'not-ready', detail, ...(id !== undefined && { id }), retryAfterMs: 1000 });
}

function refuse(sender: ChatSender, id: string | undefined, error: unknown): void {
  if (!(error instanceof OxbowError)) {
    refuseUnstored(sender, id);
    return;
  }
  const { retryAfterMs } = error.extra;
  sender.send({
    t: 'refused',
    code: error.code,
    detail: error.message,
    ...(id !== undefined && { id }),
    ...(typeof retryAfterMs === 'number' && { retryAfterMs }),
  });
}
