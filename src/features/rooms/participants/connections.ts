/**
 * The connections of a room that get what everyone gets.
 * In: rooms/room-hub. Out: messages to connections. rooms/live has the implementation that builds each frame
 * once and joins messages of a tick.
 */
import type { UserRef } from '../../../accounts/users/user.ts';
import type { ServerMessage } from '../../../api/room/messages.ts';
import type { Connection } from './connection.ts';

/** Everyone who is connected to a room. */
export interface Connections {
  readonly size: number;
  add(connection: Connection): void;
  /** May be called again for the same connection. */
  remove(connection: Connection): void;
  /**
   * Sends to every connection, or to those of some people. A connection gets its own messages and these in
   * the order in which they were sent. Never waits.
   */
  broadcast(message: ServerMessage, isFor?: (user: UserRef) => boolean): void;
}
