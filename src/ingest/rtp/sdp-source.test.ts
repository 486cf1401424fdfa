/** Waits for wall time: datagrams arrive over real sockets. */
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { freeUdpPort } from '../../../test/fixtures/publishers/udp-sender.ts';
import { until } from '../../../test/fixtures/wait.ts';
import { avSdp, openPublisher, picture } from './rtp.fixture.ts';
import { runSdpSource } from './sdp-source.ts';

test('a sender that is silent for 5 s is a gap; what comes later begins again, and others are ignored', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'oxbow-sdp-'));
  t.after(() => rm(folder, { recursive: true }));
  const path = join(folder, 'cam.sdp');
  const [port, reports] = [await freeUdpPort(), await freeUdpPort()];
  const sdp = avSdp.replace(/m=audio.*/s, '').replace('m=video 5004', `m=video ${port}`);
  await writeFile(path, `${sdp}a=rtcp:${reports}\r\n`);
  const { publisher, published, clock } = openPublisher();
  const counted = { datagrams: 0, others: 0 };
  const address = { path, senders: ['127.0.0.1'], networkInterface: undefined };
  const stop = new AbortController();
  const running = runSdpSource(
    {
      address,
      clock,
      assemblyMs: 200,
      input: publisher,
      log: { info: () => {}, warn: () => {} },
      counters: {
        datagrams: (count) => (counted.datagrams += count),
        otherSenders: (count) => (counted.others += count),
      },
    },
    { signal: stop.signal },
  );
  const ended = assert.rejects(running, { name: 'AbortError' });
  const sender = createSocket('udp4').bind(0, '127.0.0.1');
  const stranger = createSocket('udp4').bind(0, '127.0.0.2');
  t.after(async () => {
    stop.abort(new DOMException('stopped', 'AbortError'));
    await ended;
    sender.close();
    stranger.close();
  });
  const send = (socket: typeof sender, n: number) => socket.send(picture(n, { key: true }), port, '127.0.0.1');
  let n = 0;
  const sendUntil = (what: string, look: () => boolean) =>
    until(
      what,
      () => {
        send(stranger, n);
        send(sender, n++);
        clock.advance(40);
        return look();
      },
      { everyMs: 5 },
    );
  await sendUntil('frames', () => published.frames.length > 5);
  const before = published.frames.length;
  await until('a gap', () => {
    clock.advance(1000);
    return published.absent.length > 0;
  });
  assert.deepEqual(published.absent, ['source-down: no RTP packets have come for 5 s']);
  await sendUntil('frames again', () => published.frames.length > before + 5);
  assert.deepEqual([published.starts.length, published.absent.length], [2, 1]);
  await until('all are counted', () => counted.datagrams > 10 && counted.others > 5);
  assert.equal(publisher.connection.stats.packets, counted.datagrams);
  assert.ok(publisher.connection.stats.bytesIn > 0);
});
