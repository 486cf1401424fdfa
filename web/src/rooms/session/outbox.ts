/**
 * What a member has sent and the server has not answered: messages are sent again under the same id after a
 * reconnection, commands and requests are not. Reactions, deletions and votes, which have no answer, wait for
 * a connection.
 * In: messages, answers. Out: messages to send again; one result for each. Bounded.
 */
import type { ClientMessageOf, ServerMessage } from '../../../../src/api/room/messages.ts';

/** The answer of the server to a command or a message. */
export type SendResult =
  | { readonly ok: true; readonly seq?: number; readonly rev?: number; readonly to?: number }
  /**
   * `lost`: without a connection a command is not repeated; `full`: too much is waiting. Other codes are the
   * server's.
   */
  | { readonly ok: false; readonly code: string; readonly detail: string; readonly retryAfterMs?: number };

/** Messages that are answered. */
type Answered = ClientMessageOf<'command' | 'ask' | 'chat' | 'danmaku' | 'call-join' | 'call-media'>;
/** Messages sent again after a reconnection; everything else ends with its connection. */
type Repeated = ClientMessageOf<'chat' | 'danmaku'>;

/** Messages without an answer, which may come late: they state the result. */
export type Unanswered = ClientMessageOf<'react' | 'delete' | 'vote'>;

const isRepeated = (message: Answered): message is Repeated => message.t === 'chat' || message.t === 'danmaku';

/** More than this is refused. */
const MAX_WAITING = 64;

/** Everything that waits for an answer. */
export class Outbox {
  readonly #waiting = new Map<string, { readonly message: Answered; readonly resolve: (result: SendResult) => void }>();
  /** What waits for a connection. */
  readonly #unanswered: Unanswered[] = [];
  readonly #changed: () => void;

  /** @param changed called when the chat messages that wait have changed */
  constructor(changed: () => void = () => {}) {
    this.#changed = changed;
  }

  /** Chat and danmaku that wait, oldest first. */
  get messages(): readonly Repeated[] {
    return [...this.#waiting.values()].map(({ message }) => message).filter(isRepeated);
  }

  /**
   * Sends a message, and keeps it until it is answered.
   *
   * @param send returns false without a connection: a message then waits for the next one
   */
  add(message: Answered, send: (message: Answered) => boolean): Promise<SendResult> {
    if (this.#waiting.size >= MAX_WAITING) return Promise.resolve({ ok: false, code: 'full', detail: '' });
    const isSent = send(message);
    if (!isSent && !isRepeated(message)) return Promise.resolve({ ok: false, code: 'lost', detail: '' });
    return new Promise((resolve) => {
      this.#waiting.set(message.id, { message, resolve });
      this.#changed();
    });
  }

  /**
   * Sends a message without an answer; without a connection it waits for the next one.
   * @returns false if too much is waiting
   */
  post(message: Unanswered, send: (message: Unanswered) => boolean): boolean {
    if (send(message)) return true;
    if (this.#unanswered.length >= MAX_WAITING) return false;
    this.#unanswered.push(message);
    return true;
  }

  /** An answer of the server. */
  answer(answer: Extract<ServerMessage, { t: 'ack' | 'refused' }>): void {
    if (answer.id === undefined) return;
    if (answer.t === 'ack') {
      const { t: _, id, ...result } = answer;
      this.#end(id, { ok: true, ...result });
    } else {
      const { code, detail, retryAfterMs } = answer;
      this.#end(answer.id, { ok: false, code, detail, ...(retryAfterMs !== undefined && { retryAfterMs }) });
    }
  }

  /** A connection is open: sends what waits, messages first, in order. */
  resend(send: (message: Answered | Unanswered) => boolean): void {
    for (const { message } of this.#waiting.values()) if (isRepeated(message)) send({ ...message, again: true });
    for (const message of this.#unanswered.splice(0)) send(message);
  }

  /** The connection was lost: commands end, because the room may be elsewhere when it is open again. */
  lost(): void {
    for (const [id, { message }] of [...this.#waiting]) {
      if (!isRepeated(message)) this.#end(id, { ok: false, code: 'lost', detail: '' });
    }
  }

  /** Ends everything. */
  close(): void {
    for (const id of [...this.#waiting.keys()]) this.#end(id, { ok: false, code: 'lost', detail: '' });
  }

  #end(id: string, result: SendResult): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    waiting?.resolve(result);
    this.#changed();
  }
}
