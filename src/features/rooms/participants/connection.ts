/**
 * One connection to a room, as the room sees it. The transport implements it.
 * In: features/rooms/sockets. Out: rooms.
 */
import type { UserRef } from '../../../accounts/users/user.ts';
import type { roomCloseCodes, ServerMessage } from '../../../api/room/messages.ts';

export interface Connection {
  readonly id: string;
  readonly user: UserRef;
  /** IP address, for the log and limits. */
  readonly address: string;
  /** Sends to this connection only; bounded: a client that does not read is disconnected. Never waits. */
  send(message: ServerMessage): void;
  /** Sends bytes of `frame(message)` that all connections share; see broadcast. */
  sendFrame(frame: Uint8Array): void;
  close(reason: keyof typeof roomCloseCodes, detail: string): void;
}
