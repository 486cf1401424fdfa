/**
 * `npm run bench -- call`: the CPU of a server that forwards a call of eight cameras of 320x180p15, 300 kbps
 * each.
 * In: a film of VP8, participants in a separate process. Out: a table. No loss.
 */
import { fork } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { encode } from '../../test/fixtures/encoder.ts';
import { openFolder, startServer } from '../../test/fixtures/server.ts';
import { NeverComes, until } from '../../test/fixtures/wait.ts';
import { ProcessTree } from '../process-tree.ts';
import { printTable } from '../report.ts';
import { orTiny } from '../tiny.ts';
import type { CallOrder, CallReport } from './call-people.ts';

/** The server forwards from the fifth person on. */
const PEOPLE = orTiny(8, 5);
/** 300 kbps, with a key frame every two seconds. */
const FILM = [
  ...['-f', 'lavfi', '-i', `testsrc2=size=320x180:rate=15:duration=${orTiny(20, 4)}`, '-vf', 'noise=alls=20:allf=t'],
  ...['-c:v', 'libvpx', '-deadline', 'realtime', '-cpu-used', '8', '-g', '30', '-pix_fmt', 'yuv420p'],
  ...['-b:v', '300k', '-minrate', '300k', '-maxrate', '300k', '-bufsize', '150k'],
];
/** Before each measurement, seconds. */
const WARM_UP_S = orTiny(5, 1);

/** Measures and returns the report. @param seconds of each measurement */
export async function benchCall(seconds: number): Promise<string> {
  await using folder = await openFolder('bench-call');
  const film = await encode(FILM, join(folder.path, 'film.ivf'));
  const args = ['--accounts-sign-up', 'open'];
  await using server = await startServer({ data: join(folder.path, 'data'), sample: false, ingest: ['webrtc'], args });
  const { url } = server;
  const send = (path: string, body: object, cookie = '') =>
    fetch(`${url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', origin: url, ...(cookie && { cookie }) },
      body: JSON.stringify(body),
    });
  const signedUp = await send('/api/v1/users', { name: 'Owner', password: 'a long password for a bench' });
  const cookie = signedUp.headers.getSetCookie()[0]!.split(';')[0]!;
  const { id: room } = (await (await send('/api/v1/rooms', { name: 'Call' }, cookie)).json()) as { id: string };
  const tree = new ProcessTree([server.pid]);
  const measure = async () => {
    const before = tree.cpuS();
    await pause(seconds * 1000);
    return (tree.cpuS() - before) / seconds;
  };
  await pause(WARM_UP_S * 1000);
  const alone = await measure();
  const child = fork(join(import.meta.dirname, 'call-people.ts'));
  try {
    let last: CallReport = { connected: 0, sent: 0, video: 0, audio: 0, bytes: 0, sources: 0 };
    child.on('message', (report) => {
      last = report as CallReport;
    });
    child.send({ url, room, cookie, people: PEOPLE, film } satisfies CallOrder);
    const expected = 2 * PEOPLE * (PEOPLE - 1);
    await until('everyone gets everyone', async () => {
      if (child.exitCode !== null) throw new NeverComes(`the participants ended with ${child.exitCode}`);
      return last.connected === PEOPLE && last.sources === expected;
    });
    await pause(WARM_UP_S * 1000);
    const before = last;
    const together = await measure();
    const share = (value: number) => `${(100 * value).toFixed(1)} %`;
    const rate = (name: 'sent' | 'video' | 'audio') => String(Math.round((last[name] - before[name]) / seconds));
    const kbps = ((last.bytes - before.bytes) * 8) / seconds / PEOPLE / (PEOPLE - 1) / 1000;
    const head = ['without the call', 'with it', 'packets in', 'video out', 'sound out', 'of one person to another'];
    const cells = [
      share(alone),
      share(together),
      rate('sent'),
      rate('video'),
      rate('audio'),
      `${Math.round(kbps)} kbps`,
    ];
    return [
      `A forwarded call of ${PEOPLE} cameras, ${seconds} s: CPU of the server, share of a core; packets per second`,
      printTable(head, [cells]),
    ].join('\n\n');
  } finally {
    child.kill();
  }
}
