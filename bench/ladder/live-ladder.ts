/**
 * `npm run bench -- live-ladder`: 720p and 360p of one 1080p30 source that ffmpeg copies in over RTMP, in
 * real time.
 * In: a generated film that is repeated. Out: pictures of the source and of each quality over the same
 * segments, GAPs, lag, CPU.
 *
 * Pictures are counted in the segments that viewers get. Lag: oxbow's, from the arrival of a picture to
 * its return from the encoder, the 95th percentile of ten seconds, read every five.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { readBoxes } from '@oxbow/media/isobmff/box';
import { parseMoof } from '@oxbow/media/isobmff/fragment-reader';
import type { StreamView } from '../../src/api/shapes.ts';
import { readMedia, resolvePath } from '../../test/fixtures/playlists.ts';
import { openFolder, type Server, startServer } from '../../test/fixtures/server.ts';
import { ProcessTree } from '../process-tree.ts';
import { launcher } from '../recorders.ts';
import { printTable, quantile, say, sorted } from '../report.ts';
import { orTiny } from '../tiny.ts';

const TOKEN = 'the-token-of-this-benchmark';
const FILM_S = 10;
const RATE = 30;
const RUNGS = orTiny([360, 720], [144, 240]);
const SIZE = orTiny('1920x1080', '640x360');
/** Until all qualities are listed. */
const START_MS = 180_000;
const LAG_EVERY_MS = 5000;

/** Pictures by MSN of one rendition. */
class Counted {
  readonly pictures = new Map<number, number>();
  gaps = 0;
  readonly #server: Server;
  readonly #path: string;

  constructor(server: Server, path: string) {
    this.#server = server;
    this.#path = path;
  }

  /** Counts the segments that were listed since the last call. */
  async look(): Promise<void> {
    const { list } = await readMedia(this.#server, this.#path);
    for (const [i, { uri, gap }] of list.segments.entries()) {
      const msn = list.mediaSequence + i;
      if (this.pictures.has(msn) || uri === '') continue; // the open segment has no address yet
      const bytes = gap ? new Uint8Array(0) : await this.#server.bytes(resolvePath(uri, this.#path));
      this.pictures.set(msn, picturesOf(bytes));
      if (gap) this.gaps++;
    }
  }
}

/** Samples of the first track. */
function picturesOf(bytes: Uint8Array): number {
  let count = 0;
  let first: number | undefined;
  for (const box of readBoxes(bytes)) {
    if (box.type !== 'moof') continue;
    const { trackId, sizes } = parseMoof(bytes, box)[0]!;
    first ??= trackId;
    if (trackId === first) count += sizes.length;
  }
  return count;
}

/** Measures for this many seconds after all qualities are listed, and returns the report. */
export async function benchLiveLadder(seconds: number): Promise<string> {
  await using folder = await openFolder('bench-live-ladder');
  const film = join(folder.path, 'film.flv');
  say(`generating a film of ${FILM_S} s`);
  const source = `-f lavfi -i testsrc2=s=${SIZE}:r=${RATE} -f lavfi -i sine -t ${FILM_S} -vf noise=alls=6:allf=t`;
  const codec = `-c:v libx264 -preset ultrafast -g ${2 * RATE} -sc_threshold 0 -b:v 5M -maxrate 5M -bufsize 5M -pix_fmt yuv420p -c:a aac`;
  execFileSync('ffmpeg', ['-v', 'error', '-nostdin', ...`${source} ${codec}`.split(' '), '-f', 'flv', film]);
  const config = join(folder.path, 'oxbow.yaml');
  const ladder = RUNGS.map((rung) => `${rung}p`).join(', ');
  const key = 'a-key-of-this-benchmark';
  const settings = { source: '{ type: push }', ladder: `'${ladder}'`, ladderStart: 'always', keys: `[${key}]` };
  const lines = Object.entries(settings).map(([name, value]) => `    ${name}: ${value}\n`);
  writeFileSync(config, `streams:\n  cam:\n${lines.join('')}`);
  const args = ['--config', config];
  const options = { args, ingest: ['rtmp'] as const, program: launcher };
  await using server = await startServer({ ...options, data: join(folder.path, 'data'), adminToken: TOKEN });
  const copy = ['-v', 'error', '-nostdin', '-re', '-stream_loop', '-1', '-i', film, '-c', 'copy', '-f', 'flv'];
  const publisher = spawn('ffmpeg', [...copy, `${server.ingest.rtmp}/cam?key=${key}`], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  try {
    return await measure(server, seconds);
  } finally {
    publisher.kill('SIGKILL');
    if (publisher.exitCode === null && publisher.signalCode === null) await once(publisher, 'close');
  }
}

async function measure(server: Server, seconds: number): Promise<string> {
  say('waiting for all qualities');
  const index = await listed(server);
  const generation = /av0\/(g\d+\.m3u8)/.exec(index)![1];
  const of = (rendition: string) => new Counted(server, `/live/cam/${rendition}/${generation}`);
  const source = of('av0');
  const rungs = RUNGS.map((rung) => of(`av0-${rung}`));
  for (const rendition of [source, ...rungs]) await rendition.look();
  const first = Math.max(...[source, ...rungs].map(({ pictures }) => Math.max(...pictures.keys()))) + 1;
  const tree = new ProcessTree([server.pid]);
  const cpuBefore = tree.cpuS();
  const startMs = performance.now();
  const lags: number[] = [];
  const states = new Set<string>();
  say(`measuring ${seconds} s`);
  for (let nextMs = startMs; performance.now() - startMs < seconds * 1000; ) {
    nextMs += LAG_EVERY_MS;
    await pause(Math.max(0, nextMs - performance.now()));
    const { ladder } = await server.json<StreamView>('/api/v1/streams/cam');
    if (typeof ladder?.lagMs === 'number') lags.push(ladder.lagMs);
    for (const { name, state } of ladder?.made ?? []) if (state !== 'live') states.add(`${name} ${state}`);
    for (const rendition of [source, ...rungs]) await rendition.look();
  }
  const wallS = (performance.now() - startMs) / 1000;
  const cpuS = tree.cpuS() - cpuBefore;
  const last = Math.min(...[source, ...rungs].map(({ pictures }) => Math.max(...pictures.keys())));
  const sum = ({ pictures }: Counted) => {
    let count = 0;
    for (const [msn, number] of pictures) if (msn >= first && msn <= last) count += number;
    return count;
  };
  const sent = sum(source);
  const rows = [
    ['source', String(sent), '', ''],
    ...rungs.map((rung, i) => [`${RUNGS[i]}p`, String(sum(rung)), String(sent - sum(rung)), String(rung.gaps)]),
  ];
  const lag = sorted(lags);
  const metrics = Buffer.from(await server.bytes('/metrics')).toString();
  const lost = /oxbow_ladder_lost_frames_total\{[^}]*\} (\d+)/.exec(metrics)?.[1] ?? '0';
  return [
    printTable(['quality', 'pictures', 'dropped', 'GAPs'], rows),
    `segments ${first} to ${last}, ${wallS.toFixed(0)} s; frames that waited too long ${lost}; dropped qualities: ${[...states].join(', ') || 'none'}`,
    `lag, p95 of ten seconds: median ${quantile(lag, 0.5)} ms, p95 ${quantile(lag, 0.95)} ms, worst ${lag.at(-1)} ms (target 700)`,
    `CPU of oxbow and its encoder: ${((100 * cpuS) / wallS).toFixed(0)} % of one core`,
  ].join('\n');
}

async function listed(server: Server): Promise<string> {
  for (const untilMs = performance.now() + START_MS; performance.now() < untilMs; await pause(250)) {
    const response = await server.fetch('/live/cam/index.m3u8');
    const text = await response.text();
    if (response.ok && RUNGS.every((rung) => text.includes(`av0-${rung}/`))) return text;
  }
  throw new Error(`not all qualities are live after ${START_MS / 1000} s`);
}
