import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { audioTrack, videoTrack } from '@oxbow/media/isobmff/media.fixture';
import { loadConfig } from '../../config/load.ts';
import { createSystemClock } from '../../lib/clock.ts';
import type { RunStart } from '../../live/input.ts';
import type { Net } from '../../net/net.ts';
import { createProber } from './limited-prober.ts';
import { ProbeInput } from './probe-input.ts';

const running = new AbortController().signal;

suite('probes over the API', () => {
  /** Looks that wait for a network that never answers. */
  const open = async () => {
    const { config } = await loadConfig({});
    const requests: { url: string; trusted: unknown }[] = [];
    const net = {
      fetch: (url: URL, { trusted, signal }: { trusted?: URL; signal: AbortSignal }) => {
        requests.push({ url: url.href, trusted });
        return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
      },
    } as unknown as Net;
    return { requests, probe: createProber({ net, clock: createSystemClock(), settings: { now: config } }, running) };
  };

  test('are trusted, run four at a time, and end when the client disconnects', async () => {
    const { requests, probe } = await open();
    const controller = new AbortController();
    const { signal } = controller;
    const probes = [1, 2, 3, 4].map((i) => probe({ url: `https://cam${i}.example/x` }, { signal }));
    await assert.rejects(probe({ url: 'https://cam5.example/x' }, { signal }), { code: 'busy' });
    assert.deepEqual(
      requests.map(({ trusted }) => (trusted as URL | undefined)?.host),
      ['cam1.example', 'cam2.example', 'cam3.example', 'cam4.example'],
    );
    controller.abort(new Error('enough'));
    for (const { status } of await Promise.allSettled(probes)) assert.equal(status, 'rejected');
    const again = new AbortController();
    const fifth = probe({ url: 'https://cam5.example/x' }, { signal: again.signal });
    again.abort(new Error('enough'));
    await assert.rejects(fifth, { code: 'not-ready', message: /disconnected/ }, 'there is room again');
  });

  test('refuse an invalid quality and an invalid address', async () => {
    const { probe } = await open();
    await assert.rejects(probe({ url: 'https://x.example/', quality: 'nice' }, { signal: running }), {
      name: 'FormatError',
    });
    await assert.rejects(probe({ url: 'cam.example' }, { signal: running }), { code: 'bad-source' });
  });
});

test('a probe reads the configured amount of media, and keeps the first key frame', () => {
  let enough = 0;
  const input = new ProbeInput(2, () => (enough += 1));
  const tracks = [videoTrack, audioTrack];
  const start: RunStart = { tracks, utcOffsetUs: 0, clock: 'source', pace: { kind: 'bursty', intervalS: 1 } };
  input.startRun(start);
  const duration = videoTrack.timescale / 25;
  const frame = (i: number) => {
    const dts = i * duration;
    return { trackId: videoTrack.id, dts, pts: dts, duration, key: i % 25 === 5, data: Uint8Array.of(i) };
  };
  for (let i = 0; i < 49; i++) input.publish(frame(i));
  assert.equal(enough, 0);
  input.publish(frame(49));
  assert.equal(enough, 1);
  assert.equal(input.keyFrame!.frame.data[0], 5);
  assert.deepEqual([input.rates!.frameRate, input.rates!.gopS], [25, 1]);
});

test('a source that is down is reported at once, with the first reason', () => {
  let enough = 0;
  const input = new ProbeInput(2, () => (enough += 1));
  input.absent('source-down', 'HTTP 404 live.m3u8');
  input.absent('source-down', 'another');
  assert.deepEqual([enough > 0, input.missing, input.start], [true, 'HTTP 404 live.m3u8', undefined]);
});
