/**
 * For `bench footprint`: memory per client, in the process and in the kernel. A separate program, so that it
 * can run in a separate network namespace, where it may change a setting of the kernel.
 * In: the argument `own-network` if it does. Out: rows as JSON on standard output.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { openFolder } from '../test/fixtures/server.ts';
import { startLoadGenerator } from './load-generator.ts';
import { ProcessTree } from './process-tree.ts';
import {
  CLIENT_CORE,
  localAddress,
  openTarget,
  PLAYER_FIELDS,
  playerRequest,
  program,
  type RunningTarget,
} from './target.ts';
import { orTiny } from './tiny.ts';

/** One kind of client. */
export interface ClientRow {
  readonly what: string;
  readonly clients: number;
  /** Anonymous memory of the process for each client, KiB. */
  readonly processKib: number;
  /** Queues of the server's sockets for each client, KiB. */
  readonly kernelKib: number;
  /** Target for both together, KiB. */
  readonly targetKib: number;
}

const CLIENTS = orTiny(1000, 20);
/**
 * Clients that connect before the first measurement, so that memory that is allocated once does not count.
 */
const FIRST_CLIENTS = orTiny(50, 5);
const READERS = orTiny(200, 5);
const READ_BYTES_PER_SECOND = 1024;
const SETTLE_MS = orTiny(1500, 200);
const SLOW_MS = orTiny(5000, 500);
const LOWAT_FILE = '/proc/sys/net/ipv4/tcp_notsent_lowat';
const ADVISED_LOWAT = '131072';

/** Memory per client between the call of `settled` and the end of `use`. */
async function costOf(
  what: string,
  clients: number,
  targetKib: number,
  use: (running: RunningTarget, settled: () => void, opened: AsyncDisposableStack) => Promise<void>,
): Promise<ClientRow> {
  await using folder = await openFolder('bench-clients');
  await using opened = new AsyncDisposableStack();
  const running = await openTarget(folder.path, [], opened);
  const port = new URL(running.target.url).port;
  const tree = new ProcessTree([running.pid]);
  const now = () => ({ process: tree.memory().anonymous, kernel: kernelBytes(port) });
  let before = now();
  await use(running, () => (before = now()), opened);
  const after = now();
  const each = (name: 'process' | 'kernel') => (after[name] - before[name]) / 1024 / clients;
  return { what, clients, processKib: each('process'), kernelKib: each('kernel'), targetKib };
}

/** Receive and send queues of the server's sockets, with their overhead. ss(8), skmem. */
function kernelBytes(port: string): number {
  const text = execFileSync(program('ss'), ['-tmnH', 'state', 'connected', `sport = :${port}`], {
    encoding: 'latin1',
    maxBuffer: 64 * 2 ** 20,
  });
  let sum = 0;
  for (const [, names] of text.matchAll(/skmem:\(([^)]*)\)/g)) {
    for (const [, name, bytes] of names!.matchAll(/([a-z]+)(\d+)/g)) {
      if (['r', 'w', 'f', 'o', 'bl'].includes(name!)) sum += Number(bytes);
    }
  }
  return sum;
}

/** Clients that send one request and stay connected; with `isAnswered` they wait for the response first. */
function requestOnce(what: string, path: (running: RunningTarget) => string, isAnswered: boolean): Promise<ClientRow> {
  return costOf(what, CLIENTS, 64, async (running, settled, opened) => {
    const { hostname: host, port } = new URL(running.target.url);
    const sockets: Socket[] = [];
    opened.defer(() => sockets.forEach((socket) => void socket.destroy()));
    const join = async (count: number) => {
      for (let i = 0; i < count; i++) {
        const socket = connect({ host, port: Number(port), localAddress: localAddress(i) });
        sockets.push(socket);
        await new Promise((resolve) => socket.once('connect', resolve));
        socket.write(playerRequest(path(running)));
        if (isAnswered) await new Promise((resolve) => socket.once('data', resolve));
        socket.resume();
      }
      await pause(SETTLE_MS);
    };
    await join(FIRST_CLIENTS);
    settled();
    await join(CLIENTS);
  });
}

/** Clients that request `parts` parts of 200 KB at once and read 1 KB of them per second. */
function readSlowly(parts: number, lowat: string): Promise<ClientRow> {
  const requested = parts === 1 ? 'one part of 200 KB' : `${parts} parts of 200 KB at once`;
  return costOf(
    `slow reader, ${requested}, tcp_notsent_lowat ${lowat}`,
    READERS,
    300,
    async ({ target }, settled, opened) => {
      const args = [target.part200, READERS, parts, READ_BYTES_PER_SECOND, PLAYER_FIELDS.join('\r\n')];
      await fetch(target.url + target.part200).then((answer) => answer.arrayBuffer());
      await pause(SETTLE_MS);
      settled();
      const generator = startLoadGenerator(CLIENT_CORE, ['slow', new URL(target.url).port, ...args]);
      opened.defer(() => void generator.stdin.end());
      const first = await createInterface(generator.stdout)[Symbol.asyncIterator]().next();
      if (first.done) throw new Error('the slow readers failed');
      await pause(SLOW_MS);
      if (generator.exitCode !== null) throw new Error('the server closed connections of slow readers');
    },
  );
}

if (import.meta.main) {
  const rows = [
    await requestOnce('live playlist, answered, connection open', ({ target }) => target.playlist, true),
    await requestOnce('API, answered, connection open', () => '/api/v1/streams', true),
    await requestOnce('reload, held', ({ target }) => target.held, false),
  ];
  const initialLowat = readFileSync(LOWAT_FILE, 'latin1').trim();
  for (const lowat of process.argv[2] === 'own-network' ? [initialLowat, ADVISED_LOWAT] : [initialLowat]) {
    if (lowat !== initialLowat) writeFileSync(LOWAT_FILE, lowat);
    for (const parts of [1, 10]) rows.push(await readSlowly(parts, lowat === '4294967295' ? 'not set' : lowat));
  }
  process.stdout.write(`${JSON.stringify(rows)}\n`);
}
