/**
 * `npm run bench -- rooms --people`: ten thousand people in rooms, for a minute after they have come.
 * In: `oxbow serve` on one core, its limits of guests and connections raised to their number; simulated
 * people, ten in each room, by a load generator on the other. They come within a minute, report every 2 s,
 * request the time every 5 s, write, react, leave after five minutes on average and come back. Out: what was
 * delivered, delays, memory, and what went wrong, as text.
 */
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { openFolder } from '../../test/fixtures/server.ts';
import { compileTool, startLoadGenerator } from '../load-generator.ts';
import { describeMachine, ProcessTree } from '../process-tree.ts';
import { mib, printTable, say } from '../report.ts';
import { CLIENT_CORE } from '../target.ts';
import { orTiny } from '../tiny.ts';
import { createMembers, PER_ROOM, SOURCE, startRoomServer } from './room-server.ts';
import type { Quantiles } from './rooms.ts';

/** Within this all have come, s. */
const COME_S = orTiny(60, 3);
const WARM_UP_S = orTiny(3, 1);
/** A person writes this often, s. */
const WRITE_EVERY_S = 30;

/** Result of the load generator; delays in ms. */
interface Result {
  readonly deliveries: number;
  readonly frames: number;
  readonly sent: number;
  readonly unsent: number;
  readonly left: number;
  readonly closed: number;
  readonly bad: number;
  readonly refused: number;
  readonly refusal: string;
  readonly delivery: Quantiles;
  readonly ack: Quantiles;
  readonly clock: Quantiles;
}

/** Measures for `seconds`, and returns the report. */
export async function benchPeople({ members, seconds }: { members: number; seconds: number }): Promise<string> {
  compileTool(SOURCE);
  await using folder = await openFolder('bench-people');
  await using server = await startRoomServer(folder.path, members);
  const file = join(folder.path, 'members');
  say(`${members} guests in ${Math.ceil(members / PER_ROOM)} rooms`);
  writeFileSync(file, (await createMembers(server, members)).join('\n'));
  const tree = new ProcessTree([server.pid]);
  const before = tree.memory().pss;
  const port = new URL(server.url).port;
  const args = [port, file, members, 0, members / WRITE_EVERY_S, 1, WARM_UP_S, seconds, COME_S];
  say(`they come within ${COME_S} s`);
  const child = startLoadGenerator(CLIENT_CORE, args, SOURCE);
  const exited = once(child, 'exit');
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const joined = await lines.next();
  if (joined.done) throw new Error(`the load generator has failed; log of the server: ${server.stderr.slice(-2000)}`);
  await pause(WARM_UP_S * 1000);
  say(`all are in; ${seconds} s are measured`);
  const [fromS, fromMs] = [tree.cpuS(), performance.now()];
  await pause(seconds * 1000);
  const percent = ((tree.cpuS() - fromS) * 100_000) / (performance.now() - fromMs);
  const after = tree.memory().pss;
  const result = JSON.parse((await lines.next()).value!) as Result;
  await exited;
  const row = (name: string, { p50, p95, p99, max }: Quantiles) => [name, ...[p50, p95, p99, max].map(String)];
  const errors = result.closed + result.bad + result.unsent;
  return [
    `${describeMachine()}; ${members} people in rooms of ${PER_ROOM}; ${seconds} s after they have come within ${COME_S} s`,
    `messages to clients: ${Math.round(result.frames / seconds)}/s, ${Math.round(result.deliveries / seconds)}/s of them chat; ${result.left} times a person left, and came back; server CPU ${percent.toFixed(0)} %`,
    printTable(
      ['ms', 'p50', 'p95', 'p99', 'worst'],
      [row('delivery', result.delivery), row('acknowledgement', result.ack), row('answer to clock', result.clock)],
    ),
    `memory: PSS ${mib(before)} MiB before, ${mib(after)} MiB at the end`,
    `refused ${result.refused} ${result.refusal}; errors ${errors}: ${result.closed} connections that the server closed, ${result.bad} bad frames, ${result.unsent} messages that could not be sent, ${server.log('error').length} errors in the log of the server`,
  ].join('\n\n');
}
