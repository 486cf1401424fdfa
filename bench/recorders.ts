/**
 * The recorders that are compared: one oxbow for all streams, or one ffmpeg for each.
 * In: URLs of live lists and a folder. Out: running processes that write there.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Recorders at work. */
export interface Recorders extends AsyncDisposable {
  readonly pids: readonly number[];
  /** Whether the processes that should run still do. */
  alive(): boolean;
  /** Where recorded bytes lie. */
  readonly folder: string;
  /** What went wrong by the recorder's own account; empty when nothing did. */
  complaints(): Promise<string>;
}

/** Starts recording all of `urls` below `folder`. */
export type StartRecorders = (urls: readonly string[], folder: string) => Promise<Recorders>;

const root = fileURLToPath(new URL('..', import.meta.url));

/** Nobody listens there: an oxbow without media. */
const nothing = 'nothing=http://127.0.0.1:9/live.m3u8';

/** One oxbow as its launcher starts it, which with this Node becomes the server without another process. Without URLs it idles. */
export function oxbow(): StartRecorders {
  return async (urls, folder) => {
    const streams = urls.length > 0 ? urls.map((url, k) => `s${k}=${url}`) : [nothing];
    const data = join(folder, 'data');
    const log = join(folder, 'oxbow.log');
    const args = [join(root, 'bin', 'oxbow'), ...streams, '--data', data, '--http', '0', '--json'];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', openSync(log, 'w')] });
    const [line] = (await Promise.race([once(child.stdout!, 'data'), once(child, 'exit')])) as [unknown];
    if (!(line instanceof Buffer)) throw new Error(`oxbow did not start: ${readFileSync(log, 'utf8')}`);
    const { http } = JSON.parse(String(line)) as { http: string };
    return {
      ...watch([child]),
      folder: join(data, 'recordings'),
      async complaints() {
        if (urls.length === 0) return '';
        const text = await (await fetch(`${http}/metrics`)).text();
        const found = [...text.matchAll(/^oxbow_(gaps|damage|bugs)_total(\{[^}]*\})? ([1-9]\d*)/gm)];
        const counted = found.map(([, name, labels, count]) => `${name}${labels ?? ''} ${count}`);
        return [...counted, ...(await listGaps(http, urls.length))].join(', ');
      },
    };
  };
}

/** The gaps that the API lists of each stream, since it was recorded. */
async function listGaps(http: string, streams: number): Promise<string[]> {
  const found: string[] = [];
  for (let k = 0; k < streams; k++) {
    const answer = await fetch(`${http}/api/v1/streams/s${k}/gaps`);
    const { items } = (await answer.json()) as { items?: { from: string; to: string | null; cause: string }[] };
    if (!items) throw new Error(`the gaps of s${k} were not told: ${answer.status}`);
    for (const { from, to, cause } of items) found.push(`gap in s${k}: ${cause} ${from} to ${to ?? 'now'}`);
  }
  return found.length > 5 ? [...found.slice(0, 5), `${found.length} gaps in all`] : found;
}

/** One ffmpeg for each stream, which writes MPEG-TS. */
export function ffmpeg(): StartRecorders {
  return async (urls, folder) => {
    const children = urls.map((url, k) => {
      const log = openSync(join(folder, `${k}.log`), 'w');
      const out = join(folder, `${k}.ts`);
      const flags = ['-hide_banner', '-loglevel', 'warning', '-nostdin', '-i', url, '-c', 'copy', out];
      return spawn('ffmpeg', flags, { stdio: ['ignore', 'ignore', log] });
    });
    return { ...watch(children), folder, complaints: async () => '' };
  };
}

function watch(children: readonly ChildProcess[]): Pick<Recorders, 'pids' | 'alive'> & AsyncDisposable {
  return {
    pids: children.map(({ pid }) => pid!),
    alive: () => children.every(({ exitCode, signalCode }) => exitCode === null && signalCode === null),
    async [Symbol.asyncDispose]() {
      await Promise.all(
        children.map(async (child) => {
          if (child.exitCode !== null || child.signalCode !== null) return;
          const exited = once(child, 'exit');
          child.kill('SIGINT');
          await exited;
        }),
      );
    },
  };
}
