/**
 * The servers that `bench ingest` compares: oxbow, nginx with its RTMP module, and one ffmpeg listener per
 * stream.
 * In: a number of streams and a folder. Out: running servers that package every stream as HLS.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { freePort } from '../../test/fixtures/free-port.ts';
import { isRunning, startServer } from '../../test/fixtures/server.ts';
import { launcher } from '../recorders.ts';
import { program as installed } from '../target.ts';

/** A protocol of publishers. */
export type Protocol = 'rtmp' | 'srt';

/** A running server. */
export interface IngestServer extends AsyncDisposable {
  readonly pids: readonly number[];
  /** Address of its HTTP server; empty if it has none. */
  readonly url: string;
  /** Where each publisher publishes. */
  readonly urls: readonly string[];
  /** Problems of the server; empty if there are none. */
  problems(): Promise<string>;
}

/** Starts a server for a number of publishers. */
export type StartIngest = (protocol: Protocol, streams: number, folder: string) => Promise<IngestServer>;

const TOKEN = 'the-token-of-this-benchmark';

/** One oxbow, which records every stream. */
export const startOxbowIngest: StartIngest = (protocol, streams, folder) =>
  startOxbowIngestOf(launcher, protocol, streams, folder);

/**
 * One oxbow of another tree, which records every stream.
 *
 * @param program the absolute path of its launcher
 */
export async function startOxbowIngestOf(
  program: string,
  protocol: Protocol,
  streams: number,
  folder: string,
): Promise<IngestServer> {
  // Configured streams: without one, oxbow runs its sample stream.
  const file = join(folder, 'oxbow.yaml');
  const names = Array.from({ length: streams }, (_, k) => `s${k}`);
  writeFileSync(file, `streams:\n${names.map((name) => `  ${name}: { source: { type: push } }\n`).join('')}`);
  const ports = ['--rtmp', '127.0.0.1:0', '--srt', '127.0.0.1:0', '--srt-max-callers', '64'];
  const args = ['--config', file, ...ports];
  const server = await startServer({ args, data: join(folder, 'data'), adminToken: TOKEN, program });
  const urls: string[] = [];
  for (const name of names) {
    const response = await server.fetch(`/api/v1/streams/${name}/keys`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ label: 'bench' }),
    });
    if (!response.ok) throw new Error(`no key for ${name}: ${response.status} ${await response.text()}`);
    const { publish } = (await response.json()) as {
      publish: { rtmp: { server: string; streamKey: string }; srt: string };
    };
    urls.push(protocol === 'srt' ? publish.srt : `${publish.rtmp.server}/${publish.rtmp.streamKey}`);
  }
  return {
    pids: [server.pid],
    url: server.url,
    urls,
    async problems() {
      if (!isRunning(server.pid)) return 'oxbow ended early';
      const { items } = await server.json<{ items: { state: string }[] }>('/api/v1/streams?limit=200');
      const live = items.filter(({ state }) => state === 'live').length;
      const metrics = Buffer.from(await server.bytes('/metrics')).toString();
      const counters = [...metrics.matchAll(/^oxbow_(damage|bugs)_total(\{[^}]*\})? ([1-9]\d*)/gm)].map(
        ([, name, labels, count]) => `${name}${labels ?? ''} ${count}`,
      );
      return [...(live === streams ? [] : [`${live} of ${streams} streams are live`]), ...counters]
        .slice(0, 5)
        .join(', ');
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

/** nginx with its RTMP module (Debian's libnginx-mod-rtmp) and one worker, which writes HLS. */
export const startNginxIngest: StartIngest = async (_protocol, streams, folder) => {
  const port = await freePort();
  const file = join(folder, 'nginx.conf');
  mkdirSync(join(folder, 'hls'));
  const user = process.getuid?.() === 0 ? 'user root;' : '';
  writeFileSync(
    file,
    `load_module modules/ngx_rtmp_module.so; ${user} worker_processes 1; daemon off; error_log stderr crit; pid ${folder}/nginx.pid;
events { worker_connections 1024; }
rtmp { server { listen 127.0.0.1:${port}; application live { live on; hls on; hls_path ${folder}/hls; hls_fragment 2s; hls_playlist_length 5m; } } }
`,
  );
  const child = spawn(installed('nginx'), ['-p', '/usr/share/nginx', '-c', file], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  await pause(500);
  return {
    pids: [child.pid!],
    url: '',
    urls: Array.from({ length: streams }, (_, k) => `rtmp://127.0.0.1:${port}/live/s${k}`),
    problems: async () => missing(Array.from({ length: streams }, (_, k) => join(folder, 'hls', `s${k}.m3u8`))),
    // Killed, it would leave its workers behind.
    [Symbol.asyncDispose]: () => end([child], 'SIGTERM'),
  };
};

/** One ffmpeg listener per stream, which writes HLS. */
export const startFfmpegIngest: StartIngest = async (protocol, streams, folder) => {
  const children: ChildProcess[] = [];
  const urls: string[] = [];
  const playlists: string[] = [];
  for (let k = 0; k < streams; k++) {
    const port = await freePort();
    const out = join(folder, `s${k}`);
    mkdirSync(out);
    const playlist = join(out, 'index.m3u8');
    const input =
      protocol === 'srt'
        ? ['-i', `srt://127.0.0.1:${port}?mode=listener`]
        : ['-listen', '1', '-i', `rtmp://127.0.0.1:${port}/live/s${k}`];
    const output = [
      '-c',
      'copy',
      '-f',
      'hls',
      '-hls_time',
      '2',
      '-hls_list_size',
      '150',
      '-hls_flags',
      'delete_segments',
    ];
    const flags = ['-hide_banner', '-loglevel', 'error', '-nostdin', ...input, ...output, playlist];
    children.push(spawn('ffmpeg', flags, { stdio: ['ignore', 'ignore', 'inherit'] }));
    urls.push(protocol === 'srt' ? `srt://127.0.0.1:${port}` : `rtmp://127.0.0.1:${port}/live/s${k}`);
    playlists.push(playlist);
  }
  await pause(1500);
  return {
    pids: children.map(({ pid }) => pid!),
    url: '',
    urls,
    problems: async () => missing(playlists),
    [Symbol.asyncDispose]: () => end(children),
  };
};

function missing(playlists: readonly string[]): string {
  const count = playlists.filter((path) => !existsSync(path)).length;
  return count === 0 ? '' : `${count} of ${playlists.length} streams have no playlist`;
}

async function end(children: readonly ChildProcess[], signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
  const hasEnded = ({ exitCode, signalCode }: ChildProcess) => exitCode !== null || signalCode !== null;
  const ends = children.map((child) => hasEnded(child) || once(child, 'exit'));
  for (const child of children) child.kill(signal);
  await Promise.all(ends);
}
