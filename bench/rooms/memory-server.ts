/**
 * oxbow's rooms with a chat in memory, for `bench rooms`: compared with bare-server.ts, which stores
 * nothing either.
 * In: the number of rooms, as an argument. Out: a line of JSON with the port and the rooms.
 */

import { administrator } from '../../src/accounts/users/user.ts';
import { createFramedConnections } from '../../src/features/rooms/live/framed-connections.ts';
import { startRoomServer } from '../../src/features/rooms/room-server.fixture.ts';
import { openTestRooms } from '../../src/features/rooms/rooms.fixture.ts';
import { createSystemClock } from '../../src/lib/clock.ts';

const count = Number(process.argv[2]);
const clock = createSystemClock();
const { rooms, settings } = await openTestRooms({ clock, createConnections: () => createFramedConnections(() => {}) });
settings.max = count;
const limits = { connections: 100_000, connectionsPerUser: 100_000, messageRate: 1000 };
const server = await startRoomServer({ rooms, socketLimits: () => limits }, { clock });
const ids: string[] = [];
for (let i = 0; i < count; i++) ids.push((await rooms.create(administrator, { name: `Room ${i}` })).state.record.id);
process.stdout.write(`${JSON.stringify({ port: Number(new URL(server.url).port), ids })}\n`);
