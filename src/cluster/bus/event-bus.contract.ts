/**
 * The contract of the event bus, for every engine.
 * In: a way to open a bus that keeps few events. Out: tests; each engine's test file runs this suite.
 */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { EventBus, PublishedEvent, SubscriptionStart } from './event-bus.ts';

/** A bus under test. */
export interface OpenBus extends AsyncDisposable {
  readonly bus: EventBus;
  /** What subscribers threw. */
  readonly errors: readonly unknown[];
}

/** Events that the bus of the suite keeps. */
export const KEPT_EVENTS = 4;

const numberOf = ({ event }: PublishedEvent) => (event.data as { number: number }).number;

function publish(bus: EventBus, ...numbers: readonly number[]): void {
  for (const number of numbers) bus.publish('stream.generation', { number }, { name: 'door', visibility: 'public' });
}

/** A subscription that notes what it receives. */
async function follow(bus: EventBus, after?: string) {
  const received: PublishedEvent[] = [];
  let start: SubscriptionStart | undefined;
  let missed = 0;
  const { close } = await bus.subscribe(
    {
      begin(given) {
        assert.equal(start, undefined, 'begin is called once');
        start = given;
      },
      event(published) {
        assert.ok(start, 'begin is called first');
        received.push(published);
      },
      missed: () => void missed++,
    },
    after,
  );
  return {
    received,
    start: start!,
    close,
    numbers: () => [...start!.replay, ...received].map(numberOf),
    missed: () => missed,
  };
}

/** Every engine of the bus runs this suite. */
export function eventBusContract(name: string, open: () => Promise<OpenBus>): void {
  suite(`the event bus on ${name}`, () => {
    test('every subscriber receives every event in the order of publication, after publish has returned', async () => {
      await using opened = await open();
      const { bus } = opened;
      const [first, second] = [await follow(bus), await follow(bus)];
      publish(bus, 1);
      assert.deepEqual(first.numbers(), [], 'the publisher is not held up');
      publish(bus, 2, 3);
      await bus.flush();
      assert.deepEqual(
        [first.numbers(), second.numbers()],
        [
          [1, 2, 3],
          [1, 2, 3],
        ],
      );
      const ids = first.received.map(({ event }) => event.id);
      assert.deepEqual(ids.toSorted(), ids, 'ids sort as text');
      assert.equal(first.received[0]?.json, JSON.stringify(first.received[0]?.event));
    });

    test('a subscriber that comes back with its last id receives what it missed, then what is new, each once', async () => {
      await using opened = await open();
      const { bus } = opened;
      const first = await follow(bus);
      publish(bus, 1, 2);
      await bus.flush();
      first.close();
      first.close();
      publish(bus, 3, 4);
      const again = follow(bus, first.received.at(-1)?.event.id);
      publish(bus, 5);
      const second = await again;
      publish(bus, 6);
      await bus.flush();
      assert.equal(second.start.reset, false);
      assert.deepEqual(second.numbers(), [3, 4, 5, 6]);
      assert.deepEqual(first.numbers(), [1, 2], 'a closed subscription receives nothing');
      const { start } = await follow(bus, second.received.at(-1)?.event.id);
      assert.deepEqual([start.replay, start.reset], [[], false]);
      assert.equal(start.lastId, second.received.at(-1)?.event.id);
    });

    test('an id after which events were dropped, of the future, of another bus or of no form says reset', async () => {
      await using opened = await open();
      await using other = await open();
      const { bus } = opened;
      const first = await follow(bus);
      for (let number = 1; number <= KEPT_EVENTS + 2; number++) {
        publish(bus, number);
        await bus.flush();
      }
      const ids = first.received.map(({ event }) => event.id);
      const kept = await follow(bus, ids[1]);
      assert.deepEqual([kept.numbers().length, kept.start.reset], [KEPT_EVENTS, false]);
      for (const after of [ids[0]!, ids.at(-1)!.replace(/.$/, 'z'), '000000001-0000001', '', 'nonsense', '../..']) {
        const { start } = await follow(bus, after);
        assert.deepEqual([start.replay, start.reset], [[], true], after);
      }
      const { start } = await follow(other.bus);
      assert.deepEqual([start.replay, start.reset], [[], false]);
    });

    test('a subscriber is notified of a hole when more is published than the bus keeps; the newest events follow', async () => {
      await using opened = await open();
      const { bus } = opened;
      const subscriber = await follow(bus);
      publish(bus, ...Array.from({ length: 10 * KEPT_EVENTS }, (_, n) => n));
      await bus.flush();
      publish(bus, 99);
      await bus.flush();
      const numbers = subscriber.numbers();
      const complete = numbers.length === 10 * KEPT_EVENTS + 1;
      assert.equal(subscriber.missed() > 0, !complete);
      assert.deepEqual(numbers.slice(-3), [10 * KEPT_EVENTS - 2, 10 * KEPT_EVENTS - 1, 99]);
      assert.deepEqual(
        numbers.toSorted((a, b) => a - b),
        numbers,
      );
    });

    test('what a subscriber publishes follows what it received; one that throws is reported and stops no other', async () => {
      await using opened = await open();
      const { bus, errors } = opened;
      await bus.subscribe({ event: () => assert.fail('broken') });
      await bus.subscribe({ event: (published) => void (numberOf(published) === 1 && publish(bus, 2)) });
      const last = await follow(bus);
      publish(bus, 1);
      await bus.flush();
      assert.deepEqual(last.numbers(), [1, 2]);
      assert.equal(errors.length, 2);
    });

    test('the audience is fixed at publication; an unknown visibility is private', async () => {
      await using opened = await open();
      const { bus } = opened;
      const { received } = await follow(bus);
      for (const visibility of ['public', 'unlisted', 'private', 'signed']) {
        bus.publish('stream.recording', { recording: true }, { name: 'door', visibility });
      }
      await bus.flush();
      bus.publish('disk.low', { free: 1, total: 2 });
      bus.publish('server.ending', {});
      await bus.flush();
      assert.deepEqual(
        received.map(({ audience }) => audience),
        ['public', 'unlisted', 'private', 'private', 'admin', 'anyone'],
      );
    });

    test('viewers of a stream with limited times get its state, and at no node what is about its past', async () => {
      await using opened = await open();
      const { bus } = opened;
      const { received } = await follow(bus);
      for (const past of [{ delayMs: 1000 }, { start: 'mark' }, { clips: false }, undefined] as const) {
        const subject = { name: 'door', visibility: 'public', past };
        bus.publish('stream.recording', { recording: true }, subject);
        bus.publish('marker.removed', { id: 'm' }, subject);
        await bus.flush();
      }
      assert.deepEqual(
        received.map(({ audience }) => audience),
        ['public', 'admin', 'public', 'admin', 'public', 'public', 'public', 'public'],
      );
    });
  });
}
