/**
 * `node bin/oxbow-node bench/srt.ts [--streams 16] [--mbps 5] [--seconds 10] [--passphrase …]`: CPU of
 * receivers of SRT.
 * In: MPEG-TS that ffmpeg encodes, sent again and again by a separate sender. Out: CPU per stream of
 * oxbow's receiver (transport only), of one ffmpeg each (`-c copy -f mpegts`, which also demuxes and muxes)
 * and of one srt-live-transmit each, and what each received.
 */
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { connectSrt } from '@oxbow/wire/srt/connect';
import { openSrtListener } from '@oxbow/wire/srt/open-listener';
import { run } from '../test/fixtures/ffmpeg.ts';
import { freeUdpPort } from '../test/fixtures/publishers/udp-sender.ts';
import { ProcessTree } from './process-tree.ts';

const PACKET_BYTES = 1316;
const LATENCY_MS = 120;
interface Plan {
  readonly streams: number;
  readonly mbps: number;
  readonly seconds: number;
  readonly passphrase: string | undefined;
  /** MPEG-TS to send. */
  readonly media: string;
}

interface Receiver {
  readonly name: string;
  readonly children: readonly ChildProcess[];
  /** One port for each stream, or one for all. */
  readonly ports: readonly number[];
}

function forkSelf(role: string, plan: unknown): ChildProcess {
  return fork(fileURLToPath(import.meta.url), [role, JSON.stringify(plan)], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
}

async function startOxbow(plan: Plan): Promise<Receiver> {
  const child = forkSelf('receive', plan);
  const [port] = (await once(child, 'message')) as [number];
  return { name: 'oxbow', children: [child], ports: [port] };
}

async function startPrograms(name: string, plan: Plan, args: (url: string) => readonly string[]): Promise<Receiver> {
  const ports = await Promise.all(Array.from({ length: plan.streams }, freeUdpPort));
  const secret = plan.passphrase ? `&passphrase=${plan.passphrase}` : '';
  const children = ports.map((port) => {
    const url = `srt://127.0.0.1:${port}?mode=listener&latency=${name === 'ffmpeg' ? LATENCY_MS * 1000 : LATENCY_MS}${secret}`;
    return spawn(name, [...args(url)], { stdio: 'ignore' });
  });
  await sleep(4000);
  return { name, children, ports };
}

/** Noise at the rate of the plan: a few seconds of it are repeated. */
async function encode({ media, mbps }: Plan): Promise<void> {
  const rate = `${mbps * 0.9}M`;
  const { code, stderr } = await run('ffmpeg', [
    ...['-v', 'error', '-f', 'lavfi', '-i', 'testsrc2=s=1280x720:r=25,noise=alls=60', '-t', '4', '-c:v', 'libx264'],
    ...['-preset', 'ultrafast', '-g', '25', '-b:v', rate, '-maxrate', rate, '-bufsize', rate, '-f', 'mpegts', media],
  ]);
  if (code !== 0) throw new Error(stderr);
}

function copy(url: string): readonly string[] {
  return ['-v', 'quiet', '-f', 'mpegts', '-i', url, '-map', '0', '-c', 'copy', '-f', 'mpegts', '-y', '/dev/null'];
}

async function measure(plan: Plan, receiver: Receiver): Promise<void> {
  const sender = forkSelf('send', { ...plan, ports: receiver.ports });
  await once(sender, 'message');
  await sleep(2000);
  const tree = new ProcessTree(receiver.children.map(({ pid }) => pid!));
  const before = tree.cpuS();
  const began = performance.now();
  await sleep(plan.seconds * 1000);
  const share = ((tree.cpuS() - before) * 1000) / (performance.now() - began) / plan.streams;
  const mib = tree.memory().pss / 1024 / 1024 / plan.streams;
  sender.send('report');
  const [report] = (await once(sender, 'message')) as [string];
  const line = `${receiver.name.padEnd(18)} ${plan.streams} x ${plan.mbps} Mbps${plan.passphrase ? ' AES-128' : ''}`;
  console.log(
    `${line}: ${(share * 100).toFixed(2)} % of a core per stream, PSS ${mib.toFixed(1)} MiB per stream, ${report}`,
  );
  for (const child of [sender, ...receiver.children]) {
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  }
}

async function receive(plan: Plan): Promise<void> {
  let kept: Uint8Array | undefined;
  const listener = await openSrtListener({
    address: '127.0.0.1',
    port: 0,
    latencyMs: LATENCY_MS,
    maxConnections: plan.streams,
    accept: () => ({
      passphrase: plan.passphrase,
      onConnection: (connection) => {
        // Keeps the last payload, as a demuxer would.
        connection.onData = (payload) => {
          kept = payload;
        };
      },
    }),
  });
  process.on('disconnect', () => process.exit(kept ? 0 : 1));
  process.send!(listener.port);
}

async function send({
  streams,
  mbps,
  passphrase,
  media,
  ports,
}: Plan & { readonly ports: readonly number[] }): Promise<void> {
  const { signal } = new AbortController();
  const connections = await Promise.all(
    Array.from({ length: streams }, (_, index) =>
      connectSrt({
        address: '127.0.0.1',
        port: ports[index % ports.length]!,
        passphrase,
        latencyMs: LATENCY_MS,
        signal,
      }),
    ),
  );
  const bytes = await readFile(media);
  const packets = Math.floor(bytes.length / PACKET_BYTES);
  const began = performance.now();
  let sent = 0;
  setInterval(() => {
    const due = ((performance.now() - began) * mbps * 125) / PACKET_BYTES;
    for (; sent < due; sent++) {
      const at = (sent % packets) * PACKET_BYTES;
      for (const connection of connections) connection.send(bytes.subarray(at, at + PACKET_BYTES));
    }
  }, 2);
  process.on('message', () => {
    const snapshots = connections.map((connection) => connection.stats());
    const sum = (key: 'sent' | 'retransmitted' | 'sendDropped') =>
      snapshots.reduce((total, stats) => total + stats[key], 0);
    process.send!(`${sum('sent')} packets sent, ${sum('retransmitted')} again, ${sum('sendDropped')} dropped`);
  });
  process.send!('ready');
}

if (process.argv[2] === 'receive') await receive(JSON.parse(process.argv[3]!) as Plan);
else if (process.argv[2] === 'send') await send(JSON.parse(process.argv[3]!) as Plan & { ports: number[] });
else {
  const { values } = parseArgs({
    options: {
      streams: { type: 'string', default: '16' },
      mbps: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '10' },
      passphrase: { type: 'string' },
    },
  });
  const folder = await mkdtemp(join(tmpdir(), 'oxbow-bench-srt-'));
  try {
    const plan: Plan = {
      streams: Number(values.streams),
      mbps: Number(values.mbps),
      seconds: Number(values.seconds),
      passphrase: values.passphrase,
      media: join(folder, 'media.ts'),
    };
    await encode(plan);
    await measure(plan, await startOxbow(plan));
    await measure(plan, await startPrograms('ffmpeg', plan, (url) => copy(url)));
    await measure(plan, await startPrograms('srt-live-transmit', plan, (url) => ['-q', url, 'file://con']));
  } finally {
    await rm(folder, { recursive: true });
  }
}
