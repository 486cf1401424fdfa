/**
 * 1,000 people who enter rooms at once: a part of `npm run bench -- rooms`.
 * In: `oxbow serve` on one core; guests by the load generator on the other, and a member who writes 20
 * messages a second meanwhile. Out: the time until all are welcomed, bytes that each of them got, the longest
 * delay of a message to that member.
 */
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { enterRoom } from '../../src/features/rooms/sockets/room-client.fixture.ts';
import { openFolder } from '../../test/fixtures/server.ts';
import { startLoadGenerator } from '../load-generator.ts';
import { median, printTable, say } from '../report.ts';
import { CLIENT_CORE } from '../target.ts';
import { orTiny } from '../tiny.ts';
import { adminToken, createMembers, SOURCE, startRoomServer } from './room-server.ts';

const PEOPLE = orTiny(1000, 20);
/** Of the second measurement. */
const ROOMS = orTiny(100, 10);
/** Presence of a crowd is sent later than its welcomes, ms. */
const SETTLE_MS = orTiny(3000, 500);
const WRITE_EACH_MS = 50;

/** Measures `rounds` times, each with a new server, and returns a table. */
export async function benchJoins(rounds: number): Promise<string> {
  const rows: string[][] = [];
  for (const rooms of [1, ROOMS]) {
    const runs: Joins[] = [];
    for (let round = 1; round <= rounds; round++) {
      say(`${PEOPLE} joins, ${rooms} rooms, round ${round} of ${rounds}`);
      runs.push(await measure(rooms));
    }
    const of = (value: (run: Joins) => number) => median(runs.map(value)).toFixed(0);
    rows.push([
      ...[String(rooms), of(({ joinMs }) => joinMs), of(({ bytesEach }) => bytesEach / 1024)],
      ...[of(({ presentBytes }) => presentBytes / 1024), of(({ worstMs }) => worstMs)],
    ]);
  }
  const head = [
    'rooms',
    'all welcomed ms',
    'KiB each',
    'KiB of a member who was there',
    'worst delay of its messages ms',
  ];
  return `${PEOPLE} people who enter at once\n\n${printTable(head, rows)}`;
}

interface Joins {
  readonly joinMs: number;
  readonly bytesEach: number;
  readonly presentBytes: number;
  readonly worstMs: number;
}

async function measure(rooms: number): Promise<Joins> {
  await using folder = await openFolder('bench-joins');
  const limits = ['--rooms-message-rate', '1000', '--rooms-capacity', String(2 * PEOPLE)];
  await using server = await startRoomServer(folder.path, PEOPLE, limits);
  const file = join(folder.path, 'members');
  const lines = await createMembers(server, PEOPLE, PEOPLE / rooms);
  writeFileSync(file, lines.join('\n'));
  const headers = { authorization: `Bearer ${adminToken}` };
  const member = await enterRoom(server.url, lines[0]!.split('\t')[0]!, { headers });
  let presentBytes = 0;
  let worstMs = 0;
  member.socket.on('message', (data: Buffer) => {
    presentBytes += data.length;
    const text = String(data);
    if (!text.startsWith('{"t":"message"')) return;
    const { message } = JSON.parse(text) as { message: { id: string; text: string } };
    if (message.id.startsWith('message-')) worstMs = Math.max(worstMs, performance.now() - Number(message.text));
  });
  let written = 0;
  const writing = setInterval(() => {
    member.send({ t: 'chat', id: `message-${written++}`, text: String(performance.now()) });
  }, WRITE_EACH_MS);
  const { port } = new URL(server.url);
  const child = startLoadGenerator(CLIENT_CORE, [port, file, PEOPLE, 0, 1, 1, 0, 1], SOURCE);
  const exited = once(child, 'exit');
  const output = createInterface(child.stdout)[Symbol.asyncIterator]();
  const joined = await output.next();
  if (joined.done) throw new Error(`the load generator has failed; log of the server: ${server.stderr.slice(-2000)}`);
  const { joinMs } = JSON.parse(joined.value) as { joinMs: number };
  clearInterval(writing);
  await pause(SETTLE_MS);
  child.stdin.write('\n');
  const { joinBytes } = JSON.parse((await output.next()).value!) as { joinBytes: number };
  await exited;
  member.socket.terminate();
  return { joinMs, bytesEach: joinBytes / PEOPLE, presentBytes, worstMs };
}
