/**
 * The connections of a room: a message to everyone is printed once.
 * In: messages. Out: one frame, passed to each connection.
 */
import type { ServerMessage } from '../../../api/room/messages.ts';
import type { Connection } from '../participants/connection.ts';
import type { Connections } from '../participants/connections.ts';
import { printFrame } from './frame.ts';

/** @param broadcasted called with each message, for metrics */
export function createFramedConnections(broadcasted: (message: ServerMessage) => void): Connections {
  const connections = new Set<Connection>();
  return {
    get size() {
      return connections.size;
    },
    add: (connection) => void connections.add(connection),
    remove: (connection) => void connections.delete(connection),
    broadcast(message, isFor) {
      if (connections.size === 0) return;
      broadcasted(message);
      const frame = printFrame(JSON.stringify(message));
      for (const connection of connections) if (!isFor || isFor(connection.user)) connection.sendFrame(frame);
    },
  };
}
