import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { promisify } from 'node:util';
import { connectSrt } from '@oxbow/wire/srt/connect';
import { SrtRejectedError } from '@oxbow/wire/srt/rejection';
import { srtlaType } from '@oxbow/wire/srtla/packet';
import type { StreamStats } from '../../src/api/measure/stats-shapes.ts';
import { canSharePorts } from '../../src/serve/hot/listeners.ts';
import { end, upgrade, withoutNpm } from '../fixtures/cli/upgrade.ts';
import { encode, ffmpegArgs, filmArgs, startSender } from '../fixtures/encoder.ts';
import { need } from '../fixtures/need.ts';
import { type BondedSender, openBondedSender } from '../fixtures/publishers/bonded-sender.ts';
import { publishAgain } from '../fixtures/publishers/publish-again.ts';
import { createPush } from '../fixtures/publishers/push-streams.ts';
import { freeUdpPort } from '../fixtures/publishers/udp-sender.ts';
import { type Folder, openFolder, type Server, startPlainServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';

const ADMIN = 'let-me-in-please';
const skip = canSharePorts ? need('ffmpeg') : 'needs shared ports';

/** The process of a stream, as the log of its start says. */
const processOf = (server: Server, stream: string) =>
  String(server.log().findLast((line) => line.stream === stream && line.msg === 'the stream is live')?.process);

/** The system's ids of the processes, by their names. */
async function pidsOf(server: Server): Promise<ReadonlyMap<string, number>> {
  const { stdout } = await promisify(execFile)('ps', ['-o', 'pid=', '--ppid', String(server.pid)]);
  const pids = stdout.trim().split(/\s+/).map(Number);
  const environ = async (pid: number) => (await promisify(execFile)('cat', [`/proc/${pid}/environ`])).stdout;
  const named = pids.map(async (pid) => {
    const [, name] = /(?:^|\0)OXBOW_PROCESS=([\w-]+)/.exec(await environ(pid)) ?? [];
    return [name ?? '', pid] as const;
  });
  return new Map(await Promise.all(named));
}

suite('bonded senders of several processes that are one server', { skip }, () => {
  const opened = new AsyncDisposableStack();
  let folder: Folder;
  let server: Server;
  let film: string;
  let port: number;
  const keys = new Map<string, string>();

  before(async () => {
    folder = opened.use(await openFolder('srtla-processes'));
    film = await encode(filmArgs(60), join(folder.path, 'film.ts'));
    port = await freeUdpPort();
    server = await startPlainServer({
      data: join(folder.path, 'data'),
      adminToken: ADMIN,
      args: ['--processes', '2', '--srt', '127.0.0.1:0', '--srtla', `127.0.0.1:${port}`],
    });
    opened.use(server);
    for (const name of ['one', 'two']) keys.set(name, await createPush(server, name));
  });
  after(() => opened.disposeAsync());

  const publish = (name: string, bonded: BondedSender) => {
    const to = `srt://127.0.0.1:${bonded.port}?streamid=publish:${name}:${keys.get(name)}`;
    return startSender('ffmpeg', ffmpegArgs(film, 'mpegts', to));
  };
  const linksOf = async (name: string) => {
    const { link } = await server.json<StreamStats>(`/api/v1/streams/${name}/stats`);
    return link.links.map(({ number, up, bitrate }) => `${number} ${up} ${bitrate > 1000}`).join();
  };

  test('reach the process of their stream, which shows their links; none takes the port with it', async () => {
    await using bonded1 = await openBondedSender(port, 1, [{ delayMs: 5 }, { delayMs: 30 }]);
    await using bonded2 = await openBondedSender(port, 2, [{ delayMs: 5 }, { delayMs: 30 }]);
    const publishers = [publish('one', bonded1), publish('two', bonded2)];
    for (const name of ['one', 'two']) await server.stream(name, 'live');
    const homes = await until('both are live', () => {
      const found = ['one', 'two'].map((name) => processOf(server, name));
      return !found.includes('undefined') && found;
    });
    assert.deepEqual([...homes].sort(), ['process-1', 'process-2'], 'streams stay where they are');
    for (const name of ['one', 'two']) {
      await until(`the links of ${name}`, async () => (await linksOf(name)) === '1 true true,2 true true');
    }
    const metrics = await until('the port is counted', async () => {
      const text = Buffer.from(await server.bytes('/metrics')).toString();
      return text.includes('oxbow_srtla_links 4') && text;
    });
    assert.match(metrics, /^oxbow_srtla_registrations_total\{result="registered"\} 2$/m);
    const survivor = homes[0] === 'process-2' ? 'one' : 'two';
    process.kill((await pidsOf(server)).get('process-1')!, 'SIGKILL');
    await until('it starts again', () =>
      server.log('error').some(({ msg, process: name }) => name === 'process-1' && String(msg).includes('has ended')),
    );
    const starts = () => server.log().filter((line) => line.process === 'process-1' && line.msg === 'oxbow runs');
    await until('it runs again', () => starts().length === 2);
    const sinceMs = Date.now();
    const timeline = await until('more is recorded', async () => {
      const view = await server.timeline(survivor);
      return Date.parse(view.spans.at(-1)!.to) > sinceMs && view;
    });
    assert.deepEqual([timeline.spans.length, timeline.gaps], [1, []]);
    const other = homes[0] === 'process-2' ? 1 : 0;
    await publishers[other]!.ended; // its process has ended
    publishers[1 - other]!.child.kill('SIGKILL');
    await publishers[1 - other]!.ended;
  });

  test('a sender whose process is killed publishes again over the links that it has', async () => {
    keys.set('again', await createPush(server, 'again'));
    await using bonded = await openBondedSender(port, 3, [{ delayMs: 5 }, { delayMs: 30 }]);
    await using _ = publishAgain(film, `srt://127.0.0.1:${bonded.port}?streamid=publish:again:${keys.get('again')}`);
    await server.stream('again', 'live');
    const home = await until('its process is known', () => {
      const name = processOf(server, 'again');
      return name !== 'undefined' && name;
    });
    const killedMs = Date.now();
    process.kill((await pidsOf(server)).get(home)!, 'SIGKILL');
    await recordedAgain(server, 'again', killedMs);
    const { identify, noGroup } = srtlaType;
    const answers = [identify, noGroup].map((type) => bonded.sender.answers.get(type) ?? 0);
    assert.deepEqual(answers, [1, 0], 'it registered once');
  });

  test('wrong keys are counted once for all processes, over any number of senders', async () => {
    await using senders = new AsyncDisposableStack();
    const codes: number[] = [];
    for (let seed = 0; seed < 3; seed++) {
      const { port: callerPort, sender } = senders.use(await openBondedSender(port, seed, [{ delayMs: 1 }]));
      await until('its link is accepted', () => sender.up === 1);
      for (let guess = 0; guess < 5; guess++) {
        const signal = AbortSignal.timeout(20_000);
        const streamId = `publish:two:ok_${seed}${guess}`;
        const refused = await connectSrt({ address: '127.0.0.1', port: callerPort, streamId, signal }).then(
          () => assert.fail('it was accepted'),
          (error: unknown) => error,
        );
        codes.push(refused instanceof SrtRejectedError ? refused.code : assert.fail(String(refused)));
      }
    }
    assert.deepEqual(codes, [...Array.from({ length: 10 }, () => 2403), ...Array.from({ length: 5 }, () => 2402)]);
  });
});

/** Waits until a stream has media after a moment. */
function recordedAgain(server: Pick<Server, 'timeline'>, name: string, sinceMs: number) {
  return until(`${name} is recorded again`, async () => {
    const view = await server.timeline(name).catch(() => undefined); // while its process starts
    const last = view?.spans.at(-1);
    return (
      view && last && Date.parse(last.from) > sinceMs && Date.parse(last.to) > Date.parse(last.from) + 2000 && view
    );
  });
}

suite('oxbow upgrade with bonded senders', { skip }, () => {
  for (const processes of canSharePorts ? [1, 2] : [1])
    test(`costs them no more than senders over SRT, with ${processes} processes`, async () => {
      await using folder = await openFolder('srtla-upgrade');
      const film = await encode(filmArgs(60), join(folder.path, 'film.ts'));
      const data = join(folder.path, 'data');
      const [srt, srtla] = [await freeUdpPort(), await freeUdpPort()];
      const args = ['--processes', String(processes), '--srt', `127.0.0.1:${srt}`, '--srtla', `127.0.0.1:${srtla}`];
      await using server = await startPlainServer({ data, adminToken: ADMIN, env: withoutNpm, args });
      await using bonded = await openBondedSender(srtla, 5, [{ delayMs: 5 }, { delayMs: 30 }]);
      const ports = { plain: srt, bonded: bonded.port };
      await using publishers = new AsyncDisposableStack();
      for (const [name, port] of Object.entries(ports)) {
        const key = await createPush(server, name);
        publishers.use(publishAgain(film, `srt://127.0.0.1:${port}?streamid=publish:${name}:${key}`));
        await server.stream(name, 'live');
      }
      for (const name of Object.keys(ports)) {
        await until('some is recorded', async () => (await server.stream(name)).recorded.seconds > 3);
      }
      const sinceMs = Date.now();
      const { pid } = await upgrade(data);
      await using _ = { [Symbol.asyncDispose]: () => end(pid) };
      const holes: number[] = [];
      for (const name of Object.keys(ports)) {
        const { spans } = await recordedAgain(server, name, sinceMs);
        holes.push(spans.slice(1).reduce((sum, { from }, i) => sum + Date.parse(from) - Date.parse(spans[i]!.to), 0));
      }
      assert.ok(holes[1]! <= holes[0]! + 4000, `SRT ${holes[0]} ms, SRTLA ${holes[1]} ms`);
      assert.equal(bonded.sender.answers.get(srtlaType.identify), 1, 'its links are known');
    });
});
