/**
 * The messages of a call over the connection of its room.
 * In: what this page sends in the call, news of the server. Out: messages to the server, calls of listeners.
 * docs/7-together/messages.md.
 */
import type { CallMedia } from '../../../../src/api/room/call-shapes.ts';
import type { ClientMessage, ClientMessageOf, ServerMessage } from '../../../../src/api/room/messages.ts';
import type { Outbox, SendResult } from './outbox.ts';

/** News of the server about the call. */
export type CallNews = Extract<
  ServerMessage,
  { t: 'call' | 'call-joined' | 'call-signal' | 'call-slots' | 'call-ended' }
>;

export const isCallNews = (message: ServerMessage): message is CallNews =>
  message.t === 'call' || message.t.startsWith('call-');

/** The signaling of one session. */
export class CallSignaling {
  readonly #outbox: Outbox;
  readonly #send: (message: ClientMessage) => boolean;
  readonly #listeners = new Set<(news: CallNews) => void>();

  /** @param send returns false without a connection */
  constructor(outbox: Outbox, send: (message: ClientMessage) => boolean) {
    this.#outbox = outbox;
    this.#send = send;
  }

  /** Calls `listener` with what the server says about the call, in its order. Returns its end. */
  onNews(listener: (news: CallNews) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Joins the call with this connection, or changes what it sends there. */
  setMedia(t: 'call-join' | 'call-media', media: CallMedia, recording: boolean): Promise<SendResult> {
    const { microphone, camera, screen } = media;
    const message = { t, id: crypto.randomUUID(), microphone, camera, screen, ...(recording && { recording }) };
    return this.#outbox.add(message, this.#send);
  }

  /**
   * Leaves the call, or passes a signal on to another participant. Without a connection there is nothing to
   * leave.
   */
  send(message: ClientMessageOf<'call-leave' | 'call-signal'>): boolean {
    return this.#send(message);
  }

  receive(news: CallNews): void {
    for (const listener of this.#listeners) listener(news);
  }
}
