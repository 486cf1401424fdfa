/**
 * The encoders of `bench ingest`: one ffmpeg per stream, which sends encoded media in real time, in a loop.
 * In: media files and the addresses to publish to. Out: running processes.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { BenchMedia } from '../media.ts';

/** Time between the starts of two publishers, ms: their key frames do not coincide. */
const STAGGER_MS = 130;

/** Running publishers. */
interface Publishers extends AsyncDisposable {
  readonly pids: readonly number[];
  /** Number of publishers that have ended. */
  ended(): number;
}

/**
 * Starts one publisher for each address.
 *
 * @param folder for the list of the media files
 */
export async function startPublishers(
  media: BenchMedia,
  urls: readonly string[],
  { folder, format }: { readonly folder: string; readonly format: 'flv' | 'mpegts' },
): Promise<Publishers> {
  const list = join(folder, 'media.txt');
  writeFileSync(list, media.segments.map((path) => `file '${path}'\n`).join(''));
  const input = ['-re', '-stream_loop', '-1', '-f', 'concat', '-safe', '0', '-i', list];
  const children: ChildProcess[] = [];
  for (const url of urls) {
    const flags = ['-hide_banner', '-loglevel', 'error', '-nostdin', ...input, '-c', 'copy', '-f', format, url];
    children.push(spawn('ffmpeg', flags, { stdio: ['ignore', 'ignore', 'inherit'] }));
    await pause(STAGGER_MS);
  }
  const hasEnded = ({ exitCode, signalCode }: ChildProcess) => exitCode !== null || signalCode !== null;
  return {
    pids: children.map(({ pid }) => pid!),
    ended: () => children.filter(hasEnded).length,
    async [Symbol.asyncDispose]() {
      const ends = children.map((child) => hasEnded(child) || once(child, 'exit'));
      for (const child of children) child.kill('SIGKILL');
      await Promise.all(ends);
    },
  };
}
