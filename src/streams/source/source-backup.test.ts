import assert from 'node:assert/strict';
import { suite, type TestContext, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { Frame } from '@oxbow/media/frame';
import { audioTrack } from '@oxbow/media/isobmff/media.fixture';
import { Leases } from '../../cluster/lease/lease.ts';
import { createLocalLeases } from '../../cluster/lease/local-leases.ts';
import type { ClientSourceConfig } from '../../config/schema.ts';
import { PublisherSlot } from '../../ingest/publisher-slot.ts';
import { createManualClock } from '../../lib/clock.ts';
import type { RunContext } from '../../live/sink.ts';
import { film, NOW_US, start } from '../../live/stream.fixture.ts';
import { Stream } from '../../live/stream.ts';
import { type ReadSource, readWithBackup } from './source-backup.ts';

const address = (url: string): ClientSourceConfig => ({ type: 'pull', url, headers: {} });

/** A stream with a source and its backup, whose media the test plays. */
async function open(t: TestContext, addresses: readonly [string, string] = ['a', 'b']) {
  t.mock.timers.enable({ apis: ['setInterval', 'setTimeout'] });
  const clock = createManualClock(NOW_US / 1000);
  const stream = new Stream({ clock, past: { endUs: NOW_US, hasMedia: false, lastRun: 0, gaps: [] } });
  const frames: Frame[] = [];
  let runs = 0;
  const sink = {
    startRun: ({ soft }: RunContext) => void (soft || runs++),
    write: (frame: Frame) => void frames.push(frame),
  };
  stream.sinks.attach({ ...sink, flush() {}, endRun() {}, damage() {} }, { name: 'test' });
  const failed = (error: unknown) => {
    throw error;
  };
  const switches: string[] = [];
  const slot = new PublisherSlot({
    streamId: 'x',
    clock,
    leases: new Leases({ store: createLocalLeases(clock), clock, failed }),
    failed,
    bug: failed,
    input: stream,
    policy: () => 'replace',
    watches: false,
    onEvent: ({ type }) => void switches.push(type),
  });
  const controller = new AbortController();
  const { signal } = controller;
  const request = { protocol: 'pull', remote: '', signal: new AbortController().signal };
  /** What is being read now, by address. */
  const reading = new Map<string, { input: Parameters<ReadSource>[1]; end(): void }>();
  const read: ReadSource = async (publisher, input, source, until) => {
    const url = source.type === 'pull' ? source.url : '';
    const { promise, resolve } = Promise.withResolvers<void>();
    reading.set(url, { input, end: resolve });
    for (const each of [signal, publisher.signal, until!]) each.addEventListener('abort', () => resolve());
    await promise;
    reading.delete(url);
    return `${url} ended`;
  };
  const setup = { claim: () => slot.claim(request, { signal }), read, clock, signal };
  const done = readWithBackup(setup, await slot.claim(request), [address(addresses[0]), address(addresses[1])]);
  let second = 1;
  const pass = async (seconds: number) => {
    for (let i = 0; i < seconds; i++) {
      clock.advance(1000);
      t.mock.timers.tick(1000);
      for (let turns = 0; turns < 5; turns++) await turn();
      second++;
    }
  };
  /** A second of media of an address. */
  const play = async (url: string, { begins = false } = {}) => {
    const { input } = reading.get(url)!;
    if (begins) input.startRun(start({ utcOffsetUs: NOW_US - 1_000_000 }));
    for (const frame of film(1, second)) input.publish({ ...frame, data: new TextEncoder().encode(url) });
    await pass(1);
  };
  const sent = () => frames.map(({ data }) => new TextDecoder().decode(data)).join('');
  return { stream, controller, done, reading, pass, play, sent, switches, runs: () => runs };
}

suite('the backup of a pulled source', () => {
  test('is not read while the source delivers', async (t) => {
    const { play, reading, controller, done } = await open(t);
    await play('a', { begins: true });
    for (let i = 0; i < 10; i++) await play('a');
    assert.deepEqual([...reading.keys()], ['a']);
    controller.abort();
    assert.equal((await done).detail, 'a ended');
  });

  test('is read after five seconds without media, and takes over with its first key frame in one new run', async (t) => {
    const { stream, play, pass, reading, sent, runs, controller, done } = await open(t);
    await play('a', { begins: true });
    reading.get('a')!.input.absent('source-down', 'HTTP 503');
    await pass(4);
    assert.deepEqual([...reading.keys()], ['a']);
    await pass(2);
    assert.deepEqual([...reading.keys()], ['a', 'b']);
    await play('b', { begins: true });
    assert.deepEqual([...reading.keys()], ['b'], 'one address at a time');
    await play('b');
    assert.equal(sent(), 'a'.repeat(25) + 'b'.repeat(50));
    assert.deepEqual([runs(), stream.edge.gap], [2, undefined]);
    controller.abort();
    assert.equal((await done).detail, 'b ended');
  });

  test('changes nothing for a feed whose tracks change: those that change together are one run', async (t) => {
    const feed = 'udp://127.0.0.1:5000';
    const { play, reading, runs, sent, controller, done } = await open(t, [feed, 'b']);
    const { input } = reading.get(feed)!;
    const [video] = start().tracks;
    const inGerman = { ...video!, language: 'de' };
    input.startTracks([video!, audioTrack], { restarts: true });
    await play(feed);
    input.startTracks([inGerman, audioTrack]);
    input.startTracks([inGerman, { ...audioTrack, language: 'de' }]);
    input.connection.expectChange();
    await play(feed);
    assert.deepEqual([runs(), sent()], [2, feed.repeat(50)], 'silent sound delays the run only');
    controller.abort();
    await done;
  });

  test('of a feed is read five seconds after its last frame, although a feed reports that late', async (t) => {
    const feed = 'udp://127.0.0.1:5000';
    const { play, pass, reading, controller, done } = await open(t, [feed, 'b']);
    await play(feed, { begins: true });
    await pass(4);
    assert.deepEqual([...reading.keys()], [feed]);
    reading.get(feed)!.input.absent('source-down', 'no packets have come for 5 s');
    await pass(1);
    assert.deepEqual([...reading.keys()], [feed, 'b']);
    controller.abort();
    await done;
  });

  test('is dropped again where the source delivers first, and is tried at most once in 30 s', async (t) => {
    const { play, pass, reading, sent, controller, done } = await open(t);
    await play('a', { begins: true });
    reading.get('a')!.input.absent('source-down', 'HTTP 503');
    await pass(6);
    assert.deepEqual([...reading.keys()], ['a', 'b']);
    await play('a', { begins: true });
    assert.deepEqual([...reading.keys()], ['a']);
    reading.get('a')!.input.absent('source-down', 'HTTP 503');
    await pass(20);
    assert.deepEqual([...reading.keys()], ['a']);
    await pass(10);
    assert.deepEqual([...reading.keys()], ['a', 'b']);
    assert.equal(sent(), 'a'.repeat(50));
    controller.abort();
    await done;
    assert.equal(reading.size, 0, 'both have stopped');
  });

  test('gives way to the first address when it fails itself', async (t) => {
    const { play, pass, reading, sent, controller, done } = await open(t);
    await pass(6);
    await play('b', { begins: true });
    reading.get('b')!.input.absent('bad-media', 'not a playlist');
    await pass(31);
    assert.deepEqual([...reading.keys()], ['b', 'a']);
    await play('a', { begins: true });
    assert.equal(sent(), 'b'.repeat(25) + 'a'.repeat(25));
    controller.abort();
    await done;
  });

  test('does not outlive a source that has ended', async (t) => {
    const { play, reading, done } = await open(t);
    await play('a', { begins: true });
    reading.get('a')!.end();
    assert.equal((await done).detail, 'a ended');
    assert.equal(reading.size, 0);
  });
});
