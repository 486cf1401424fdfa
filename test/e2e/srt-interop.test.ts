/**
 * SRT against libsrt: srt-live-transmit, ffmpeg and GStreamer, in both directions, plain and encrypted, also
 * through a lossy link.
 * In: numbered packets and MPEG-TS files. Out: the same bytes on the other side.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { connectSrt } from '@oxbow/wire/srt/connect';
import { openSrtListener } from '@oxbow/wire/srt/open-listener';
import { numberedPayload } from '@oxbow/wire/srt/simulated-network.fixture';
import type { SrtConnection, SrtListener } from '@oxbow/wire/srt/srt';
import { run } from '../fixtures/ffmpeg.ts';
import { openLossyRelay } from '../fixtures/lossy-relay.ts';
import { need } from '../fixtures/need.ts';
import { freeUdpPort } from '../fixtures/publishers/udp-sender.ts';
import { until } from '../fixtures/wait.ts';

const PASSPHRASE = 'passphrase123';
/** Latency where the link loses nothing: a busy machine repairs late what a full receive buffer loses. */
const LATENCY_MS = 1000;
/** The same where it loses packets. */
const LOSSY_LATENCY_MS = 1500;
const KEY_LENGTHS = [0, 16, 24, 32] as const;
const TRANSMIT = 'srt-live-transmit';
const GSTREAMER = 'gst-launch-1.0';

let folder = '';
let media = '';

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'oxbow-srt-'));
  media = join(folder, 'media.ts');
  if (need('ffmpeg')) return;
  const { code, stderr } = await run('ffmpeg', [
    ...['-v', 'error', '-f', 'lavfi', '-i', 'testsrc2=s=160x90:r=25', '-f', 'lavfi', '-i', 'sine=440', '-t', '2'],
    ...['-c:v', 'libx264', '-preset', 'ultrafast', '-g', '25', '-c:a', 'aac', '-f', 'mpegts', media],
  ]);
  assert.equal(code, 0, stderr);
});

after(() => rm(folder, { recursive: true, force: true }));

/** Everything that one connection delivers. */
interface Received {
  bytes: Buffer[];
  connection: SrtConnection | undefined;
  lost: number;
}

async function listen(latencyMs = LATENCY_MS): Promise<{ listener: SrtListener; received: Map<string, Received> }> {
  const received = new Map<string, Received>();
  const listener = await openSrtListener({
    address: '127.0.0.1',
    port: 0,
    latencyMs,
    accept: ({ streamId, encrypted }) => ({
      passphrase: encrypted ? PASSPHRASE : undefined,
      onConnection(connection) {
        const entry: Received = { bytes: [], connection, lost: 0 };
        received.set(streamId, entry);
        connection.onData = (payload) => entry.bytes.push(Buffer.from(payload));
        connection.onLoss = (packets) => {
          entry.lost += packets;
        };
      },
    }),
  });
  return { listener, received };
}

/** Starts a program that the test ends. */
function start(program: string, args: readonly string[]): ChildProcess & AsyncDisposable {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'ignore'] });
  return Object.assign(child, {
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
    },
  });
}

/** Connects to a program that may not listen yet. */
function connectSoon(port: number, keyLength: 0 | 16 | 24 | 32, latencyMs = LATENCY_MS): Promise<SrtConnection> {
  return until(`port ${port} listens`, () =>
    connectSrt({
      address: '127.0.0.1',
      port,
      latencyMs,
      connectMs: 2000,
      ...(keyLength ? { passphrase: PASSPHRASE, keyLength } : {}),
      signal: new AbortController().signal,
    }),
  );
}

/**
 * Checks that numbered packets are complete from the first one on. The program may have begun to read late,
 * and may keep the end of its output in a buffer.
 */
function assertNumbered(output: Buffer, least: number): void {
  const bytes = output.subarray(0, output.length - (output.length % 1316));
  const first = bytes.readUInt32BE(0);
  for (let at = 0; at < bytes.length; at += 1316) {
    const expected = numberedPayload(first + at / 1316);
    assert.ok(bytes.subarray(at, at + 1316).equals(expected), `packet ${at / 1316}`);
  }
  assert.ok(bytes.length / 1316 >= least, `${bytes.length / 1316} packets`);
}

/** Checks the bytes of a publisher that leaves without waiting for its last packets, as libsrt does. */
function assertBegin(received: Buffer, sent: Buffer): void {
  assert.ok(received.equals(sent.subarray(0, received.length)), 'other bytes');
  assert.ok(received.length > sent.length * 0.8, `${received.length} of ${sent.length} bytes`);
}

test('srt-live-transmit publishes to one port at once, plain and with all key lengths, through a link that loses 5 %', {
  skip: need(TRANSMIT),
}, async () => {
  const { listener, received } = await listen(LOSSY_LATENCY_MS);
  await using _ = listener;
  await using relay = await openLossyRelay({ to: listener.port, seed: 7, drop: 0.05, delayMs: 10, jitterMs: 30 });
  const socket = createSocket('udp4');
  const ports: number[] = [];
  await using children = new AsyncDisposableStack();
  for (const keyLength of KEY_LENGTHS) {
    const port = await freeUdpPort();
    const options = keyLength ? `&passphrase=${PASSPHRASE}&pbkeylen=${keyLength}` : '';
    const to = `srt://127.0.0.1:${relay.port}?streamid=key-${keyLength}&latency=${LOSSY_LATENCY_MS}&conntimeo=30000${options}`;
    children.use(start(TRANSMIT, ['-q', `udp://127.0.0.1:${port}`, to]));
    ports.push(port);
  }
  await until('all are connected', () => received.size === KEY_LENGTHS.length);
  const isComplete = () => [...received.values()].every(({ bytes }) => bytes.length >= 600);
  for (let number = 0; number < 5000 && !isComplete(); number++) {
    for (const port of ports) socket.send(numberedPayload(number), port, '127.0.0.1');
    await sleep(4);
  }
  for (const [streamId, entry] of received) {
    const stats = entry.connection!.stats();
    assert.equal(entry.lost, 0, streamId);
    assert.ok(stats.recovered > 10 && stats.undecryptable === 0, `${streamId}: ${stats.recovered} repaired`);
    assertNumbered(Buffer.concat(entry.bytes), 600);
  }
  socket.close();
});

for (const keyLength of KEY_LENGTHS) {
  const kind = keyLength ? `AES-${keyLength * 8}` : 'without encryption';
  test(`srt-live-transmit receives ${kind} through a link that loses 5 %`, { skip: need(TRANSMIT) }, async () => {
    const port = await freeUdpPort();
    const options = keyLength ? `&passphrase=${PASSPHRASE}` : '';
    const listenAt = `srt://127.0.0.1:${port}?mode=listener&latency=${LOSSY_LATENCY_MS}${options}`;
    await using child = start(TRANSMIT, ['-q', '-chunk:1316', listenAt, 'file://con']);
    const chunks: Buffer[] = [];
    child.stdout!.on('data', (bytes: Buffer) => chunks.push(bytes));
    await using relay = await openLossyRelay({ to: port, seed: 3, drop: 0.05, delayMs: 10, jitterMs: 30 });
    const connection = await connectSoon(relay.port, keyLength, LOSSY_LATENCY_MS);
    const size = () => chunks.reduce((sum, bytes) => sum + bytes.length, 0);
    for (let number = 0; number < 5000 && size() < 400 * 1316; number++) {
      connection.send(numberedPayload(number));
      await sleep(4);
    }
    assertNumbered(Buffer.concat(chunks), 400);
    assert.ok(connection.stats().retransmitted > 10);
    assert.equal(connection.stats().invalidReports, 0);
    connection.close();
  });
}

suite('ffmpeg', { concurrency: 2 }, () => {
  for (const keyLength of KEY_LENGTHS) {
    const options = keyLength ? `&passphrase=${PASSPHRASE}&pbkeylen=${keyLength}` : '';
    test(`ffmpeg publishes the bytes of a file, key length ${keyLength}`, { skip: need('ffmpeg') }, async () => {
      const { listener, received } = await listen();
      await using _ = listener;
      const copy = join(folder, `copy-${keyLength}.ts`);
      const to = `srt\\://127.0.0.1\\:${listener.port}?streamid=#!\\:\\:r=live,m=publish&pkt_size=1316&linger=10${options}`;
      const outputs = `[f=mpegts]${copy}|[f=mpegts]${to}`;
      const { code, stderr } = await run('ffmpeg', [
        ...['-v', 'error', '-re', '-i', media, '-map', '0', '-c', 'copy', '-f', 'tee', outputs],
      ]);
      assert.equal(code, 0, stderr);
      const entry = received.get('#!::r=live,m=publish')!;
      assert.equal(await entry.connection!.closed, 'closed by the peer');
      assert.equal(entry.lost, 0);
      assertBegin(Buffer.concat(entry.bytes), await readFile(copy));
    });

    test(`ffmpeg as listener receives the frames of a file, key length ${keyLength}`, {
      skip: need('ffmpeg'),
    }, async () => {
      const port = await freeUdpPort();
      const from = `srt://127.0.0.1:${port}?mode=listener${options}`;
      const received = run('ffmpeg', ['-v', 'fatal', '-i', from, '-map', '0:v', '-f', 'framemd5', '-']);
      const connection = await connectSoon(port, keyLength);
      const bytes = await readFile(media);
      for (let at = 0; at < bytes.length; at += 1316) {
        connection.send(bytes.subarray(at, at + 1316));
        await sleep(4);
      }
      // libsrt gives the packets to ffmpeg after the latency, and none after the end of the connection.
      await sleep(LATENCY_MS + 2000);
      connection.close();
      const expected = await run('ffmpeg', ['-v', 'fatal', '-i', media, '-map', '0:v', '-f', 'framemd5', '-']);
      const frames = (text: Buffer) => text.toString().match(/[0-9a-f]{32}/g) ?? [];
      assert.equal(frames(expected.stdout).length, 50);
      assert.deepEqual(frames((await received).stdout), frames(expected.stdout));
    });
  }
});

test('GStreamer publishes and receives, encrypted', { skip: need(GSTREAMER) }, async () => {
  const { listener, received } = await listen();
  await using _ = listener;
  const bytes = await readFile(media);
  await using publisher = start(GSTREAMER, [
    ...['-q', 'filesrc', `location=${media}`, 'blocksize=1316', '!', 'identity', 'sleep-time=3000', '!', 'srtsink'],
    ...[`uri=srt://127.0.0.1:${listener.port}`, 'streamid=gst', `passphrase=${PASSPHRASE}`, 'pbkeylen=24'],
    'wait-for-connection=true',
  ]);
  await once(publisher, 'exit');
  const entry = received.get('gst')!;
  await entry.connection!.closed;
  assertBegin(Buffer.concat(entry.bytes), bytes);

  const port = await freeUdpPort();
  const file = join(folder, 'gst.ts');
  await using receiver = start(GSTREAMER, [
    ...['-q', 'srtsrc', `uri=srt://127.0.0.1:${port}?mode=listener`, `passphrase=${PASSPHRASE}`, 'pbkeylen=32'],
    ...['!', 'filesink', `location=${file}`, 'buffer-mode=unbuffered'],
  ]);
  const connection = await connectSoon(port, 32);
  for (let at = 0; at < bytes.length; at += 1316) {
    connection.send(bytes.subarray(at, at + 1316));
    await sleep(3);
  }
  await until('the file is complete', async () => (await readFile(file)).length >= bytes.length);
  assert.ok(bytes.equals(await readFile(file)));
  connection.close();
  assert.equal(receiver.exitCode, null);
});

test('libsrt reports why it was rejected', { skip: need('ffmpeg') }, async () => {
  await using listener = await openSrtListener({
    address: '127.0.0.1',
    port: 0,
    accept: ({ encrypted }) =>
      encrypted ? { passphrase: PASSPHRASE, onConnection: () => {} } : { reject: 'forbidden' },
  });
  for (const [options, reason] of [
    ['', /REJECT/],
    ['?passphrase=passphrase124', /BADSECRET|[Ii]ncorrect passphrase/],
  ] as const) {
    const to = `srt://127.0.0.1:${listener.port}${options}`;
    const { code, stderr } = await run('ffmpeg', ['-v', 'warning', '-i', media, '-c', 'copy', '-f', 'mpegts', to]);
    assert.notEqual(code, 0);
    assert.match(stderr, reason);
  }
  assert.equal(listener.stats.rejected, 2);
});
