/**
 * The figures that `bench regress` compares, each group measured on one freshly started server.
 * In: the name of a group as argument; the program by `BENCH_PROGRAM`. Out: its figures as one line of JSON.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { openFolder, startServer } from '../../test/fixtures/server.ts';
import { until } from '../../test/fixtures/wait.ts';
import { startPublishers } from '../ingest/publishers.ts';
import { type Protocol, startOxbowIngest } from '../ingest/servers.ts';
import { compileTool } from '../load-generator.ts';
import { measure, sample } from '../measure.ts';
import { makeBenchMedia } from '../media.ts';
import { ProcessTree } from '../process-tree.ts';
import { launcher, startOxbow } from '../recorders.ts';
import { createMembers, PER_ROOM, SOURCE, startRoomServer } from '../rooms/room-server.ts';
import { loadRooms } from '../rooms/rooms.ts';
import { CLIENT_CORE, program } from '../target.ts';
import { orTiny } from '../tiny.ts';
import type { Figure } from './regress.ts';

const PULLED = orTiny(16, 1);
const RTMP_PUBLISHERS = orTiny(8, 1);
const SRT_PUBLISHERS = orTiny(4, 1);
const MEMBERS = orTiny(500, 20);
const CONNECTIONS = orTiny(50, 4);
/** V8 compiles what is hot in the first seconds. */
const DURATIONS = orTiny({ warmUpS: 12, measureS: 12 }, { warmUpS: 2, measureS: 1 });
const SERVE_S = orTiny(6, 1);
const ROOMS_S = orTiny(8, 1);
const REST_S = orTiny(12, 2);

const groups: Readonly<Record<string, () => Promise<readonly Figure[]>>> = {
  pull,
  rtmp: () => ingest('rtmp', RTMP_PUBLISHERS),
  srt: () => ingest('srt', SRT_PUBLISHERS),
  serve,
  rooms,
  rest,
};

async function pull(): Promise<readonly Figure[]> {
  const media = makeBenchMedia(DURATIONS.warmUpS + DURATIONS.measureS + orTiny(30, 16));
  const { cpuPercent, anonymousPeakBytes, problems } = await measure(startOxbow, PULLED, media, DURATIONS);
  if (problems !== '') throw new Error(`pulled streams: ${problems}`);
  return [
    { name: `${PULLED} pulled streams, CPU of a core for each`, unit: '%', value: cpuPercent / PULLED },
    { name: `${PULLED} pulled streams, memory`, unit: 'MiB', value: anonymousPeakBytes / 2 ** 20 },
  ];
}

async function ingest(protocol: Protocol, count: number): Promise<readonly Figure[]> {
  const media = makeBenchMedia(orTiny(60, 20));
  await using folder = await openFolder('bench-regress');
  await using server = await startOxbowIngest(protocol, count, folder.path);
  const format = protocol === 'srt' ? 'mpegts' : 'flv';
  await using publishers = await startPublishers(media, server.urls, { folder: folder.path, format });
  const { cpuPercent, anonymousPeakBytes } = await sample(server.pids, publishers.pids, DURATIONS);
  const problems = await server.problems();
  if (problems !== '') throw new Error(`publishers over ${protocol}: ${problems}`);
  const name = `${count} publishers over ${protocol.toUpperCase()}`;
  return [
    { name: `${name}, CPU of a core for each`, unit: '%', value: cpuPercent / count },
    { name: `${name}, memory`, unit: 'MiB', value: anonymousPeakBytes / 2 ** 20 },
  ];
}

/** One live publisher, whose playlist and newest part many clients request without pause. */
async function serve(): Promise<readonly Figure[]> {
  const media = makeBenchMedia(orTiny(60, 20));
  await using folder = await openFolder('bench-regress');
  await using server = await startOxbowIngest('rtmp', 1, folder.path);
  await using _publisher = await startPublishers(media, server.urls, { folder: folder.path, format: 'flv' });
  const text = async (path: string) => {
    const response = await fetch(server.url + path);
    if (!response.ok) throw new Error(`${path}: ${response.status}`);
    return response.text();
  };
  const index = await until('the stream has a playlist', () => text('/live/s0/index.m3u8'));
  const playlist = `/live/s0/${/^[^#].*\.m3u8$/m.exec(index)?.[0]}`;
  const segment = await until('the playlist lists a segment', async () => {
    const uri = (await text(playlist)).split('\n').findLast((line) => line.endsWith('.m4s'));
    if (uri === undefined) throw new Error('none yet');
    return `${playlist.slice(0, playlist.lastIndexOf('/'))}/${uri}`;
  });
  const tree = new ProcessTree(server.pids);
  const cpuUs = (path: string) => {
    const before = tree.cpuS();
    const args = ['-c', CLIENT_CORE, program('wrk'), '-t1', `-c${CONNECTIONS}`, `-d${SERVE_S}`, server.url + path];
    const report = execFileSync('taskset', args, { encoding: 'utf8' });
    const requests = Number(/(\d+) requests in/.exec(report)?.[1]);
    if (/Non-2xx/.test(report) || !(requests > 0)) throw new Error(`wrk reports failed requests:\n${report}`);
    return ((tree.cpuS() - before) / requests) * 1e6;
  };
  cpuUs(playlist);
  return [
    { name: 'request for a live playlist, CPU', unit: 'µs', value: cpuUs(playlist) },
    { name: 'request for a complete segment, CPU', unit: 'µs', value: cpuUs(segment) },
  ];
}

/** Stored chat messages, as many as the server takes on its core. */
async function rooms(): Promise<readonly Figure[]> {
  compileTool(SOURCE);
  await using folder = await openFolder('bench-regress');
  await using server = await startRoomServer(folder.path, MEMBERS, ['--rooms-message-rate', '1000']);
  const file = join(folder.path, 'members');
  writeFileSync(file, (await createMembers(server, MEMBERS)).join('\n'));
  const target = { port: Number(new URL(server.url).port), pid: server.pid, hasAcks: true, empty: () => pause(0) };
  const result = await loadRooms(target, { file, members: MEMBERS, stalled: 0, perSecond: 0, seconds: ROOMS_S });
  if (result.refused + result.closed + result.bad > 0) throw new Error(`rooms: ${result.refusal}`);
  const value = (result.cpuS / result.deliveries) * 1e6;
  return [{ name: `delivery of a stored message, rooms of ${PER_ROOM}, CPU`, unit: 'µs', value }];
}

/** A server without streams. */
async function rest(): Promise<readonly Figure[]> {
  await using folder = await openFolder('bench-regress');
  const data = join(folder.path, 'data');
  mkdirSync(data);
  const from = performance.now();
  await using server = await startServer({ data, args: ['--log-level', 'warn'], program: launcher, sample: false });
  const startMs = performance.now() - from;
  const { cpuPercent, anonymousPeakBytes } = await sample([server.pid], [], { warmUpS: REST_S, measureS: REST_S });
  return [
    { name: 'start until it is ready', unit: 'ms', value: startMs },
    { name: 'at rest, CPU of a core', unit: '%', value: cpuPercent },
    { name: 'at rest, memory', unit: 'MiB', value: anonymousPeakBytes / 2 ** 20 },
  ];
}

const group = groups[process.argv[2] ?? ''];
if (!group) throw new Error(`no group of figures is named ${process.argv[2]}: ${Object.keys(groups).join(', ')}`);
process.stdout.write(`${JSON.stringify(await group())}\n`);
