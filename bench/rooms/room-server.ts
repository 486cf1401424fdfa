/**
 * Server and guests for the room benchmarks.
 * In: numbers. Out: `oxbow serve` on one core; rooms and guests, as lines for the load generator.
 */
import { join } from 'node:path';
import { type Server, startServer } from '../../test/fixtures/server.ts';
import { launcher } from '../recorders.ts';
import { SERVER_CORE } from '../target.ts';

/** Members of a room. */
export const PER_ROOM = 10;
/** The load generator. */
export const SOURCE = 'rooms/room-load.c';
/** Of a server of `startRoomServer`. */
export const adminToken = 'bench-bench-bench-bench';

/** Starts oxbow on the core of servers. */
export function startRoomServer(folder: string, members: number, args: readonly string[] = []): Promise<Server> {
  const most = String(Math.max(10_000, members + 100));
  const limits = ['--rooms-connections', most, '--accounts-max-guests', most];
  return startServer({
    data: join(folder, 'data'),
    program: launcher,
    cpus: SERVER_CORE,
    adminToken,
    args: ['--log-level', 'error', ...limits, ...args],
  });
}

/**
 * Creates guests and rooms on servers with an administrator: of several, in turn. Returns lines for the load
 * generator.
 *
 * @param servers nodes of one cluster, or one server
 */
export async function createMembers(
  servers: Server | readonly Server[],
  members: number,
  perRoom = PER_ROOM,
): Promise<string[]> {
  const nodes = [servers].flat();
  const lines: string[] = new Array(members);
  const rooms: string[] = [];
  const post = async (server: Server, path: string, body: object, send: typeof fetch = fetch) => {
    const headers = { 'content-type': 'application/json' };
    const url = send === fetch ? server.url + path : path;
    const response = await send(url, { method: 'POST', headers, body: JSON.stringify(body) });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return response;
  };
  for (let i = 0; i < members; i += perRoom) {
    const server = nodes[(i / perRoom) % nodes.length]!;
    const made = await post(server, '/api/v1/rooms', { name: `Room ${i / perRoom}` }, server.fetch as typeof fetch);
    rooms.push(((await made.json()) as { id: string }).id);
  }
  let next = 0;
  const create = async () => {
    for (let i = next++; i < members; i = next++) {
      const made = await post(nodes[i % nodes.length]!, '/api/v1/guests', { name: `Guest ${i}` });
      const cookie = made.headers.get('set-cookie')!.split(';')[0]!;
      // Behind a load balancer all nodes have one port, which is in the name.
      const shared = nodes.length > 1 ? cookie.replace(/^oxbow-\d+/, 'oxbow') : cookie;
      lines[i] = `${rooms[Math.floor(i / perRoom)]}\tCookie: ${shared}`;
    }
  };
  await Promise.all(Array.from({ length: 8 }, create));
  return lines;
}
