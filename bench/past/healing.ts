/**
 * `npm run bench -- healing`: what healing costs: CPU of streams with a further source and nothing to heal,
 * and while a gap of each is filled from it, compared with the same without healing.
 * In: options. Out: a table. The gap is a cut of the network for longer than the live playlist reaches back.
 */
import { writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { startServer } from '../../test/fixtures/server.ts';
import { type Durations, measure } from '../measure.ts';
import { makeBenchMedia } from '../media.ts';
import { describeMachine } from '../process-tree.ts';
import { launcher, type StartRecorders } from '../recorders.ts';
import { printTable, say } from '../report.ts';
import { orTiny } from '../tiny.ts';

/** Options of `bench healing`. */
interface HealingBenchOptions extends Durations {
  readonly streams: number;
  /** Rounds; the table has the least of each. */
  readonly rounds: number;
}

/** Whether streams are healed, and whether the network to their source is cut. */
const MODES = {
  off: { heals: false, isCut: false },
  idle: { heals: true, isCut: false },
  cut: { heals: false, isCut: true },
  healed: { heals: true, isCut: true },
} as const;

/** The live playlist lists 12 s: what is longer away is a gap. Seconds. */
const CUT_S = orTiny(24, 1);
/** Time from the warm-up to the cut, s. */
const CUT_AT_S = orTiny(2, 0.5);

/** A way to a server that can be cut. */
async function openWay(to: number) {
  const sockets = new Set<Socket>();
  let isCut = false;
  const server = createServer((client) => {
    const upstream = connect(to, '127.0.0.1');
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => {}).on('close', () => sockets.delete(socket));
      if (isCut) socket.destroy();
    }
    client.pipe(upstream).pipe(client);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    cut(cutNow: boolean) {
      isCut = cutNow;
      if (isCut) for (const socket of sockets) socket.destroy();
    },
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** Records, healed or not. */
const recorders =
  ({ heals, isCut }: (typeof MODES)[keyof typeof MODES], warmUpS: number): StartRecorders =>
  async (urls, folder) => {
    const way = await openWay(Number(new URL(urls[0]!).port));
    const throughWay = (url: string) => url.replace(/:\d+\//, `:${way.port}/`);
    const streams = Object.fromEntries(
      urls.map((url, k) => [
        `s${k}`,
        { source: { url: throughWay(url) }, healFrom: url.replace('live.m3u8', 'past.m3u8') },
      ]),
    );
    const config = join(folder, 'oxbow.yaml');
    await writeFile(config, JSON.stringify({ heal: { enabled: heals }, streams }));
    const args = ['--config', config, '--content-check-mode', 'off', '--record-storyboard', 'off'];
    const server = await startServer({ args, data: join(folder, 'data'), program: launcher });
    const ended = new AbortController();
    const { signal } = ended;
    const cutting = (async () => {
      if (!isCut) return;
      await pause((warmUpS + CUT_AT_S) * 1000, undefined, { signal });
      way.cut(true);
      await pause(CUT_S * 1000, undefined, { signal });
      way.cut(false);
    })().catch(() => undefined); // the measurement ended
    return {
      pids: [server.pid],
      async problems() {
        const metrics = Buffer.from(await server.bytes('/metrics')).toString();
        const sum = (name: string) => {
          const values = metrics.matchAll(new RegExp(`^oxbow_${name}(?:\\{[^}]*\\})? (\\S+)$`, 'gm'));
          return Array.from(values, ([, value]) => Number(value)).reduce((all, value) => all + value, 0);
        };
        return `${sum('gaps_total')} gaps, ${sum('healed_seconds_total').toFixed(1)} s healed`;
      },
      async [Symbol.asyncDispose]() {
        ended.abort();
        await cutting;
        way.close();
        await server[Symbol.asyncDispose]();
      },
    };
  };

/** Measures each way in turn. Returns the report. */
export async function benchHealing({ streams, rounds, warmUpS, measureS }: HealingBenchOptions): Promise<string> {
  say('encoding the media');
  const media = makeBenchMedia(warmUpS + measureS + orTiny(30, 16));
  const least = new Map<string, { readonly percent: number; readonly notes: string }>();
  for (let round = 0; round < rounds; round++) {
    for (const [mode, how] of Object.entries(MODES)) {
      say(`${mode}, ${streams} streams, ${warmUpS} s + ${measureS} s`);
      const durations = { warmUpS, measureS, dated: true };
      const { cpuPercent, problems } = await measure(recorders(how, warmUpS), streams, media, durations);
      const before = least.get(mode);
      const percent = cpuPercent / streams;
      if (!before || percent < before.percent) least.set(mode, { percent, notes: problems });
    }
  }
  const rows = Object.keys(MODES).map((mode) => {
    const { percent, notes } = least.get(mode)!;
    const base = least.get(mode === 'healed' || mode === 'cut' ? 'cut' : 'off')!.percent;
    return [mode, `${percent.toFixed(3)} %`, `${(percent - base).toFixed(3)} %`, notes];
  });
  const about =
    `${describeMachine()}; Node ${process.version}; ${streams} HLS pulls of ${(media.bitrate / 1e6).toFixed(2)} Mbps, ` +
    `2 s segments, ${measureS} s measured after ${warmUpS} s, network cut for ${CUT_S} s, the least of ${rounds}`;
  return `${about}\n\n${printTable(['healing', 'CPU of a core per stream', 'more', 'what happened'], rows)}`;
}
