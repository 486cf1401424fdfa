/**
 * `npm run bench -- encryption`: what AES-128 costs.
 * In: parts and segments in memory; live streams with viewers, clear and encrypted. Out: a table of
 * microseconds for a megabyte, and one of the CPU of the server; the limit is 5 % of a core for 100
 * streams.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Agent, get } from 'node:http';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { ContentKeys, deriveSettings } from '../../src/delivery/encryption/content-keys.ts';
import { EncryptedReplies } from '../../src/delivery/encryption/encrypted-replies.ts';
import { ProcessTree } from '../process-tree.ts';
import { median, printTable, say } from '../report.ts';
import { localAddress } from '../target.ts';
import { orTiny } from '../tiny.ts';

const ROUNDS = 5;
/** Measurements of live streams, clear and encrypted in turn. */
const PAIRS = orTiny(3, 1);
/** Of the streams, kbit/s. */
const KBPS = 2500;
const PART_BYTES = (KBPS * 1000) / 8 / 5;
const WARM_UP_MS = orTiny(8000, 4000);
const MEASURE_MS = orTiny(20_000, 1000);

/** Measures and returns the report. @param streams number of live streams @param viewers of each of them */
export async function benchEncryption(streams: number, viewers: number): Promise<string> {
  const sizes = [PART_BYTES, 10 * PART_BYTES, 4_000_000];
  const rows = sizes.map((bytes) => [`${Math.round(bytes / 1000)} kB`, usPerMb(bytes).toFixed(0)]);
  const clear: Served[] = [];
  const encrypted: Served[] = [];
  for (let round = 0; round < PAIRS; round++) {
    clear.push(await cpuOf(streams, viewers, []));
    encrypted.push(await cpuOf(streams, viewers, ['--encrypted']));
  }
  const perMb = (served: readonly Served[]) => median(served.map(({ percent, megabytes }) => percent / megabytes));
  const text = (served: readonly Served[]) => [
    median(served.map(({ percent }) => percent)).toFixed(1),
    median(served.map(({ megabytes }) => megabytes)).toFixed(0),
  ];
  const ratio = (perMb(encrypted) / perMb(clear)).toFixed(2);
  return [
    printTable(['resource', 'CPU for a megabyte, µs'], rows),
    printTable(
      [
        `${streams} streams of ${KBPS} kbit/s, viewers of each: ${viewers}`,
        'CPU, percent of a core',
        'MB sent',
        'ratio for a megabyte',
      ],
      [
        ['clear', ...text(clear), '1'],
        ['encrypted', ...text(encrypted), ratio],
      ],
    ),
  ].join('\n');
}

/** Median CPU time to encrypt a megabyte, µs. */
function usPerMb(bytes: number): number {
  const key = new ContentKeys(deriveSettings(Buffer.from('a secret of this benchmark'), 'stream/door', 60)).at(1);
  const body = [new Uint8Array(bytes).fill(7)];
  const times = orTiny(400, 4);
  const rounds = Array.from({ length: ROUNDS }, (_, round) => {
    using replies = new EncryptedReplies({ reader: { read: () => Promise.reject(new Error('nothing is stored')) } });
    const before = process.cpuUsage();
    for (let i = 0; i < times; i++) {
      const etag = `${round}-${i}`;
      replies.atOnce({ contentType: 'video/mp4', cacheControl: '', length: bytes, body, etag }, key);
    }
    const { user, system } = process.cpuUsage(before);
    return (user + system) / ((times * bytes) / 1e6);
  });
  return median(rounds);
}

/** What a server did in the measured time. */
interface Served {
  readonly percent: number;
  readonly megabytes: number;
}

/** What all viewers got. */
interface Received {
  bytes: number;
  failed: number;
}

async function cpuOf(count: number, each: number, flags: readonly string[]): Promise<Served> {
  say(`${count} streams ${flags.join(' ')}`);
  const script = join(import.meta.dirname, 'encryption-server.ts');
  const child = spawn(process.execPath, [script, `${count}`, `${KBPS}`, ...flags], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const closing = new AbortController();
  try {
    const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
    const { url } = JSON.parse(line) as { url: string };
    const sum: Received = { bytes: 0, failed: 0 };
    const viewers = Array.from({ length: count * each }, (_, i) =>
      watch(`${url}/live/s${i % count}/v0/`, i, sum, closing.signal),
    );
    await pause(WARM_UP_MS);
    const tree = new ProcessTree([child.pid!]);
    const before = { cpuS: tree.cpuS(), ms: performance.now(), ...sum };
    await pause(MEASURE_MS);
    const seconds = (performance.now() - before.ms) / 1000;
    const percent = (100 * (tree.cpuS() - before.cpuS)) / seconds;
    const megabytes = (sum.bytes - before.bytes) / 1e6;
    if (sum.failed > before.failed) say(`${sum.failed - before.failed} requests failed while this was measured`);
    closing.abort();
    await Promise.all(viewers);
    return { percent, megabytes };
  } finally {
    closing.abort();
    child.kill('SIGKILL');
    await once(child, 'close');
  }
}

/** A viewer at the live edge: the list when it has the next part, then that part. Ends when aborted. */
async function watch(folder: string, at: number, sum: Received, signal: AbortSignal): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1, localAddress: localAddress(at) });
  const fetched = (address: string) => bytesOf(address, agent, signal);
  let last: string | undefined;
  let query = '';
  while (!signal.aborted) {
    try {
      const list = (await fetched(`${folder}g1.m3u8${query}`)).toString();
      const part = [...list.matchAll(/^#EXT-X-PART:.*URI="([^"]+)"/gm)].at(-1)?.[1];
      const [, msn, next] = /PRELOAD-HINT.*?(\d+)\.(\d+)\.m4s"/.exec(list) ?? [];
      if (msn !== undefined) query = `?_HLS_msn=${msn}&_HLS_part=${next}`;
      if (part !== undefined && part !== last) {
        const { length } = await fetched(folder + part);
        sum.bytes += length;
      }
      last = part;
    } catch {
      // Before the first segment there is no list. At the end everything is aborted.
      if (!signal.aborted) sum.failed += 1;
      await pause(200);
    }
  }
  agent.destroy();
}

function bytesOf(address: string, agent: Agent, signal: AbortSignal): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    get(address, { agent, signal }, async (response) => {
      try {
        const bytes = Buffer.concat(await response.toArray());
        if (response.statusCode === 200) resolve(bytes);
        else reject(new Error(`${response.statusCode} of ${address}`));
      } catch (error) {
        reject(error);
      }
    }).on('error', reject);
  });
}
