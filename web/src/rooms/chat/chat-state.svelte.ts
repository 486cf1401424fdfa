/**
 * The chat of a room in this page: its rows, and the past that replays in step.
 * In: the room's session, its history and its past. Out: state for the chat panel and the danmaku layer,
 * which share one of each session.
 */
import type { RoomMessage } from '../../../../src/api/room/chat-shapes.ts';
import { ApiError } from '../../api/client.ts';
import { poll } from '../../api/poll.ts';
import { listMessages } from '../../api/room-messages.ts';
import type { RoomSession } from '../session/room-session.svelte.ts';
import { ChatPeople } from './chat-people.svelte.ts';
import { PastMessages } from './past-messages.ts';
import { Reading } from './reading.svelte.ts';
import { type ChatRow, chatRows, dueMessages, nextRun, type Run } from './replay-rows.ts';
import { Writing } from './writing.svelte.ts';

/** How often the position is looked at, ms. */
const LOOK_MS = 250;

/** The chat of one session. */
export class ChatState {
  readonly reading: Reading;
  readonly writing: Writing;
  readonly people: ChatPeople;
  /** Messages of the past and of now that belong to the media around the position, in its order. */
  past = $state.raw<readonly RoomMessage[]>([]);
  /** Of the server, unix ms; moves four times a second. */
  nowMs = $state(0);
  /** Position of the room, ms; moves four times a second. */
  positionMs = $state(0);
  isLoading = $state(false);
  readonly #session: RoomSession;
  #run = $state.raw<Run | null>(null);
  #due = $state.raw<readonly RoomMessage[]>([]);
  readonly #loaded: PastMessages;
  #looked: { readonly serverMs: number; readonly positionMs: number } | null = null;
  readonly #users = new Set<AbortSignal>();
  #worker: AbortSignal | null = null;

  constructor(session: RoomSession) {
    this.#session = session;
    this.#loaded = new PastMessages(session.id);
    this.reading = new Reading(session);
    this.writing = new Writing(session);
    this.people = new ChatPeople(session);
  }

  /** What the list shows. */
  readonly rows: readonly ChatRow[] = $derived.by(() => chatRows(this.#session.view.messages, this.#due, this.#run));

  /** The newest number of all messages that are known, for the count of new ones. */
  readonly lastSeq: number = $derived.by(() => this.#session.view.messages.at(-1)?.seq ?? 0);

  /** Follows the room until `signal` aborts; of several parts of the page one does the work. */
  keepWith(signal: AbortSignal): void {
    this.#users.add(signal);
    signal.addEventListener('abort', () => {
      this.#users.delete(signal);
      if (this.#worker === signal) this.#next();
    });
    if (!this.#worker) this.#next();
  }

  #next(): void {
    const [signal] = this.#users;
    this.#worker = signal ?? null;
    if (signal) void poll(LOOK_MS, async () => this.#look(signal), { signal });
  }

  /** Loads older messages. */
  async loadOlder(signal: AbortSignal): Promise<void> {
    const first = this.#session.view.messages[0];
    if (this.isLoading || !this.#session.view.hasOlder || !first) return;
    this.isLoading = true;
    try {
      const { items, hasMore } = await listMessages(this.#session.id, first.seq, signal);
      this.#session.addOlder(items, hasMore);
    } catch (error) {
      if (!signal.aborted && !(error instanceof ApiError)) throw error; // the reader scrolls again
    } finally {
      this.isLoading = false;
    }
  }

  #look(signal: AbortSignal): void {
    const session = this.#session;
    const { item, playing, rate } = session.view.state;
    const serverMs = session.clock.now();
    const positionMs = session.positionMs();
    this.nowMs = serverMs;
    this.positionMs = positionMs;
    const since = this.#looked;
    const expectedMs = since && since.positionMs + (playing ? (serverMs - since.serverMs) * rate : 0);
    this.#looked = { serverMs, positionMs };
    const run = nextRun(this.#run, item, serverMs, positionMs, expectedMs);
    if (run !== this.#run) {
      this.#run = run;
      this.#loaded.jumped();
    }
    if (!run) {
      this.past = [];
      this.#due = [];
      return;
    }
    const target = session.view.items.find(({ id }) => id === item)?.target;
    const isUtc = target?.kind === 'stream' || target?.kind === 'range';
    void this.#loaded.load(run.item, positionMs, isUtc ? serverMs : null, signal);
    const past = this.#loaded.with(session.view.messages, run.item);
    if (past !== this.past) this.past = past;
    const due = dueMessages(past, run, positionMs);
    if (due.length !== this.#due.length || due.at(-1) !== this.#due.at(-1)) this.#due = due;
  }
}

const states = new WeakMap<RoomSession, ChatState>();

/** The chat of a session, the same one for each part of the page. */
export function chatOf(session: RoomSession): ChatState {
  const existing = states.get(session);
  if (existing) return existing;
  let state!: ChatState;
  // The first component that reads it may be gone while others do: it belongs to no component.
  $effect.root(() => {
    state = new ChatState(session);
  });
  states.set(session, state);
  return state;
}
