import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { SrtAnswer, SrtConnection } from '@oxbow/wire/srt/srt';
import { createManualClock } from '../../lib/clock.ts';
import { OxbowError } from '../../lib/errors.ts';
import { open } from '../../live/stream.fixture.ts';
import { createSilentLog } from '../../observe/log.ts';
import { createMetrics } from '../../observe/metrics.ts';
import type { Publisher } from '../publisher.ts';
import { SrtCallers } from './srt-server.ts';

/** Callers of a port with 25 places. `decide`: what the key of a publisher is worth. */
function openCallers(decide: () => Promise<Publisher>) {
  const metrics = createMetrics();
  const { stream } = open();
  const callers = new SrtCallers({
    clock: createManualClock(),
    log: createSilentLog(),
    metrics,
    latencyMs: 120,
    passphrase: undefined,
    assemblyMs: 1000,
    maxCallers: 25,
    access: { publish: decide, read: async () => stream.sinks },
  });
  const opened: { close(): void }[] = [];
  const call = async (address: string, streamId: string): Promise<string> => {
    const remote = `${address}:${1000 + opened.length}`;
    const { signal } = new AbortController();
    const request = {
      remote,
      streamId,
      peerVersion: '1.5.3',
      encrypted: 0,
      isForwarded: false,
      channel: undefined,
      signal,
    } as const;
    const answer: SrtAnswer = await callers.accept(request);
    if ('reject' in answer) return answer.reject;
    if ('forward' in answer) return 'forwarded';
    const { promise: closed, resolve } = Promise.withResolvers<string>();
    const connection = {
      remote,
      streamId,
      peerVersion: '1.5.3',
      latencyMs: 120,
      onData() {},
      onLoss() {},
      closed,
      send: () => true,
      stats: () => assert.fail('of a viewer'),
      close: () => resolve('closed'),
    } satisfies SrtConnection;
    opened.push(connection);
    answer.onConnection(connection);
    return 'open';
  };
  const closeAll = () => {
    for (const connection of opened) connection.close();
    return callers.ended();
  };
  return { call, opened, closeAll, [Symbol.dispose]: () => metrics[Symbol.dispose]() };
}

const refused = async (): Promise<Publisher> => {
  throw new OxbowError('publish-denied', 'wrong');
};

suite('callers of SRT', () => {
  test('that request streams leave places for publishers, and places for viewers of other addresses', async () => {
    let decided = 0;
    using callers = openCallers(() => {
      decided += 1;
      return refused();
    });
    const { call, opened } = callers;
    const ofOne: string[] = [];
    for (let i = 0; i < 26; i++) ofOne.push(await call('203.0.113.9', 'request:demo'));
    assert.equal(ofOne.filter((answer) => answer === 'open').length, 10);
    assert.equal(ofOne.at(-1), 'backlog');
    for (let i = 0; i < 26; i++) await call(`198.51.100.${i}`, 'request:demo');
    assert.equal(opened.length, 19, 'six are kept');
    for (let i = 0; i < 20; i++) await call('203.0.113.9', 'publish:cam:key');
    assert.equal(decided, 20, 'a publisher is decided about, also then');
    opened[0]!.close();
    await turn();
    await turn();
    assert.equal(await call('198.51.100.77', 'request:demo'), 'open');
    await callers.closeAll();
  });

  test('that wait for a decision have a bound for each address', async () => {
    const waiting = Promise.withResolvers<Publisher>();
    using callers = openCallers(() => waiting.promise);
    const answers = Array.from({ length: 25 }, () => callers.call('203.0.113.9', 'publish:cam:key'));
    const backlog = await Promise.race([answers[13]!, answers[0]!]);
    assert.equal(backlog, 'backlog');
    waiting.reject(new OxbowError('publish-denied', 'wrong'));
    const all = await Promise.all(answers);
    assert.equal(all.filter((answer) => answer !== 'backlog').length, 13);
    assert.notEqual(await callers.call('203.0.113.9', 'publish:cam:key'), 'backlog', 'their places are free again');
  });

  test('that are accepted and do not connect leave their places', async () => {
    const metrics = createMetrics();
    const server = new SrtCallers({
      clock: createManualClock(),
      log: createSilentLog(),
      metrics,
      latencyMs: 120,
      passphrase: undefined,
      assemblyMs: 1000,
      maxCallers: 2,
      access: { publish: refused, read: async () => open().stream.sinks },
    });
    for (let i = 0; i < 5; i++) {
      const { signal } = new AbortController();
      const request = {
        remote: '192.0.2.1:1',
        streamId: 'request:demo',
        peerVersion: '1.5.3',
        encrypted: 0,
        isForwarded: false,
        channel: undefined,
        signal,
      } as const;
      assert.ok(!('reject' in (await server.accept(request))), String(i));
      await turn();
    }
    metrics[Symbol.dispose]();
  });
});
