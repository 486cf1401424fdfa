import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createManualClock } from '../lib/clock.ts';
import { createBus, type EventBus, type Told } from './event-bus.ts';

const START_MS = Date.UTC(2026, 10, 20, 8, 0, 0);
const rethrow = (error: unknown) => {
  throw error;
};
const open = (limits = { maxEvents: 4, maxBytes: 10_000 }) => createBus(createManualClock(START_MS), rethrow, limits);
const numbers = (told: readonly Told[]) => told.map(({ event }) => (event.data as { number: number }).number);

function publish(bus: EventBus, ...wanted: readonly number[]): string[] {
  return wanted.map((number) => {
    bus.publish('stream.generation', { number }, { name: 'door', visibility: 'public' });
    return bus.lastId;
  });
}

test('whoever comes back with the id of the last event hears all that was told since, and then what is new', () => {
  const bus = open();
  const [, second] = publish(bus, 1, 2, 3, 4);
  const heard: Told[] = [];
  const { replay, reset } = bus.listen((told) => heard.push(told), second);
  assert.equal(reset, false);
  assert.deepEqual(numbers(replay), [3, 4]);
  publish(bus, 5);
  assert.deepEqual(numbers(heard), [5]);
  const { replay: none, reset: lost } = bus.listen(() => {}, bus.lastId);
  assert.deepEqual([none, lost], [[], false]);
});

test('an id behind which something was forgotten, of another boot, of the future or of nobody says reset', () => {
  const bus = open();
  const ids = publish(bus, 1, 2, 3, 4, 5, 6);
  assert.deepEqual(numbers(bus.listen(() => {}, ids[1]).replay), [3, 4, 5, 6]);
  const future = bus.lastId.replace(/.$/, 'z');
  const other = createBus(createManualClock(START_MS + 1), rethrow);
  publish(other, 1, 2, 3);
  for (const after of [ids[0]!, future, other.lastId, '', 'nonsense', '../..']) {
    const { replay, reset } = bus.listen(() => {}, after);
    assert.deepEqual([replay, reset], [[], true], after);
  }
});

test('the ring is bounded in bytes too, and keeps what is newest over many turns', () => {
  const bus = createBus(createManualClock(START_MS), rethrow, { maxEvents: 1000, maxBytes: 1000 });
  const ids = publish(bus, ...Array.from({ length: 5000 }, (_, i) => i));
  const size = bus.listen(() => {}, ids.at(-5)).replay[0]!.json.length;
  assert.equal(bus.listen(() => {}, ids.at(-1 - Math.floor(1000 / size))).reset, false);
  assert.equal(bus.listen(() => {}, ids.at(-3 - Math.floor(1000 / size))).reset, true);
});

test('ids sort as they were told, also over a restart', () => {
  const first = open();
  const later = createBus(createManualClock(START_MS + 60_000), rethrow);
  const ids = [...publish(first, ...Array.from({ length: 40 }, (_, i) => i)), ...publish(later, 1, 2)];
  assert.deepEqual(ids.toSorted(), ids);
});

test('who may hear an event is fixed when it is told; a visibility that is not known is private', () => {
  const bus = open({ maxEvents: 10, maxBytes: 10_000 });
  const first = bus.lastId;
  for (const visibility of ['public', 'unlisted', 'private', 'signed']) {
    bus.publish('stream.recording', { recording: true }, { name: 'door', visibility });
  }
  bus.publish('disk.low', { free: 1, total: 2 });
  bus.publish('server.ending', {});
  const audiences = bus.listen(() => {}, first).replay.map(({ audience }) => audience);
  assert.deepEqual(audiences, ['public', 'unlisted', 'private', 'private', 'admin', 'anyone']);
});

test('a listener that throws is told of, and keeps no other from hearing', () => {
  const errors: unknown[] = [];
  const bus = createBus(createManualClock(START_MS), (error) => errors.push(error));
  const heard: Told[] = [];
  bus.listen(() => assert.fail('broken'));
  const { close } = bus.listen((told) => heard.push(told));
  publish(bus, 1);
  close();
  close();
  publish(bus, 2);
  assert.deepEqual([errors.length, heard.length], [2, 1]);
});
