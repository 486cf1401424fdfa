import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { openVirtualTime } from '../../../test/fixtures/virtual-time.ts';
import type { OxbowEvent } from '../../api/events.ts';
import type { StreamView } from '../../api/shapes.ts';
import { StreamReporter } from './reporter.ts';

const names = {
  prefix: 'oxbow',
  discovery: 'homeassistant',
  node: '',
  commands: true,
  motion: true,
  publicUrl: undefined,
};
const eventOf = (type: string, stream: string | null = 'door', id = '1'): OxbowEvent =>
  ({ id, type, at: '2026-11-30T01:00:00.000Z', stream, data: { id: 'c1', title: 'A goal' } }) as unknown as OxbowEvent;

/** A reporter of one stream, on virtual time, with a server that can be away. */
function openRig() {
  const time = openVirtualTime();
  const ends = new AbortController();
  const sent: { topic: string; payload: string }[] = [];
  const results = { sent: 0, dropped: 0 };
  const failures: unknown[] = [];
  const rig = {
    time,
    sent,
    results,
    failures,
    streams: ['door'],
    change: undefined as number | undefined,
    sender: {
      isConnected: true,
      refuses: false,
      greet: () => rig.sender.publish('oxbow/status', 'online'),
      async publish(topic: string, payload: string) {
        if (rig.sender.refuses) throw new Error('away');
        sent.push({ topic, payload });
      },
    },
    topics: () => sent.splice(0).map(({ topic }) => topic.replace('oxbow/streams/', '')),
    reporter: undefined as unknown as StreamReporter,
    async [Symbol.asyncDispose]() {
      ends.abort();
      await time.runFor(1000);
      await running;
      time[Symbol.dispose]();
    },
  };
  rig.reporter = new StreamReporter({
    names,
    sender: rig.sender,
    streams: () => rig.streams,
    view: async (name) => {
      if (name === 'broken') throw new Error('no view');
      return { name, title: '', state: 'live', problem: '', record: true, liveSince: null } as StreamView;
    },
    change: async () => rig.change,
    motionFrom: 10,
    metrics: {
      mqttMessages: {
        inc({ result }: { result: 'sent' | 'dropped' }, by = 1) {
          results[result] += by;
        },
      },
    } as never,
    signal: ends.signal,
    failed: (error) => failures.push(error),
  });
  const running = rig.reporter.run();
  return rig;
}

suite('the reporter of streams over MQTT', () => {
  test('sends what has changed, and everything to a new connection', async () => {
    await using rig = openRig();
    rig.reporter.connected();
    await rig.time.runFor(1000);
    const all = rig.topics();
    assert.equal(all[0], 'oxbow/status');
    assert.ok(all.includes('homeassistant/device/oxbow_door/config') && all.includes('door/state'));
    rig.reporter.changed('door');
    await rig.time.runFor(1000);
    assert.deepEqual(rig.topics(), []);
    rig.reporter.connected();
    await rig.time.runFor(1000);
    assert.deepEqual(rig.topics(), all);
  });

  test('drops events while the server is away, and more than a few hundred that wait', async () => {
    await using rig = openRig();
    rig.sender.isConnected = false;
    for (let i = 0; i < 3; i++) rig.reporter.event(eventOf('stream.live', 'door', String(i)));
    await rig.time.runFor(1000);
    assert.deepEqual(rig.results, { sent: 0, dropped: 3 });
    rig.sender.isConnected = true;
    for (let i = 0; i < 250; i++) rig.reporter.event(eventOf('stream.live', 'door', String(i)));
    rig.reporter.event(eventOf('job.done', null));
    await rig.time.runFor(1000);
    assert.equal(rig.topics().filter((topic) => topic === 'door/event').length, 200);
    assert.equal(rig.results.dropped, 53);
  });

  test('motion that a camera notices is sent at once, whatever the picture says', async () => {
    await using rig = openRig();
    const notice = (on: boolean) =>
      rig.reporter.event({ ...eventOf('camera.event'), data: { kind: 'motion', on } } as unknown as OxbowEvent);
    const motion = () => rig.sent.findLast(({ topic }) => topic.endsWith('/motion'))?.payload;
    rig.reporter.connected();
    rig.change = 0;
    await rig.time.runFor(11_000);
    assert.equal(motion(), 'OFF');
    notice(true);
    await rig.time.runFor(1000);
    assert.equal(motion(), 'ON');
    await rig.time.runFor(20_000);
    assert.equal(motion(), 'ON');
    notice(false);
    await rig.time.runFor(1000);
    assert.equal(motion(), 'OFF');
    rig.change = 200;
    await rig.time.runFor(11_000);
    assert.equal(motion(), 'ON');
  });

  test('removes a stream that was removed while the server was away', async () => {
    await using rig = openRig();
    rig.sender.isConnected = false;
    rig.streams = [];
    rig.reporter.event(eventOf('stream.removed'));
    await rig.time.runFor(1000);
    rig.sender.isConnected = true;
    rig.reporter.connected();
    await rig.time.runFor(1000);
    const removed = rig.sent.filter(({ payload }) => payload === '').map(({ topic }) => topic);
    assert.ok(
      removed.includes('homeassistant/device/oxbow_door/config') && removed.includes('oxbow/streams/door/clip'),
    );
  });

  test('removes nothing of a stream that another node has taken', async () => {
    await using rig = openRig();
    rig.streams = [];
    rig.reporter.changed('door');
    await rig.time.runFor(1000);
    assert.deepEqual(rig.sent, []);
  });

  test('sends again what the server has not taken', async () => {
    await using rig = openRig();
    rig.sender.refuses = true;
    rig.reporter.connected();
    await rig.time.runFor(1000);
    assert.equal(rig.failures.length, 1);
    rig.sender.refuses = false;
    rig.reporter.changed('other');
    await rig.time.runFor(1000);
    const again = rig.topics();
    assert.ok(again.includes('oxbow/status') && again.includes('door/state'));
    rig.reporter.changed('door');
    await rig.time.runFor(1000);
    assert.deepEqual(rig.topics(), []);
  });

  test('tries again without a further change, and a stream that fails holds up no other one', async () => {
    await using rig = openRig();
    rig.streams = ['broken', 'door'];
    rig.reporter.connected();
    await rig.time.runFor(5000);
    assert.ok(rig.topics().includes('door/state'));
    rig.sender.refuses = true;
    rig.streams = ['door', 'yard'];
    rig.reporter.changed('yard');
    await rig.time.runFor(5000);
    rig.sender.refuses = false;
    await rig.time.runFor(5000);
    assert.ok(rig.topics().includes('yard/state'));
  });

  test('says that something moves, and that nothing does', async () => {
    await using rig = openRig();
    const motion = async (change: number | undefined) => {
      rig.change = change;
      await rig.time.runFor(11_000);
      return rig.sent.splice(0).findLast(({ topic }) => topic === 'oxbow/streams/door/motion')?.payload;
    };
    assert.equal(await motion(10), 'ON');
    assert.equal(await motion(200), undefined);
    assert.equal(await motion(9.9), 'OFF');
    assert.equal(await motion(undefined), 'None');
  });
});
