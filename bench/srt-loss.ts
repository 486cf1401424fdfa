/**
 * `node bin/oxbow-node bench/srt-loss.ts [--runs 10] [--drop 0.05] [--latency 120] [--seconds 8]`: packets
 * that SRT could not repair.
 * In: numbered packets at 5 Mbps from srt-live-transmit (or oxbow), through a relay that loses and delays by
 * seed, to oxbow and to libsrt.
 * Out: for each pair of sender and receiver the median of the lost packets, in percent, over runs with the
 * seeds 1 to N.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { connectSrt } from '@oxbow/wire/srt/connect';
import { openSrtListener } from '@oxbow/wire/srt/open-listener';
import { numberedPayload } from '@oxbow/wire/srt/simulated-network.fixture';
import { openLossyRelay } from '../test/fixtures/lossy-relay.ts';
import { freeUdpPort } from '../test/fixtures/publishers/udp-sender.ts';

const PACKET_BYTES = 1316;
const PACKETS_PER_MS = 5_000_000 / 8 / PACKET_BYTES / 1000;
const LINK = { delayMs: 10, jitterMs: 50 } as const;

type Kind = 'oxbow' | 'libsrt';

interface Run {
  readonly sender: Kind;
  readonly receiver: Kind;
  readonly latencyMs: number;
  readonly drop: number;
  readonly seed: number;
  readonly seconds: number;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}

/** Sends numbered packets at a steady rate; returns how many. */
async function pace(seconds: number, send: (payload: Uint8Array) => void): Promise<number> {
  const began = performance.now();
  let sent = 0;
  for (let elapsed = 0; elapsed < seconds * 1000; elapsed = performance.now() - began) {
    for (; sent < elapsed * PACKETS_PER_MS; sent++) send(numberedPayload(sent));
    await sleep(2);
  }
  return sent;
}

async function openReceiver({ receiver, latencyMs }: Run, take: (bytes: Buffer) => void, stack: AsyncDisposableStack) {
  if (receiver === 'oxbow') {
    const listener = await openSrtListener({
      address: '127.0.0.1',
      port: 0,
      latencyMs,
      accept: () => ({
        onConnection: (connection) => {
          connection.onData = (payload) => take(Buffer.from(payload));
        },
      }),
    });
    stack.use(listener);
    return listener.port;
  }
  const port = await freeUdpPort();
  const url = `srt://127.0.0.1:${port}?mode=listener&latency=${latencyMs}`;
  const child = spawn('srt-live-transmit', ['-q', url, 'file://con'], { stdio: ['ignore', 'pipe', 'ignore'] });
  stack.defer(() => end(child));
  child.stdout.on('data', take);
  await sleep(2000);
  return port;
}

async function openSender({ sender, latencyMs }: Run, to: number, stack: AsyncDisposableStack) {
  if (sender === 'oxbow') {
    const { signal } = new AbortController();
    const connection = await connectSrt({ address: '127.0.0.1', port: to, latencyMs, connectMs: 10_000, signal });
    stack.defer(() => connection.close());
    return (payload: Uint8Array) => void connection.send(payload);
  }
  const port = await freeUdpPort();
  const url = `srt://127.0.0.1:${to}?latency=${latencyMs}&conntimeo=10000`;
  const child = spawn('srt-live-transmit', ['-q', `udp://127.0.0.1:${port}`, url], { stdio: 'ignore' });
  stack.defer(() => end(child));
  const socket = createSocket('udp4');
  stack.defer(() => {
    socket.close();
  });
  await sleep(4000);
  return (payload: Uint8Array) => socket.send(payload, port, '127.0.0.1');
}

/** Share of packets that did not arrive, percent, from the first that did. */
async function lossOf(plan: Run): Promise<number> {
  await using stack = new AsyncDisposableStack();
  const seen = new Set<number>();
  let rest: Buffer = Buffer.alloc(0);
  const to = await openReceiver(
    plan,
    (bytes) => {
      rest = Buffer.concat([rest, bytes]);
      for (; rest.length >= PACKET_BYTES; rest = rest.subarray(PACKET_BYTES)) seen.add(rest.readUInt32BE(0));
    },
    stack,
  );
  const relay = await openLossyRelay({ to, seed: plan.seed, drop: plan.drop, ...LINK });
  stack.use(relay);
  const send = await openSender(plan, relay.port, stack);
  await pace(plan.seconds, send);
  await sleep(plan.latencyMs + 1500);
  // The program may keep the end of its output: packets count between the first and the last packet that
  // came.
  let first = Number.POSITIVE_INFINITY;
  let last = 0;
  for (const number of seen) {
    first = Math.min(first, number);
    last = Math.max(last, number);
  }
  return (100 * (last - first + 1 - seen.size)) / (last - first + 1);
}

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '10' },
    drop: { type: 'string', default: '0.05' },
    latency: { type: 'string', default: '120' },
    seconds: { type: 'string', default: '8' },
  },
});
const seeds = Array.from({ length: Number(values.runs) }, (_, index) => index + 1);
const pairs = [
  ['libsrt', 'libsrt'],
  ['libsrt', 'oxbow'],
  ['oxbow', 'libsrt'],
  ['oxbow', 'oxbow'],
] as const;
for (const [sender, receiver] of pairs) {
  const base = { sender, receiver, drop: Number(values.drop), latencyMs: Number(values.latency) };
  // All seeds at a time: the same load for every pair.
  const losses = await Promise.all(seeds.map((seed) => lossOf({ ...base, seed, seconds: Number(values.seconds) })));
  losses.sort((a, b) => a - b);
  const half = losses.length / 2;
  const median = (losses[Math.ceil(half) - 1]! + losses[Math.floor(half)]!) / 2;
  const range = `${losses[0]!.toFixed(3)} to ${losses.at(-1)!.toFixed(3)}`;
  console.log(
    `${sender} to ${receiver}, ${values.latency} ms, ${Number(values.drop) * 100} % drop: ${median.toFixed(3)} % lost (${range})`,
  );
}
