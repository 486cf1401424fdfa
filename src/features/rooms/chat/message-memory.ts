/**
 * The newest messages of a room in memory, and old ones while they change.
 * In: messages as they are written or loaded. Out: the messages of a new connection, and the one of a number.
 */
import type { RoomMessage } from '../../../api/room/messages.ts';
import { dropOldest } from '../../../lib/drop-oldest.ts';

/** Messages that are kept: chat, and as many danmaku. */
export const RECENT = 200;
/** Characters of the texts that are kept, of each of both. */
const MAX_CHARACTERS = 100_000;
/** Old messages that are kept. */
const MAX_OLD = 200;
/** Messages of a new connection that has none. */
const FIRST = 100;
/** Messages of a connection that resumes. */
export const MAX_RESUMED = 200;

/** The messages of a new connection. */
export interface Resumed {
  /** Oldest first. */
  readonly messages: readonly RoomMessage[];
  /** Some messages after `since` are missing. */
  readonly gap: boolean;
}

/** Messages of one kind, in order. */
class Recent {
  readonly list: RoomMessage[];
  /** Number of the newest message that is not in the list any more; 0: there is none. */
  floor: number;
  #characters: number;

  constructor(list: RoomMessage[], floor: number) {
    this.list = list;
    this.floor = floor;
    this.#characters = list.reduce((sum, { text }) => sum + text.length, 0);
    this.#trim();
  }

  add(message: RoomMessage): void {
    this.list.push(message);
    this.#characters += message.text.length;
    this.#trim();
  }

  replace(message: RoomMessage): boolean {
    const at = this.indexOf(message.seq);
    if (at < 0) return false;
    this.#characters += message.text.length - this.list[at]!.text.length;
    this.list[at] = message;
    return true;
  }

  remove(seq: number): boolean {
    const at = this.indexOf(seq);
    if (at < 0) return false;
    this.#characters -= this.list.splice(at, 1)[0]!.text.length;
    return true;
  }

  indexOf(seq: number): number {
    return this.list.findLastIndex((message) => message.seq === seq);
  }

  after(since: number): RoomMessage[] {
    const at = this.list.findLastIndex(({ seq }) => seq <= since);
    return this.list.slice(at + 1);
  }

  #trim(): void {
    while (this.list.length > RECENT || (this.#characters > MAX_CHARACTERS && this.list.length > 1)) {
      const { seq, text } = this.list.shift()!;
      this.floor = seq;
      this.#characters -= text.length;
    }
  }
}

/** The messages in memory of one room. */
export class MessageMemory {
  readonly #chat: Recent;
  readonly #danmaku: Recent;
  readonly #old = new Map<number, RoomMessage>();

  /**
   * @param chat the newest RECENT + 1 stored messages without danmaku, oldest first, or all of them
   * @param danmaku the same of danmaku
   */
  constructor(chat: RoomMessage[], danmaku: RoomMessage[]) {
    this.#chat = new Recent(chat, 0);
    this.#danmaku = new Recent(danmaku, 0);
  }

  /** The messages of a new connection, or those after a number. */
  resume(since: number | undefined): Resumed {
    if (since === undefined) return { messages: this.#chat.list.slice(-FIRST), gap: false };
    const messages = [...this.#chat.after(since), ...this.#danmaku.after(since)].sort((a, b) => a.seq - b.seq);
    const gap = messages.length > MAX_RESUMED || since < this.#chat.floor || since < this.#danmaku.floor;
    return { messages: messages.slice(-MAX_RESUMED), gap };
  }

  /** A message that is in memory. */
  get(seq: number): RoomMessage | undefined {
    for (const { list } of [this.#chat, this.#danmaku]) {
      const message = list.findLast((candidate) => candidate.seq === seq);
      if (message) return message;
    }
    return this.#old.get(seq);
  }

  /** All recent messages, of both kinds. */
  *recent(): Generator<RoomMessage> {
    yield* this.#chat.list;
    yield* this.#danmaku.list;
  }

  /** Every message in memory, old ones too. */
  *all(): Generator<RoomMessage> {
    yield* this.recent();
    yield* this.#old.values();
  }

  /** Adds a new message. */
  add(message: RoomMessage): void {
    (message.kind === 'danmaku' ? this.#danmaku : this.#chat).add(message);
  }

  /** Adds a message that was loaded because it changes. */
  addOld(message: RoomMessage): void {
    this.#old.set(message.seq, message);
    dropOldest(this.#old, MAX_OLD);
  }

  /** Replaces a message by its changed form. */
  replace(message: RoomMessage): void {
    if (this.#chat.replace(message) || this.#danmaku.replace(message)) return;
    this.#old.delete(message.seq); // and added as the newest
    this.addOld(message);
  }

  /** Forgets a message. */
  remove(seq: number): void {
    if (!this.#chat.remove(seq) && !this.#danmaku.remove(seq)) this.#old.delete(seq);
  }
}
