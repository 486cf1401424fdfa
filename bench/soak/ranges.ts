/**
 * `npm run soak -- ranges`: strangers request the longest ranges of a long recording and do not read the
 * answers. Whatever they request, the server answers others.
 * In: arguments. Out: a table with how long `/livez` took meanwhile; fails if the server ended, or if it took
 * longer than the limit.
 */
import { copyFile, mkdir, readFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { run } from '../../test/fixtures/ffmpeg.ts';
import { openFolder, runOxbow, type Server, startServer } from '../../test/fixtures/server.ts';
import { describeMachine } from '../process-tree.ts';
import { mib, printTable, quantile, say, sorted } from '../report.ts';

const usage = `Usage: npm run soak -- ranges [options]

  --hours 24         length of the recording, segments of 2 s
  --seconds 60       how long each address is requested
  --sockets 60       open at a time, from four addresses
  --heap 1024        heap of the server, MiB
  --limit 250        longest time of /livez, ms
`;

const { values } = parseArgs({
  args: process.argv.slice(3),
  options: {
    hours: { type: 'string', default: '24' },
    seconds: { type: 'string', default: '60' },
    sockets: { type: 'string', default: '60' },
    heap: { type: 'string', default: '1024' },
    limit: { type: 'string', default: '250' },
    help: { type: 'boolean', default: false },
  },
});
const [hours, seconds, sockets, heap, limitMs] = [
  Number(values.hours),
  Number(values.seconds),
  Number(values.sockets),
  Number(values.heap),
  Number(values.limit),
];
if (values.help || !(hours > 0 && seconds > 0 && sockets > 0 && heap > 0 && limitMs > 0)) {
  process.stdout.write(usage);
  process.exit(values.help ? 0 : 2);
}

const HOUR_S = 3600;
const TOKEN = 'soak-of-ranges-0123456789';
/** A request of `/livez` each, ms. */
const LOOK_MS = 100;

/** Makes a stream `day` of `hours`, until an hour ago. Returns its start, unix seconds. */
async function importDay(folder: string, data: string): Promise<number> {
  const hour = join(folder, 'hour.mp4');
  const made = await run('ffmpeg', [
    ...['-v', 'error', '-y', '-f', 'lavfi', '-i', `testsrc2=size=64x36:rate=1:duration=${HOUR_S}`],
    ...['-f', 'lavfi', '-i', `anullsrc=sample_rate=8000:channel_layout=mono`, '-t', String(HOUR_S)],
    ...['-c:v', 'libx264', '-preset', 'ultrafast', '-g', '2', '-pix_fmt', 'yuv420p', '-c:a', 'aac', '-b:a', '8k', hour],
  ]);
  if (made.code !== 0) throw new Error(made.stderr);
  const endS = Math.floor(Date.now() / 1000 / HOUR_S) * HOUR_S;
  const files = join(folder, 'files');
  await mkdir(files);
  for (let i = 0; i < hours; i++) await copyFile(hour, join(files, `${endS - (hours - i) * HOUR_S}.mp4`));
  const args = ['--as', 'day', '--format', 'files', '--time-pattern', '%s', '--data', data];
  const { code, stderr } = await runOxbow(['import', 'recordings', files, ...args], undefined, 900_000);
  if (code !== 0) throw new Error(stderr);
  return endS - hours * HOUR_S;
}

/** Answers by status. */
type Answers = Map<string, number>;

/** Opens sockets that send requests and do not read, until the time is over; closed ones are opened again. */
async function attack(server: Server, ask: (i: number) => string, endMs: number): Promise<Answers> {
  const { hostname, port } = new URL(server.url);
  const answers: Answers = new Map();
  const open = new Set<Socket>();
  for (let i = 0; Date.now() < endMs; i++) {
    if (open.size < sockets) {
      const [method, path, ...fields] = ask(i).split(' ');
      const socket = connect(Number(port), hostname);
      open.add(socket);
      socket.on('error', () => {}).once('close', () => open.delete(socket));
      socket.once('data', (head) => {
        const status = head.toString('latin1', 9, 12);
        answers.set(status, (answers.get(status) ?? 0) + 1);
        // An answer with a body stays open and is not read; others are over.
        if (method === 'HEAD' || !/^2/.test(status)) socket.destroy();
        else socket.pause();
      });
      const head = [
        `${method} ${path} HTTP/1.1`,
        `host: ${hostname}:${port}`,
        `x-forwarded-for: 198.51.100.${i % 4}`,
        ...fields.map((field) => field.replace('~', ' ')),
      ];
      socket.write(`${head.join('\r\n')}\r\n\r\n`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  for (const socket of open) socket.destroy();
  return answers;
}

/** Times of `/livez` until the time is over, ms. */
async function watch(server: Server, endMs: number): Promise<number[]> {
  const times: number[] = [];
  while (Date.now() < endMs) {
    const startedAt = performance.now();
    await server.fetch('/livez');
    times.push(performance.now() - startedAt);
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  return sorted(times);
}

async function residentBytes({ pid }: Server): Promise<number> {
  return Number(/^VmRSS:\s+(\d+)/m.exec(await readFile(`/proc/${pid}/status`, 'latin1'))![1]) * 1024;
}

/**
 * Requests, each as expensive as its address allows; another range at each request, so that nothing is
 * cached.
 */
function asksOf(fromS: number): Readonly<Record<string, (i: number) => string>> {
  const toS = fromS + hours * HOUR_S;
  const strangersS = toS - Math.min(hours, 6) * HOUR_S;
  const day = (i: number) => `${fromS + (i % 3000)}/${toS}`;
  const long = (i: number) => `${strangersS + (i % 3000)}/${toS}`;
  return {
    nothing: () => 'GET /livez',
    'clip of a day, by strangers': (i) => `GET /clip/day/${day(i)}.mp4`,
    'clip of 6 hours': (i) => `GET /clip/day/${long(i)}.mp4`,
    'its head': (i) => `HEAD /clip/day/${long(i)}.mp4`,
    'a range of it': (i) => `GET /clip/day/${long(i)}.mp4 range:bytes=0-100`,
    'clip of a day, signed in': (i) => `GET /clip/day/${day(i)}.mp4 authorization:Bearer~${TOKEN}`,
    'clip of 2 hours as MKV': (i) => `GET /clip/day/${toS - 2 * HOUR_S + (i % 3000)}/${toS}.mkv`,
    'clip of 2 hours as TS': (i) => `GET /clip/day/${toS - 2 * HOUR_S + (i % 3000)}/${toS}.ts`,
    'time-lapse of a day': (i) => `GET /timelapse/day/${day(i)}/20.mp4`,
    'captions of an hour': (i) => `GET /vod/day/${toS - HOUR_S + (i % 3000)}/${toS}/captions.vtt`,
    'window of a day': (i) => `GET /vod/day/${day(i)}/av0.m3u8`,
    'window of a day, DASH': (i) => `GET /vod/day/${day(i)}/index.mpd`,
    'storyboard of a day': (i) => `GET /thumb/day/${day(i)}/storyboard.vtt`,
    'timeline of a month': (i) => `GET /api/v1/streams/day/timeline?from=${toS - 31 * 86_400 + i}&to=${toS}&res=1`,
    'activity of a month': (i) => `GET /api/v1/streams/day/activity?from=${toS - 31 * 86_400 + i}&to=${toS}`,
    'search of the library': (i) => `GET /api/v1/assets?query=a${i}`,
    'programme guide': (i) => `GET /xmltv.xml?i=${i}`,
    'channel list': (i) => `GET /playlist.m3u?i=${i}`,
  };
}

await using folder = await openFolder('ranges');
const data = join(folder.path, 'data');
say(`importing ${hours} hours …`);
const fromS = await importDay(folder.path, data);
const env = { NODE_OPTIONS: `--max-old-space-size=${heap}` };
await using server = await startServer({ data, adminToken: TOKEN, env });
const rows: string[][] = [];
let isGood = true;
for (const [name, ask] of Object.entries(asksOf(fromS))) {
  say(name);
  const endMs = Date.now() + seconds * 1000;
  const [answers, times] = await Promise.all([attack(server, ask, endMs), watch(server, endMs)]);
  const worst = times.at(-1) ?? Number.POSITIVE_INFINITY;
  if (worst > limitMs) isGood = false;
  const counted = [...answers].sort().map(([status, count]) => `${count} × ${status}`);
  const measured = [quantile(times, 0.99), worst].map((ms) => ms.toFixed(0));
  rows.push([name, counted.join(', '), ...measured, mib(await residentBytes(server))]);
}
const head = ['requested', 'answers', '/livez p99 ms', 'longest ms', 'RSS MiB'];
process.stdout.write(`${describeMachine()}\n\n${printTable(head, rows)}\n`);
if (!isGood) {
  process.stdout.write(`\n/livez took longer than ${limitMs} ms.\n`);
  process.exitCode = 1;
}
