/**
 * A room for tests: sockets that the test answers, messages with the usual fields.
 * In: what a test wants. Out: fakes.
 */
import type { ClientMessage, RoomMessage, ServerMessage } from '../../../../src/api/room/messages.ts';
import { usualMasks } from '../../../../src/api/room/permissions.ts';
import { nothingPlays } from '../../../../src/api/room/playback.ts';
import type { RoomSocket, SocketEvent } from './room-connection.ts';

/** A socket whose server is the test. */
export class FakeSocket implements RoomSocket {
  readyState = 0;
  readonly sent: ClientMessage[] = [];
  readonly #listeners = new Map<string, ((event: SocketEvent) => void)[]>();

  send(text: string): void {
    this.sent.push(JSON.parse(text) as ClientMessage);
  }
  close(): void {
    this.closed(1000);
  }
  addEventListener(type: string, listener: (event: SocketEvent) => void): void {
    this.#listeners.set(type, [...(this.#listeners.get(type) ?? []), listener]);
  }
  /** The server accepts the connection. */
  opened(): void {
    this.readyState = 1;
    this.#emit('open', {});
  }
  /** The server sends. */
  says(message: ServerMessage): void {
    this.#emit('message', { data: JSON.stringify(message) });
  }
  /** The connection is over. */
  closed(code: number): void {
    if (this.readyState === 3) return;
    this.readyState = 3;
    this.#emit('close', { code });
  }
  #emit(type: string, event: SocketEvent): void {
    for (const listener of this.#listeners.get(type) ?? []) listener(event);
  }
}

/** A chat message of a room. */
export function chatMessage(seq: number, id = `message-${seq}`): RoomMessage {
  return { seq, id, kind: 'chat', author: 'ann', name: 'Ann', text: `text ${id}`, sentMs: 1_000 + seq };
}

export function welcome(
  parts: Partial<Extract<ServerMessage, { t: 'welcome' }>> = {},
): Extract<ServerMessage, { t: 'welcome' }> {
  const messages = parts.messages ?? [];
  return {
    t: 'welcome',
    you: { user: 'ann', name: 'Ann', permissions: usualMasks.member },
    serverMs: 0,
    room: {
      id: 'den',
      name: 'Den',
      owner: { id: 'ann', name: 'Ann' },
      visibility: 'public',
      hasPassword: false,
      playingHidden: false,
      capacity: null,
      present: 1,
      playing: null,
      still: null,
      createdAt: '2026-01-01T00:00:00.000Z',
      expiresAt: null,
      options: {
        guests: true,
        approve: false,
        control: 'everyone',
        atEnd: 'next',
        waitForSlow: false,
        slowModeSeconds: 0,
        keepChat: false,
        masks: usualMasks,
      },
    },
    state: nothingPlays,
    members: [],
    items: [],
    polls: [],
    messages,
    gap: false,
    call: null,
    lastSeq: messages.at(-1)?.seq ?? 0,
    ...parts,
  };
}
