/**
 * The server of the benchmarks of rooms, and its people.
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
    ...{ data: join(folder, 'data'), program: launcher, cpus: SERVER_CORE, adminToken },
    args: ['--log-level', 'error', ...limits, ...args],
  });
}

/** Creates guests and rooms on a server of `startRoomServer`. Returns lines for the load generator. */
export async function createMembers(server: Server, members: number, perRoom = PER_ROOM): Promise<string[]> {
  const lines: string[] = new Array(members);
  const rooms: string[] = [];
  const post = async (path: string, body: object, init: RequestInit = {}) => {
    const headers = { 'content-type': 'application/json', ...init.headers };
    const response = await fetch(server.url + path, { method: 'POST', headers, body: JSON.stringify(body) });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return response;
  };
  for (let i = 0; i < members; i += perRoom) {
    const headers = { authorization: `Bearer ${adminToken}` };
    const made = await post('/api/v1/rooms', { name: `Room ${i / perRoom}` }, { headers });
    rooms.push(((await made.json()) as { id: string }).id);
  }
  let next = 0;
  const create = async () => {
    for (let i = next++; i < members; i = next++) {
      const made = await post('/api/v1/guests', { name: `Guest ${i}` });
      lines[i] = `${rooms[Math.floor(i / perRoom)]}\tCookie: ${made.headers.get('set-cookie')!.split(';')[0]}`;
    }
  };
  await Promise.all(Array.from({ length: 8 }, create));
  return lines;
}
