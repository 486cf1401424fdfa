/**
 * The chat of a room in this page: its rows, the past that replays in step, and what could not be sent.
 * In: the room's session, its history and its past. Out: state for the chat panel and the danmaku layer,
 * which share one of each session.
 */
import type { RoomMessage } from '../../../../src/api/room/chat-shapes.ts';
import { mentionKey } from '../../../../src/api/room/mentions.ts';
import { ApiError } from '../../api/client.ts';
import { poll } from '../../api/poll.ts';
import { listMessages } from '../../api/room-messages.ts';
import { listMembers } from '../../api/rooms.ts';
import type { DanmakuStyle, RoomSession } from '../session/room-session.svelte.ts';
import { PastMessages } from './past-messages.ts';
import { Reading } from './reading.svelte.ts';
import { type ChatRow, chatRows, dueMessages, nextRun, type Run } from './replay-rows.ts';

/** How often the position is looked at, ms. */
const LOOK_MS = 250;
/** Most messages that could not be sent. */
const MAX_FAILED = 20;

/** The members who are away are read at most this often, ms. */
const PEOPLE_EACH_MS = 60_000;

/** Someone who can be mentioned. */
interface Person {
  /** Id of the user. */
  readonly user: string;
  readonly name: string;
}

/** A message that the server refused. */
export interface FailedMessage {
  readonly id: string;
  readonly text: string;
  readonly replyTo: number | undefined;
  /** The server's code; `full`, `lost`. */
  readonly code: string;
}

/** The chat of one session. */
export class ChatState {
  readonly session: RoomSession;
  readonly reading: Reading;
  /** Members who are away, by their id; read when someone is mentioned. */
  #away = $state.raw<readonly Person[]>([]);
  #peopleMs = Number.NEGATIVE_INFINITY;
  /** Messages of the past and of now that belong to the media around the position, in its order. */
  past = $state.raw<readonly RoomMessage[]>([]);
  failed = $state.raw<readonly FailedMessage[]>([]);
  /** Until then the member cannot write, unix ms of the server; 0: at once. */
  slowUntilMs = $state(0);
  /** Of the server, unix ms; moves four times a second. */
  nowMs = $state(0);
  /** Position of the room, ms; moves four times a second. */
  positionMs = $state(0);
  isLoading = $state(false);
  #run = $state.raw<Run | null>(null);
  #due = $state.raw<readonly RoomMessage[]>([]);
  readonly #loaded: PastMessages;
  #looked: { readonly serverMs: number; readonly positionMs: number } | null = null;
  #failures = 0;
  readonly #users = new Set<AbortSignal>();
  #worker: AbortSignal | null = null;

  constructor(session: RoomSession) {
    this.session = session;
    this.#loaded = new PastMessages(session.id);
    this.reading = new Reading(session);
  }

  /** What the list shows. */
  readonly rows: readonly ChatRow[] = $derived.by(() => chatRows(this.session.messages, this.#due, this.#run));

  /** The newest number of all messages that are known, for the count of new ones. */
  readonly lastSeq: number = $derived.by(() => this.session.messages.at(-1)?.seq ?? 0);

  /** People who can be mentioned: those who are here first. */
  readonly people: readonly Person[] = $derived.by(() => {
    const here = new Set(this.session.members.map(({ user }) => user));
    return [...this.session.members, ...this.#away.filter(({ user }) => !here.has(user))];
  });

  /** Their ids by `mentionKey`; of several people with a name who is here counts. */
  readonly names: ReadonlyMap<string, string> = $derived.by(
    () => new Map(this.people.toReversed().map(({ name, user }) => [mentionKey(name), user])),
  );

  /** Reads the members who are away, at most once a minute. */
  async readPeople(signal: AbortSignal): Promise<void> {
    const nowMs = performance.now();
    if (nowMs - this.#peopleMs < PEOPLE_EACH_MS) return;
    this.#peopleMs = nowMs;
    const members = await listMembers(this.session.id, signal).catch(() => []); // those who are here are found all the same
    if (members.length > 0)
      this.#away = members.filter(({ state }) => state === 'active').map(({ user, name }) => ({ user, name }));
  }

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
    const first = this.session.messages[0];
    if (this.isLoading || !this.session.hasOlder || !first) return;
    this.isLoading = true;
    try {
      const { items, hasMore } = await listMessages(this.session.id, first.seq, signal);
      this.session.addOlder(items, hasMore);
    } catch (error) {
      if (!signal.aborted && !(error instanceof ApiError)) throw error; // the reader scrolls again
    } finally {
      this.isLoading = false;
    }
  }

  /** Sends a message; one that is refused is kept in `failed`. */
  async send(text: string, replyTo?: number): Promise<void> {
    const { session } = this;
    const isFree = session.may('moderate');
    const result = await session.chat(text, replyTo === undefined ? {} : { replyTo });
    if (result.ok) {
      if (session.slowModeSeconds > 0 && !isFree)
        this.slowUntilMs = session.clock.now() + session.slowModeSeconds * 1000;
      return;
    }
    if (result.code === 'slow-mode') this.slowUntilMs = session.clock.now() + (result.retryAfterMs ?? 0);
    this.#fail({ text, replyTo, code: result.code });
  }

  /** Sends a danmaku. @returns the code of the refusal */
  async sendDanmaku(text: string, style: DanmakuStyle): Promise<string | null> {
    const result = await this.session.danmaku(text, style);
    return result.ok ? null : result.code;
  }

  /** Sends a message that failed again. */
  retry({ id, text, replyTo }: FailedMessage): void {
    this.forget(id);
    void this.send(text, replyTo);
  }

  /** Removes a message that failed. */
  forget(id: string): void {
    this.failed = this.failed.filter((message) => message.id !== id);
  }

  #fail(message: Omit<FailedMessage, 'id'>): void {
    this.failed = [...this.failed.slice(1 - MAX_FAILED), { ...message, id: `failed-${++this.#failures}` }];
  }

  #look(signal: AbortSignal): void {
    const { session } = this;
    const { item, playing, rate } = session.state;
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
    const target = session.items.find(({ id }) => id === item)?.target;
    const isUtc = target?.kind === 'stream' || target?.kind === 'range';
    void this.#loaded.load(run.item, positionMs, isUtc ? serverMs : null, signal);
    const past = this.#loaded.with(session.messages, run.item);
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
