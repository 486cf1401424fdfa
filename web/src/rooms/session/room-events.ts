/**
 * What happens in a room once and is no state: new messages, changes of playback, requests of others.
 * In: messages of the server, with the room before and after each. Out: calls of listeners.
 */
import type { RoomMessage, ServerMessage } from '../../../../src/api/room/messages.ts';
import type { RoomSnapshot } from './room-snapshot.ts';

/** Someone requests a permission. */
type Asked = Extract<ServerMessage, { t: 'asked' }>;

/** The listeners of one session. Each `on` returns its end. */
export class RoomEvents {
  readonly #messageListeners = new Set<(message: RoomMessage) => void>();
  readonly #stateListeners = new Set<() => void>();
  readonly #askedListeners = new Set<(asked: Asked) => void>();

  /**
   * Calls `listener` with each new chat message, danmaku and notice; not with those that were there before.
   */
  onMessage(listener: (message: RoomMessage) => void): () => void {
    this.#messageListeners.add(listener);
    return () => this.#messageListeners.delete(listener);
  }

  /** Calls `listener` when the room has another state. */
  onState(listener: () => void): () => void {
    this.#stateListeners.add(listener);
    return () => this.#stateListeners.delete(listener);
  }

  /** Calls `listener` when someone requests a permission from this person. */
  onAsked(listener: (asked: Asked) => void): () => void {
    this.#askedListeners.add(listener);
    return () => this.#askedListeners.delete(listener);
  }

  /** Call it when the session has `after` already. */
  receive(message: ServerMessage, before: RoomSnapshot, after: RoomSnapshot): void {
    if (message.t === 'asked') for (const listener of this.#askedListeners) listener(message);
    if (after.state !== before.state) for (const listener of this.#stateListeners) listener();
    if (message.t !== 'message') return;
    const { author, id } = message.message;
    // One that was delivered before it was lost by the server comes again.
    if (before.messages.some((other) => other.author === author && other.id === id)) return;
    for (const listener of this.#messageListeners) listener(message.message);
  }
}
