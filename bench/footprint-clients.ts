/**
 * For `bench footprint`: what a client costs in memory, in the process and in the kernel. A program of its own, so that it can run in a network of
 * its own, where a setting of the kernel may be changed without anybody else noticing.
 * In: the word `own-network` where it does. Out: rows as JSON on standard output.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { startLoadGenerator } from './load-generator.ts';
import { ProcessTree } from './process-tree.ts';
import { CLIENT_CORE, openTarget, PLAYER_FIELDS, program, type RunningTarget } from './target.ts';

/** One kind of client. */
export interface ClientRow {
  readonly what: string;
  readonly clients: number;
  /** KiB for each: anonymous memory of the process, and what the kernel holds in the server's sockets. */
  readonly processKib: number;
  readonly kernelKib: number;
  /** Of both, KiB. */
  readonly aimKib: number;
}

const CLIENTS = 1000;
/** They come first, so that what is made once for all counts for nobody. */
const FORERUNNERS = 50;
const READERS = 200;
const READ_A_SECOND = 1024;
const SETTLE_MS = 1500;
const SLOW_MS = 5000;
const LOWAT_FILE = '/proc/sys/net/ipv4/tcp_notsent_lowat';
const ADVISED_LOWAT = '131072';

/** What a client costs while `use` lets them come. */
async function costOf(
  what: string,
  clients: number,
  aimKib: number,
  use: (target: RunningTarget, settled: () => void, opened: AsyncDisposableStack) => Promise<void>,
): Promise<ClientRow> {
  const folder = mkdtempSync(join(tmpdir(), 'oxbow-bench-clients-'));
  await using opened = new AsyncDisposableStack();
  opened.defer(() => rmSync(folder, { recursive: true, force: true }));
  const running = await openTarget(folder, [], opened);
  const port = new URL(running.target.url).port;
  const tree = new ProcessTree([running.pid]);
  let before = { process: 0, kernel: 0 };
  const now = () => ({ process: tree.memory().anonymous, kernel: kernelBytes(port) });
  await use(running, () => (before = now()), opened);
  const after = now();
  const each = (name: 'process' | 'kernel') => (after[name] - before[name]) / 1024 / clients;
  return { what, clients, processKib: each('process'), kernelKib: each('kernel'), aimKib };
}

/** What the sockets of the server hold: receive and send queues, with their overhead. ss(8), skmem. */
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

/** Clients that ask once and stay; where `isAnswered` they have their answer. */
function askOnce(what: string, path: (running: RunningTarget) => string, isAnswered: boolean): Promise<ClientRow> {
  return costOf(what, CLIENTS, 64, async (running, settled, opened) => {
    const { hostname: host, port } = new URL(running.target.url);
    const sockets: Socket[] = [];
    opened.defer(() => sockets.forEach((socket) => void socket.destroy()));
    const come = async (count: number) => {
      for (let i = 0; i < count; i++) {
        const socket = connect({ host, port: Number(port), localAddress: `127.0.0.${2 + (i % 20)}` });
        sockets.push(socket);
        await new Promise((resolve) => socket.once('connect', resolve));
        socket.write(`GET ${path(running)} HTTP/1.1\r\nHost: x\r\n${PLAYER_FIELDS.join('\r\n')}\r\n\r\n`);
        if (isAnswered) await new Promise((resolve) => socket.once('data', resolve));
        socket.resume();
      }
      await pause(SETTLE_MS);
    };
    await come(FORERUNNERS);
    settled();
    await come(CLIENTS);
  });
}

/** Readers that ask for so many parts of 200 KB at once and take 1 KB of them a second. */
function readSlowly(parts: number, lowat: string): Promise<ClientRow> {
  const asked = parts === 1 ? 'one part of 200 KB asked' : `${parts} parts of 200 KB asked at once`;
  return costOf(
    `slow reader, ${asked}, tcp_notsent_lowat ${lowat}`,
    READERS,
    300,
    async ({ target }, settled, opened) => {
      const words = [target.part200, READERS, parts, READ_A_SECOND, PLAYER_FIELDS.join('\r\n')];
      await fetch(target.url + target.part200).then((answer) => answer.arrayBuffer());
      await pause(SETTLE_MS);
      settled();
      const generator = startLoadGenerator(CLIENT_CORE, ['slow', new URL(target.url).port, ...words]);
      opened.defer(() => void generator.stdin.end());
      const first = await createInterface(generator.stdout)[Symbol.asyncIterator]().next();
      if (first.done) throw new Error('the slow readers failed');
      await pause(SLOW_MS);
      if (generator.exitCode !== null) throw new Error('the slow readers were cut off');
    },
  );
}

if (import.meta.main) {
  const rows = [
    await askOnce('live list, answered, connection kept', ({ target }) => target.playlist, true),
    await askOnce('API, answered, connection kept', () => '/api/v1/streams', true),
    await askOnce('reload, held', ({ target }) => `${target.held}${target.parts}`, false),
  ];
  const found = readFileSync(LOWAT_FILE, 'latin1').trim();
  for (const lowat of process.argv[2] === 'own-network' ? [found, ADVISED_LOWAT] : [found]) {
    if (lowat !== found) writeFileSync(LOWAT_FILE, lowat);
    for (const parts of [1, 10]) rows.push(await readSlowly(parts, lowat === '4294967295' ? 'not set' : lowat));
  }
  process.stdout.write(`${JSON.stringify(rows)}\n`);
}
