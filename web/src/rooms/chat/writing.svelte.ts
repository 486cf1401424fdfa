/**
 * What a member writes in a room's chat: messages and danmaku, the pause of the slow mode, and what could not
 * be sent.
 * In: texts of the field to write in, answers of the server. Out: the end of the pause, refused messages.
 */
import type { DanmakuStyle } from '../session/room-requests.ts';
import type { RoomSession } from '../session/room-session.svelte.ts';
import { slowModeSecondsOf } from '../session/room-snapshot.ts';

/** Most messages that could not be sent. */
const MAX_FAILED = 20;

/** A message that the server refused. */
export interface FailedMessage {
  readonly id: string;
  readonly text: string;
  readonly replyTo: number | undefined;
  /** The server's code; `full`, `lost`. */
  readonly code: string;
}

/** The writer of one session. */
export class Writing {
  /** Oldest first. */
  failed = $state.raw<readonly FailedMessage[]>([]);
  /** Until then the member cannot write, unix ms of the server; 0: at once. */
  slowUntilMs = $state(0);
  readonly #session: RoomSession;
  #failures = 0;

  constructor(session: RoomSession) {
    this.#session = session;
  }

  /** Sends a message; one that is refused is kept in `failed`. */
  async send(text: string, replyTo?: number): Promise<void> {
    const session = this.#session;
    const isFree = session.may('moderate');
    const result = await session.requests.chat(text, replyTo === undefined ? {} : { replyTo });
    if (result.ok) {
      const slowSeconds = slowModeSecondsOf(session.view);
      if (slowSeconds > 0 && !isFree) this.slowUntilMs = session.clock.now() + slowSeconds * 1000;
      return;
    }
    if (result.code === 'slow-mode') this.slowUntilMs = session.clock.now() + (result.retryAfterMs ?? 0);
    this.#fail({ text, replyTo, code: result.code });
  }

  /** Sends a danmaku. @returns the code of the refusal */
  async sendDanmaku(text: string, style: DanmakuStyle): Promise<string | null> {
    const result = await this.#session.requests.danmaku(text, style);
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
}
