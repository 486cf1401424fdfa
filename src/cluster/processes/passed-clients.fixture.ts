/**
 * Processes of a server that are all in this one, as far as they pass clients to each other.
 * In: names. Out: the link of each. For tests.
 */
import { unreadSocket } from '../../lib/unread-socket.ts';
import type { PassedClient, ProcessLink, TakeClient } from './process-link.ts';

/** Passes clients between the links that it returns. */
export function createTestLinks(): (process: string) => Pick<ProcessLink, 'pass' | 'takeClients'> {
  const takers = new Map<string, TakeClient>();
  return (process) => ({
    pass(to, client, socket) {
      const passed = unreadSocket(socket)!;
      const take = takers.get(`${to} ${client.protocol}`);
      // Over the channel it comes in a later turn, as JSON.
      setImmediate(() => (take ? take(JSON.parse(JSON.stringify(client)) as PassedClient, passed) : passed.destroy()));
    },
    takeClients(protocol, take) {
      const key = `${process} ${protocol}`;
      takers.set(key, take);
      return () => void takers.delete(key);
    },
  });
}
