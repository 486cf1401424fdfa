/**
 * What a member has read of a room's chat: messages since they looked away or left, and how often they are
 * mentioned in it.
 * In: messages of the session, the chat panel. Out: the divider, the counts of the tab and of the page title.
 * Remembered in the browser.
 */
import { readStored, store } from '../../viewer/storage.ts';
import type { RoomSession } from '../session/room-session.svelte.ts';
import { seenRooms } from './seen-rooms.ts';

/** The reader of one session. */
export class Reading {
  readonly #session: RoomSession;
  /** Number of the last message that was seen; null before the first welcome. */
  #seenSeq = $state<number | null>(null);
  /** The first message that is new has a higher number; null: none is. */
  dividerSeq = $state<number | null>(null);
  #isReading = false;

  constructor(session: RoomSession) {
    this.#session = session;
  }

  /** Messages of others that were not seen, oldest first. */
  readonly unread = $derived.by(() => {
    const you = this.#session.view.you?.user;
    const seen = this.#seenSeq;
    if (seen === null) return [];
    return this.#session.view.messages.filter(
      ({ seq, kind, author, deleted }) => seq > seen && kind === 'chat' && author !== you && !deleted,
    );
  });

  /** How many of them mention this person. */
  readonly mentions: number = $derived.by(() => {
    const you = this.#session.view.you?.user ?? '';
    return this.unread.filter(({ mentions }) => mentions?.includes(you)).length;
  });

  /** The room has said welcome: messages seen in an earlier visit are not new. */
  begin(): void {
    if (this.#seenSeq === null) this.#seenSeq = seenRooms.last(this.#session.id) ?? this.#session.view.lastSeq;
  }

  /**
   * The newest messages are in view, or no longer.
   * @param on in view: new messages until now are below the divider
   */
  read(on: boolean): void {
    if (this.#seenSeq === null) return;
    if (on && !this.#isReading && this.unread.length > 0) this.dividerSeq = this.#seenSeq;
    this.#isReading = on;
    if (!on || this.#session.view.lastSeq <= this.#seenSeq) return;
    this.#seenSeq = this.#session.view.lastSeq;
    seenRooms.put(this.#session.id, this.#seenSeq);
  }

  /** The reader has written: nothing is new any more. */
  wrote(): void {
    this.dividerSeq = null;
  }
}

const TITLE_KEY = 'oxbow.chatTitle';

class ChatSettings {
  #hasTitleCount = $state(readStored(TITLE_KEY) === 'on');

  /** The page title has the number of unread mentions. */
  get hasTitleCount(): boolean {
    return this.#hasTitleCount;
  }

  set hasTitleCount(on: boolean) {
    this.#hasTitleCount = on;
    store(TITLE_KEY, on ? 'on' : 'off');
  }
}

/** The viewer's settings; reading them in a component follows them. */
export const chatSettings = new ChatSettings();
