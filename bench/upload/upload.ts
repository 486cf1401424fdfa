/**
 * `npm run bench -- upload`: one large upload over loopback, and a hundred at once, next to @tus/server on a
 * plain file store.
 * In: nothing. Out: a table. The bar: 0.9 of its rate without the hash of the file, 0.8 with it; 25 MiB of
 * memory for an upload.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { startServer } from '../../test/fixtures/server.ts';
import { ProcessTree } from '../process-tree.ts';
import { launcher } from '../recorders.ts';
import { median, mib, printTable, say } from '../report.ts';
import { orTiny } from '../tiny.ts';

const BYTES = orTiny(1024 ** 3, 4 * 1024 ** 2);
const MANY = orTiny(100, 3);
const MANY_BYTES = orTiny(8, 1) * 1024 ** 2;
/** Loads the modules of the first upload, and compiles the code that each byte passes. */
const WARM_UP_BYTES = orTiny(32, 1) * 1024 ** 2;
const SAMPLE_MS = 50;
/**
 * At rest: the memory of a process stays within `CALM_BYTES` for `CALM_MS`; not waited for longer than
 * `SETTLE_MS`.
 */
const CALM_BYTES = 1024 ** 2;
const CALM_MS = 5000;
const SETTLE_MS = orTiny(60_000, 500);
const adminToken = 'bench-token-bench-token';

interface Target extends AsyncDisposable {
  readonly url: string;
  readonly pid: number;
}

interface Measured {
  readonly seconds: number;
  /** Above that at rest, bytes. */
  readonly memory: number;
}

const targets = {
  'bare @tus/server': (folder: string) => startTarget('bare', folder),
  'oxbow without the hash': (folder: string) => startTarget('plain', folder),
  oxbow: startOxbow,
} as const;

/** @param rounds uploads to each server, in turns; the table has their medians */
export async function benchUpload(rounds: number): Promise<string> {
  const singleUploads = await measureAll(rounds, BYTES, 1);
  const many = await measureAll(Math.min(rounds, 3), MANY_BYTES, MANY);
  const base = singleUploads.get('bare @tus/server')!.seconds;
  const rows = [...singleUploads].map(([name, { seconds, memory }]) => [
    name,
    (BYTES / 1e6 / seconds).toFixed(0),
    (base / seconds).toFixed(2),
    mib(memory),
    many.get(name)!.seconds.toFixed(2),
    mib(many.get(name)!.memory / MANY),
  ]);
  const [large, small] = [BYTES, MANY_BYTES].map((bytes) => `${mib(bytes)} MiB`);
  const head = ['server', `${large}, MB/s`, 'of bare', 'MiB more', `${MANY} x ${small}, s`, 'MiB more for each'];
  return printTable(head, rows);
}

async function measureAll(rounds: number, bytes: number, count: number): Promise<Map<string, Measured>> {
  const results = new Map<string, Measured[]>(Object.keys(targets).map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const [name, start] of Object.entries(targets)) {
      const folder = await mkdtemp(join(tmpdir(), 'oxbow-bench-upload-'));
      try {
        await using target = await start(folder);
        const measured = await measure(target, bytes, count);
        say(`${name}: ${count} x ${mib(bytes)} MiB in ${measured.seconds.toFixed(2)} s, ${mib(measured.memory)} MiB`);
        results.get(name)!.push(measured);
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    }
  }
  const medianOf = (uploads: readonly Measured[], of: (upload: Measured) => number) => median(uploads.map(of));
  return new Map(
    [...results].map(([name, uploads]) => [
      name,
      { seconds: medianOf(uploads, ({ seconds }) => seconds), memory: medianOf(uploads, ({ memory }) => memory) },
    ]),
  );
}

async function measure({ url, pid }: Target, bytes: number, count: number): Promise<Measured> {
  await runClient(url, WARM_UP_BYTES, 1);
  const tree = new ProcessTree([pid]);
  const restBytes = await memoryAtRest(tree);
  let most = restBytes;
  const timer = setInterval(() => {
    most = Math.max(most, tree.memory().rss);
  }, SAMPLE_MS);
  try {
    return { seconds: await runClient(url, bytes, count), memory: most - restBytes };
  } finally {
    clearInterval(timer);
  }
}

async function memoryAtRest(tree: ProcessTree): Promise<number> {
  let restBytes = tree.memory().rss;
  let calmMs = 0;
  for (let ms = 0; ms < SETTLE_MS && calmMs < CALM_MS; ms += SAMPLE_MS * 10) {
    await pause(SAMPLE_MS * 10);
    const now = tree.memory().rss;
    calmMs = Math.abs(now - restBytes) <= CALM_BYTES ? calmMs + SAMPLE_MS * 10 : 0;
    if (calmMs === 0) restBytes = now;
  }
  return restBytes;
}

async function runClient(url: string, bytes: number, count: number): Promise<number> {
  const args = [join(import.meta.dirname, 'client.ts'), url, adminToken, String(bytes), String(count)];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  return Number(await firstLine(child));
}

/**
 * The complete server. The import of the upload is work of another process, which does not run here.
 */
async function startOxbow(folder: string): Promise<Target> {
  // With an empty data folder it would start the sample stream.
  await writeFile(join(folder, 'not-empty.txt'), '');
  return startServer({ data: folder, adminToken, program: launcher, args: ['--jobs-own-worker', 'off'] });
}

async function startTarget(mode: 'bare' | 'plain', folder: string): Promise<Target> {
  const args = [join(import.meta.dirname, 'target.ts'), mode, folder];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const url = await firstLine(child);
  return {
    url,
    pid: child.pid!,
    async [Symbol.asyncDispose]() {
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
    },
  };
}

async function firstLine(child: ChildProcess): Promise<string> {
  for await (const line of createInterface({ input: child.stdout! })) return line;
  throw new Error('the process ended without a line');
}
