/**
 * `bench cluster`, rooms: three nodes own the rooms in turn, members are connected to the nodes in turn, so
 * two thirds of them are passed on.
 * In: numbers. Out: delays of messages between nodes, the highest rate, what a delivery and a member cost,
 * and their extrapolation.
 */
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { openFolder } from '../../test/fixtures/server.ts';
import { compileTool, startLoadGenerator } from '../load-generator.ts';
import { cores, machineCpuS } from '../process-tree.ts';
import { printTable, say } from '../report.ts';
import { createMembers, PER_ROOM, SOURCE } from '../rooms/room-server.ts';
import type { Quantiles } from '../rooms/rooms.ts';
import { CLIENT_CORE, SERVER_CORE } from '../target.ts';
import { orTiny } from '../tiny.ts';
import { type CostPoint, fitCosts } from './line.ts';
import { type BenchCluster, ClusterCpu, coresBetween, NAMES, openNodes } from './nodes.ts';

/** The bar for messages between nodes, ms. */
const P95_MS = 100;
/** Deliveries a second that are tried first; then half more, until it is too much. */
const FIRST_RATE = orTiny(2000, 20);
const STEP = 1.5;
/** Rates that are tried. */
const MOST_TRIES = orTiny(Number.POSITIVE_INFINITY, 1);
/** Tries between the highest rate that was carried and the lowest that was not. */
const HALVINGS = 2;
const SEARCH = orTiny({ warmUpS: 2, seconds: 5 }, { warmUpS: 1, seconds: 1 });
const WARM_UP_S = orTiny(2, 1);
const SHARES = [0.25, 0.5, 0.75] as const;
/** Results computed from the costs. */
const WANTED = { members: 15_000, deliveries: 20_000, rooms: 1500 } as const;
/** A core is planned to be so full (docs/9-run/capacity.md). */
const FULL = 0.65;
/** Members whose memory is measured, and for how long the lowest is looked for, s. */
const MEMORY_MEMBERS = orTiny(1000, 20);
const MEMORY_S = orTiny(12, 1);
const FIRST_MEMBERS = orTiny(100, 5);
const BOTH_CORES = `${SERVER_CORE},${CLIENT_CORE}`;

/** The output of the load generator for a step. */
interface Result {
  readonly deliveries: number;
  readonly frames: number;
  readonly closed: number;
  readonly bad: number;
  readonly refused: number;
  readonly refusal: string;
  readonly seconds: number;
  readonly delivery: Quantiles;
  readonly ack: Quantiles;
  readonly across: Quantiles;
  readonly passed0: Quantiles;
  readonly passed2: Quantiles;
}

/** A measured step. */
interface Step extends Result {
  readonly members: number;
  /** Deliveries that were due each second. */
  readonly rate: number;
  readonly cpu: ReturnType<typeof coresBetween>;
  /** CPU of other programs, cores. */
  readonly others: number;
}

/** Measures and returns the report. @param seconds of each measurement */
export async function benchClusterRooms(members: number, seconds: number): Promise<string> {
  compileTool(SOURCE);
  await using opened = new AsyncDisposableStack();
  const folder = opened.use(await openFolder('bench-cluster-rooms'));
  const most = String(10 * members);
  const args = ['--log-level', 'warn', '--rooms-message-rate', '1000', '--rooms-connections', most];
  const bench = await openNodes(opened, { args: [...args, '--accounts-max-guests', most] });
  const servers = NAMES.map((name) => bench.node(name).server);
  const file = join(folder.path, 'members');
  say(`${members} guests in ${Math.ceil(members / PER_ROOM)} rooms`);
  const lines = await createMembers(servers, members);
  writeFileSync(file, lines.join('\n'));
  const memory = await measureMemory(bench, lines, folder.path);
  const ports = servers.map(({ url }) => new URL(url).port).join(',');
  await using load = openLoad(bench, ports, file, members);

  const empty = await load.step({ members: 0, rate: 0, warmUpS: 0, seconds: orTiny(5, 1) });
  const half = members / 2;
  const silent = { rate: 0, warmUpS: orTiny(4, 1), seconds: seconds / 2 };
  const steps = [empty, await load.step({ members: half, ...silent })];
  steps.push(await load.step({ members, ...silent }));
  let carried = 0;
  let refused = Number.POSITIVE_INFINITY;
  const tried: Step[] = [];
  let halving = false;
  const isCarried = ({ across, deliveries, rate }: Step) =>
    across.p95 < P95_MS && deliveries > 0.97 * rate * SEARCH.seconds;
  for (let rate = FIRST_RATE, halvings = 0; halvings < HALVINGS || refused === Number.POSITIVE_INFINITY; ) {
    if (tried.length === MOST_TRIES) break;
    const step = await load.step({ members, rate, ...SEARCH });
    tried.push(step);
    // Others may have used the machine: it is too much when it was twice.
    const isTooMuch = !isCarried(step) && tried.at(-2)?.rate === rate;
    if (isCarried(step)) carried = rate;
    else if (isTooMuch) refused = rate;
    else continue;
    if (halving) halvings++;
    halving = refused < Number.POSITIVE_INFINITY;
    rate = refused === Number.POSITIVE_INFINITY ? rate * STEP : Math.round((carried + refused) / 2);
    await pause(1000);
  }
  const highest = tried.filter(isCarried).at(-1) ?? tried[0]!;
  // With --tiny, a busy machine may carry none of the few rates that are tried.
  const full = carried > 0 ? carried : FIRST_RATE;
  for (const share of SHARES) {
    steps.push(await load.step({ members, rate: Math.round(full * share), warmUpS: WARM_UP_S, seconds }));
  }
  const points = steps.map(
    (step): CostPoint => ({ amounts: [step.deliveries / step.seconds, step.members], cost: step.cpu.all }),
  );
  const costs = fitCosts(points);
  const best = tried.filter(({ rate }) => rate === carried).at(-1) ?? highest;
  const takeovers = servers
    .flatMap((server) => server.log('warn'))
    .filter(({ msg }) => /not renew its lease/.test(msg));
  const problems = [...steps, ...tried].filter(({ closed, bad, refused: no }) => closed + bad + no > 0);
  const wanted = costs.at([WANTED.deliveries, WANTED.members]);
  const percent = (value: number) => `${(100 * value).toFixed(0)} %`;
  const row = (name: string, step: Step, residual?: number) => [
    ...[name, String(step.members), (step.deliveries / step.seconds).toFixed(0)],
    ...(step.rate === 0
      ? ['', '', '', '', '']
      : [step.passed0.p95, step.passed2.p95, step.across.p50, step.across.p95, step.ack.p95].map((ms) =>
          ms.toFixed(1),
        )),
    ...[percent(step.cpu.nodes.reduce((sum, share) => sum + share, 0)), percent(step.cpu.engines)],
    ...[percent(step.cpu.bench), percent(step.others)],
    residual === undefined ? '' : `${(100 * residual).toFixed(1)} %`,
  ];
  const names = ['no members', 'half of the members, silent', 'all, silent', ...SHARES.map((share) => percent(share))];
  const rows = steps.map((step, i) => row(names[i]!, step, costs.residuals[i]));
  rows.splice(3, 0, row('the highest rate', best));
  const head = [
    ...[
      '',
      'members',
      'deliveries/s',
      'at the owner p95 ms',
      'passed on twice p95',
      'across nodes p50',
      `p95 (bar ${P95_MS})`,
    ],
    ...['ack p95', 'nodes', 'engines', 'load generator', 'other programs', 'residual'],
  ];
  return [
    `${members} members of ${Math.ceil(members / PER_ROOM)} rooms over three nodes, everything on ${cores} cores; ${seconds} s each; CPU in % of a core`,
    printTable(head, rows),
    `tried for ${SEARCH.seconds} s: ${tried.map((step) => `${step.rate}/s p95 ${step.across.p95.toFixed(0)} ms`).join(', ')}`,
    `cost: ${(1e6 * costs.each[0]!).toFixed(0)} µs of CPU for a delivery, ${(1e6 * costs.each[1]!).toFixed(0)} µs a second for a member, ${percent(costs.base)} of a core without anyone; worst residual ${(100 * Math.max(...costs.residuals.map(Math.abs))).toFixed(1)} % of a core`,
    `${WANTED.members} members, ${WANTED.rooms} rooms, ${WANTED.deliveries} deliveries/s by this plane: ${wanted.toFixed(1)} cores of work, ${Math.ceil(wanted / FULL)} cores at ${percent(FULL)} each (computed, not measured)`,
    memory,
    `takeovers meanwhile: ${takeovers.length}`,
    ...problems.map(
      (result) => `closed ${result.closed}, bad ${result.bad}, refused ${result.refused}: ${result.refusal}`,
    ),
  ].join('\n\n');
}

interface LoadStep {
  readonly members: number;
  /** Deliveries a second. */
  readonly rate: number;
  readonly warmUpS: number;
  readonly seconds: number;
}

/** Starts the load generator, which takes steps. */
function openLoad(bench: BenchCluster, ports: string, file: string, members: number) {
  const child = startLoadGenerator(BOTH_CORES, ['steps', ports, file, members], SOURCE);
  const exited = once(child, 'exit');
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const cpu = new ClusterCpu(bench, [child.pid!]);
  return {
    cpu,
    async step({ members, rate, warmUpS, seconds }: LoadStep): Promise<Step> {
      say(`${members} members, ${rate} deliveries/s, ${seconds} s`);
      child.stdin.write(`${members} ${rate / PER_ROOM} ${warmUpS} ${seconds}\n`);
      const joined = await lines.next();
      if (joined.done) throw new Error('the load generator has failed');
      await pause(1000 * warmUpS);
      const [from, machineFromS] = [cpu.now(), machineCpuS()];
      await pause(1000 * seconds);
      const [to, machineToS] = [cpu.now(), machineCpuS()];
      const result = JSON.parse((await lines.next()).value!) as Result;
      const used = coresBetween(from, to);
      const others = (machineToS - machineFromS) / (to.atS - from.atS) - used.all - used.bench;
      return { ...result, members, rate, cpu: used, others: Math.max(0, others) };
    },
    async [Symbol.asyncDispose]() {
      child.stdin.end();
      await exited;
    },
  };
}

/**
 * Memory of a member at the owner of its room, and at the node that passes it on: rooms of `a`, connections
 * to `a`, then to `b`.
 */
async function measureMemory(bench: BenchCluster, lines: readonly string[], folder: string): Promise<string> {
  // Rooms are at the nodes in turn.
  const memberLines = lines.filter((_, i) => Math.floor(i / PER_ROOM) % NAMES.length === 0).slice(0, MEMORY_MEMBERS);
  const file = join(folder, 'own-members');
  writeFileSync(file, memberLines.join('\n'));
  const kib = async (port: string) => {
    await using load = openLoad(bench, port, file, memberLines.length);
    // The first ones have code compiled and heaps grow.
    await load.step({ members: FIRST_MEMBERS, rate: 0, warmUpS: orTiny(4, 1), seconds: 1 });
    const before = load.cpu.pss();
    await load.step({ members: memberLines.length, rate: 0, warmUpS: 1, seconds: 1 });
    const least = before.map(() => Number.POSITIVE_INFINITY);
    for (let s = 0; s < MEMORY_S; s++) {
      await pause(1000);
      for (const [i, bytes] of load.cpu.pss().entries()) least[i] = Math.min(least[i]!, bytes);
    }
    return least.map((bytes, i) => (bytes - before[i]!) / (memberLines.length - FIRST_MEMBERS) / 1024);
  };
  const [a, b] = [bench.node('a').server, bench.node('b').server];
  say(`memory of ${memberLines.length} members`);
  const [direct] = await kib(new URL(a.url).port);
  const [owner, passing] = await kib(new URL(b.url).port);
  const text = (value: number | undefined) => `${value!.toFixed(1)} KiB`;
  return `memory of a member (PSS, ${memberLines.length} members): ${text(direct)} at the owner of its room, connected there; connected to another node: ${text(owner)} more at the owner, ${text(passing)} at the node that passes it on`;
}
