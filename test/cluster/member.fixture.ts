/**
 * A member of a room in a cluster, as the page of the room: it comes back by itself.
 * In: addresses of nodes, a room. Out: what it has received; it writes and changes the playback.
 */
import { randomUUID } from 'node:crypto';
import { WebSocket } from 'ws';
import type { RoomMessage, ServerMessage } from '../../src/api/room/messages.ts';
import type { PlaybackState } from '../../src/api/room/playback.ts';
import { Outbox, type SendResult } from '../../web/src/rooms/session/outbox.ts';
import { RoomConnection, type RoomSocket } from '../../web/src/rooms/session/room-connection.ts';
import { ADMIN } from './cluster.fixture.ts';

/**
 * A member like the page of a room, with its connection and its outbox. It tries one node after the other.
 */
export class Member implements Disposable {
  /** Of the last welcome or change. */
  state: PlaybackState | undefined;
  /** When each welcome came, ms. */
  readonly welcomes: number[] = [];
  /**
   * Numbers of all chat messages by their ids, as the page shows them: one that was lost and came again has
   * its last number.
   */
  readonly shown = new Map<string, number>();
  /** Ids that came under one number. */
  readonly ids = new Map<number, Set<string>>();
  readonly #ends = new AbortController();
  readonly #outbox = new Outbox();
  readonly #connection: RoomConnection;
  #since: number | undefined;
  #tries = 0;

  /** @param urls of the nodes that it tries, from now on */
  constructor(room: string, urls: () => readonly string[]) {
    this.#connection = new RoomConnection({
      openSocket: () => {
        const all = urls();
        const url = all[this.#tries++ % all.length]!.replace('http', 'ws');
        const headers = { authorization: `Bearer ${ADMIN}` };
        const socket = new WebSocket(`${url}/api/v1/rooms/${room}/socket`, { headers });
        socket.on('error', () => undefined); // `close` follows
        return socket as unknown as RoomSocket;
      },
      hello: () => ({ t: 'hello', ...(this.#since !== undefined && { since: this.#since }) }),
      onMessage: (message) => this.#take(message),
      onStatus: ({ is }) => {
        if (is === 'waiting') this.#outbox.lost();
      },
    });
    void this.#connection.keep(this.#ends.signal);
  }

  /** Writes to the chat; resolves when it is acknowledged. */
  write(text: string): Promise<SendResult> {
    return this.#outbox.add({ t: 'chat', id: randomUUID(), text }, (message) => this.#connection.send(message));
  }

  /** Changes the playback. */
  command(change: { readonly do: 'item' | 'seek'; readonly item?: string; readonly positionMs?: number }) {
    const { rev } = this.state!;
    const command = { t: 'command', id: randomUUID(), rev, ...change } as const;
    return this.#outbox.add(command, (message) => this.#connection.send(message));
  }

  [Symbol.dispose](): void {
    this.#ends.abort();
  }

  #take(message: ServerMessage): void {
    if (message.t === 'welcome') {
      this.welcomes.push(Date.now());
      this.state = message.state;
      this.#saw(message.messages);
      this.#outbox.resend((one) => this.#connection.send(one));
    } else if (message.t === 'message') this.#saw([message.message]);
    else if (message.t === 'state') this.state = message.state;
    else if (message.t === 'ack' || message.t === 'refused') this.#outbox.answer(message);
  }

  #saw(messages: readonly RoomMessage[]): void {
    for (const { seq, id } of messages) {
      this.shown.set(id, seq);
      this.ids.set(seq, (this.ids.get(seq) ?? new Set()).add(id));
      this.#since = Math.max(this.#since ?? 0, seq);
    }
  }
}
