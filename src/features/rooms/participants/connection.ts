/**
 * One connection to a room, as the room sees it. The transport implements it.
 * In: features/rooms/sockets. Out: rooms.
 */
import type { UserRef } from '../../../accounts/users/user.ts';
import type { roomCloseCodes, ServerMessage } from '../../../api/room/messages.ts';
import type { RoomVisitor } from '../room-rules.ts';

export interface Connection {
  readonly id: string;
  readonly user: UserRef;
  /** Where it was opened from. */
  readonly from: RoomVisitor;
  /** Sends to this connection only; bounded: a client that does not read is disconnected. Never waits. */
  send(message: ServerMessage): void;
  /** Sends bytes of `frame(message)` that all connections share; see broadcast. */
  sendFrame(frame: Uint8Array): void;
  close(reason: keyof typeof roomCloseCodes, detail: string): void;
}
