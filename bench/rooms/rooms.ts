/**
 * `npm run bench -- rooms`: messages in many rooms at once.
 * In: `oxbow serve` on one core; thousands of guests, ten in each room, by a load generator on the other.
 * Every message is a chat message that is stored. Out: delays of deliveries and acknowledgements, memory of a
 * connection, what stalled clients cost the others, and the deliveries of a core, stored and in memory,
 * compared with a bare ws server that stores nothing, as tables.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { openFolder } from '../../test/fixtures/server.ts';
import { compileTool, startLoadGenerator } from '../load-generator.ts';
import { describeMachine, machineCpuS, ProcessTree } from '../process-tree.ts';
import { median, mib, printTable, say } from '../report.ts';
import { CLIENT_CORE, program, SERVER_CORE } from '../target.ts';
import { orTiny } from '../tiny.ts';
import { benchJoins } from './joins.ts';
import { createMembers, PER_ROOM, SOURCE, startRoomServer } from './room-server.ts';

/** Options of `bench rooms`. */
interface RoomsOptions {
  readonly members: number;
  /** Of each measurement. */
  readonly seconds: number;
  readonly rounds: number;
}

/** Delays, ms. */
export interface Quantiles {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
}

/** Result of the load generator; delays in ms. */
interface Result {
  readonly deliveries: number;
  readonly sent: number;
  readonly unsent: number;
  readonly closed: number;
  readonly bad: number;
  readonly refused: number;
  readonly refusal: string;
  readonly delivery: Quantiles;
  readonly ack: Quantiles;
  readonly joinMs: number;
  /** CPU of the server, seconds, and its share of the core, percent. */
  readonly cpuS: number;
  readonly cpuPercent: number;
  readonly othersPercent: number;
}

/** A server under load. */
interface Target {
  readonly port: number;
  readonly pid: number;
  readonly hasAcks: boolean;
  /** Resolves when the connections of the last run are gone. */
  empty(): Promise<void>;
}

const STALLED = orTiny(50, 2);
const WARM_UP_S = orTiny(3, 1);

/** Measures and returns the report. */
export async function benchRooms({ members, seconds, rounds }: RoomsOptions): Promise<string> {
  compileTool(SOURCE);
  await using folder = await openFolder('bench-rooms');
  await using server = await startRoomServer(folder.path, members, ['--rooms-message-rate', '1000']);
  const file = join(folder.path, 'members');
  say(`${members} guests in ${Math.ceil(members / PER_ROOM)} rooms`);
  writeFileSync(file, (await createMembers(server, members)).join('\n'));
  const oxbow: Target = {
    port: Number(new URL(server.url).port),
    pid: server.pid,
    hasAcks: true,
    async empty() {
      while (!/^oxbow_room_connections 0$/m.test(Buffer.from(await server.bytes('/metrics')).toString()))
        await pause(200);
      await pause(1000);
    },
  };
  const run = (target: Target, perSecond: number, stalled = 0) =>
    loadRooms(target, { file, members, stalled, perSecond, seconds });

  const memory = await measureMemory(oxbow, file, members);
  const calm: number[] = [];
  const stalled: number[] = [];
  for (let round = 1; round <= rounds; round++) {
    say(`${STALLED} stalled clients, round ${round} of ${rounds}`);
    calm.push((await run(oxbow, 2500)).delivery.p95);
    stalled.push((await run(oxbow, 2500, STALLED)).delivery.p95);
  }
  await using bareServer = await openScript<number>('bare-server.ts');
  const bare: Target = { ...bareServer, port: bareServer.said, hasAcks: false };
  const roomCount = Math.ceil(members / PER_ROOM);
  await using memoryServer = await openScript<{ port: number; ids: readonly string[] }>('memory-server.ts', [
    String(roomCount),
  ]);
  const inMemory: Target = { ...memoryServer, port: memoryServer.said.port, hasAcks: true };
  const memoryFile = join(folder.path, 'memory-members');
  const lineOf = (_: unknown, i: number) =>
    `${memoryServer.said.ids[Math.floor(i / PER_ROOM)]}\tAuthorization: Bearer let-me-in-please`;
  writeFileSync(memoryFile, Array.from({ length: members }, lineOf).join('\n'));
  const servers = [
    ['oxbow, stored', (perSecond: number) => run(oxbow, perSecond)],
    [
      'oxbow, in memory',
      (perSecond: number) => loadRooms(inMemory, { file: memoryFile, members, stalled: 0, perSecond, seconds }),
    ],
    ['bare ws.send, in memory', (perSecond: number) => run(bare, perSecond)],
  ] as const;
  const rates = [
    [5000, '10'],
    [50_000, '25'],
    [0, ''],
  ] as const;
  const rows: string[][] = [];
  const allResults: Result[] = [];
  const speeds: number[] = [];
  for (const [deliveries, targetMs] of rates) {
    const name = deliveries === 0 ? 'all it can' : String(deliveries);
    const runs = servers.map(([server, measure]) => ({ server, measure, results: [] as Result[] }));
    for (let round = 1; round <= rounds; round++) {
      say(`${name} deliveries/s, round ${round} of ${rounds}`);
      for (const { measure, results } of runs) results.push(await measure(deliveries / PER_ROOM));
    }
    for (const { server, results } of runs) {
      rows.push([name, server, ...describe(results), targetMs]);
      allResults.push(...results);
      if (deliveries === 0) speeds.push(median(results.map((result) => result.deliveries / seconds)));
    }
  }
  const ratio = speeds[1]! / speeds[2]!;
  const head = [
    ...['deliveries/s', 'server', 'measured', 'p50 ms', 'p95 ms', 'p99 ms', 'worst ms', 'ack p50 ms', 'ack p95 ms'],
    ...['server CPU', 'other programs', 'p95 target ms'],
  ];
  return [
    `${describeMachine()}; ${members} members in rooms of ${PER_ROOM}; ${rounds} rounds of ${seconds} s; chat messages of 100 characters, stored`,
    printTable(head, rows),
    `connection: ${memory.kibEach.toFixed(1)} KiB (PSS ${mib(memory.before)} MiB without, ${mib(memory.after)} MiB with ${members}; target 16 KiB); ${members} joins took ${(memory.joinMs / 1000).toFixed(1)} s`,
    `p95 of the others at 25,000 deliveries/s: ${median(calm).toFixed(2)} ms, with ${STALLED} stalled clients ${median(stalled).toFixed(2)} ms, ratio ${(median(stalled) / median(calm)).toFixed(2)} (target 1.1)`,
    `all that those in memory can: ratio ${ratio.toFixed(2)} (target 2)`,
    await benchJoins(rounds),
    ...problems(allResults),
  ].join('\n\n');
}

/** Medians as cells. */
function describe(results: readonly Result[]): string[] {
  const ms = (of: (result: Result) => number) => {
    const value = median(results.map(of));
    return value < 0 ? '' : value.toFixed(1);
  };
  const percent = (of: (result: Result) => number) => `${median(results.map(of)).toFixed(0)} %`;
  return [
    results.length === 0
      ? ''
      : median(results.map(({ deliveries, cpuS, cpuPercent }) => deliveries / (cpuS / (cpuPercent / 100)))).toFixed(0),
    ...[ms((result) => result.delivery.p50), ms((result) => result.delivery.p95), ms((result) => result.delivery.p99)],
    ...[ms((result) => result.delivery.max), ms((result) => result.ack.p50), ms((result) => result.ack.p95)],
    ...[percent((result) => result.cpuPercent), percent((result) => result.othersPercent)],
  ];
}

function problems(results: readonly Result[]): string[] {
  const refused = results.filter(({ refused, closed, bad }) => refused + closed + bad > 0);
  return refused.map(
    (result) => `refused ${result.refused}, closed ${result.closed}, bad frames ${result.bad}: ${result.refusal}`,
  );
}

/** Memory of `members` silent connections. */
async function measureMemory(target: Target, file: string, members: number) {
  const tree = new ProcessTree([target.pid]);
  await pause(orTiny(5000, 500));
  const before = tree.memory().pss;
  const child = startLoadGenerator(CLIENT_CORE, [target.port, file, members, 0, 1, 1, 0, 1], SOURCE);
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const { joinMs } = JSON.parse((await lines.next()).value!) as { joinMs: number };
  // Garbage of the joins is collected within a minute.
  let after = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 30; i++) {
    await pause(orTiny(2000, 500));
    after = Math.min(after, tree.memory().pss);
  }
  child.kill();
  await once(child, 'exit');
  await target.empty();
  return { before, after, joinMs, kibEach: (after - before) / members / 1024 };
}

interface Load {
  readonly file: string;
  readonly members: number;
  readonly stalled: number;
  /** Messages; 0: as many as the server takes. */
  readonly perSecond: number;
  readonly seconds: number;
}

/** Sends messages to a server with joined members, and measures it. */
export async function loadRooms(target: Target, { file, members, stalled, perSecond, seconds }: Load): Promise<Result> {
  const args = [target.port, file, members, stalled, perSecond, target.hasAcks ? 1 : 0, WARM_UP_S, seconds];
  const child = startLoadGenerator(CLIENT_CORE, args, SOURCE);
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const joined = await lines.next();
  if (joined.done) throw new Error('the load generator has failed');
  const { joinMs } = JSON.parse(joined.value) as { joinMs: number };
  await pause(1000);
  const tree = new ProcessTree([target.pid]);
  const bench = new ProcessTree([child.pid!, process.pid]);
  const now = () => ({
    ms: performance.now(),
    own: tree.cpuS(),
    known: tree.cpuS() + bench.cpuS(),
    machine: machineCpuS(),
  });
  child.stdin.write('\n');
  await pause(WARM_UP_S * 1000);
  const from = now();
  await pause(seconds * 1000);
  const to = now();
  const result = JSON.parse((await lines.next()).value!) as Omit<
    Result,
    'joinMs' | 'cpuS' | 'cpuPercent' | 'othersPercent'
  >;
  if (child.exitCode === null) await once(child, 'exit');
  await target.empty();
  const cpuS = to.own - from.own;
  const elapsedS = (to.ms - from.ms) / 1000;
  const others = to.machine - from.machine - (to.known - from.known);
  return {
    ...result,
    joinMs,
    cpuS,
    cpuPercent: (100 * cpuS) / elapsedS,
    othersPercent: (100 * Math.max(0, others)) / elapsedS,
  };
}

/** Starts a server of this folder; its first line is JSON. */
async function openScript<T>(name: string, args: readonly string[] = []) {
  const command = ['-c', SERVER_CORE, process.execPath, join(import.meta.dirname, name), ...args];
  const child = spawn(program('taskset'), command, { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  const line = await createInterface(child.stdout)[Symbol.asyncIterator]().next();
  return {
    said: JSON.parse(line.value!) as T,
    pid: child.pid!,
    empty: () => pause(3000),
    async [Symbol.asyncDispose]() {
      child.kill();
      await exited;
    },
  };
}
