/**
 * The recorders that `bench pull` compares: one oxbow for all streams, or one ffmpeg for each.
 * In: URLs of live playlists and a folder. Out: running processes that record into the folder.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { join } from 'node:path';
import { isRunning, startServer } from '../test/fixtures/server.ts';

/** CPU of what is decoded of the streams. */
export interface DecodingCpu {
  readonly storyboards: number;
  readonly checks: number;
}

/** Running recorders. */
export interface Recorders extends AsyncDisposable {
  readonly pids: readonly number[];
  /** CPU of the pictures of storyboards, and of the checks of pictures and sound, so far, seconds. */
  decodingCpuS?(): Promise<DecodingCpu>;
  /** Problems that the recorder itself reports; empty if there are none. */
  problems(): Promise<string>;
}

/** Starts recording all of `urls` below `folder`. */
export type StartRecorders = (urls: readonly string[], folder: string) => Promise<Recorders>;

/** The launcher, as users start it: of this tree, or what `bench regress` compares it with. */
export const launcher: string = process.env.BENCH_PROGRAM ?? join(import.meta.dirname, '..', 'bin', 'oxbow');

/** One oxbow for all streams. */
export const startOxbow: StartRecorders = (urls, folder) => startOxbowOf(launcher, urls, folder);

/**
 * One oxbow of another tree for all streams.
 *
 * @param program the absolute path of its launcher
 */
export async function startOxbowOf(program: string, urls: readonly string[], folder: string): Promise<Recorders> {
  const args = urls.map((url, k) => `s${k}=${url}`);
  const server = await startServer({ args, data: join(folder, 'data'), program });
  return {
    pids: [server.pid],
    async decodingCpuS() {
      const metrics = Buffer.from(await server.bytes('/metrics')).toString();
      const sum = (of: string) => {
        const values = metrics.matchAll(new RegExp(`^oxbow_${of}_cpu_seconds_total\\{[^}]*\\} (\\S+)$`, 'gm'));
        return Array.from(values, ([, value]) => Number(value)).reduce((all, value) => all + value, 0);
      };
      return { storyboards: sum('storyboard'), checks: sum('content') };
    },
    async problems() {
      if (!isRunning(server.pid)) return 'oxbow ended early';
      const metrics = Buffer.from(await server.bytes('/metrics')).toString();
      const problems = [...metrics.matchAll(/^oxbow_(gaps|damage|bugs)_total(\{[^}]*\})? ([1-9]\d*)/gm)].map(
        ([, name, labels, count]) => `${name}${labels ?? ''} ${count}`,
      );
      for (const [k] of urls.entries()) {
        const { items } = await server.json<{ items: object[] }>(`/api/v1/streams/s${k}/gaps`);
        if (items.length > 0) problems.push(`${items.length} gaps in s${k}: ${JSON.stringify(items[0])}`);
      }
      return problems.slice(0, 5).join(', ');
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

/** One ffmpeg per stream, which writes MPEG-TS. */
export const startFfmpeg: StartRecorders = async (urls, folder) => {
  const children = urls.map((url, k): ChildProcess => {
    const flags = [
      '-hide_banner',
      '-loglevel',
      'warning',
      '-nostdin',
      '-i',
      url,
      '-c',
      'copy',
      join(folder, `${k}.ts`),
    ];
    return spawn('ffmpeg', flags, { stdio: ['ignore', 'ignore', openSync(join(folder, `${k}.log`), 'w')] });
  });
  const hasEnded = ({ exitCode, signalCode }: ChildProcess) => exitCode !== null || signalCode !== null;
  return {
    pids: children.map(({ pid }) => pid!),
    problems: async () => (children.some(hasEnded) ? 'an ffmpeg ended early' : ''),
    async [Symbol.asyncDispose]() {
      const ended = children.map((child) => hasEnded(child) || once(child, 'exit'));
      for (const child of children) child.kill('SIGINT');
      await Promise.all(ended);
    },
  };
};
