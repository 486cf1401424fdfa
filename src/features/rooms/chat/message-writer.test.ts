import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { openVirtualTime } from '../../../../test/fixtures/virtual-time.ts';
import { createManualClock } from '../../../lib/clock.ts';
import { testRoom, testSender } from './chat.fixture.ts';
import { rowOf } from './message-row.ts';
import type { MessageTable } from './message-table.ts';

import { MessageWriter } from './message-writer.ts';
import { RoomMessages } from './room-messages.ts';

/** A room whose database answers only when the test lets it. */
async function openRoom(time: ReturnType<typeof openVirtualTime>) {
  let answers: PromiseWithResolvers<void> | undefined;
  const written: string[] = [];
  const batches: string[][] = [];
  const table: Pick<MessageTable, 'write' | 'mark' | 'before' | 'find' | 'findSent'> = {
    async write({ rows }) {
      if (rows.length > 0) batches.push(rows.map(({ text }) => text));
      await answers?.promise;
      written.push(...rows.map(({ text }) => text));
      return { repeated: new Map(), moved: new Set() };
    },
    mark: async () => 0,
    before: async () => [],
    find: async () => undefined,
    findSent: async () => undefined,
  };
  const writer = new MessageWriter({ table, failed: () => {} });
  const room = testRoom();
  const opening = RoomMessages.open({ table, writer, clock: createManualClock(), streamId: () => undefined }, room);
  await time.runFor(100);
  const messages = await opening;
  const ann = testSender();
  return {
    written,
    /** Messages by transaction that has begun. */
    batches,
    room,
    /** Sends a message. */
    say(text: string) {
      messages.receive({ t: 'chat', id: `id-${text}`, text }, ann);
    },
    /** Writes a message of no room. */
    add(text: string) {
      const message = { seq: 1, id: text, kind: 'chat', author: 'ann', name: 'Ann', text, sentMs: 0 } as const;
      writer.add(rowOf('room', message, undefined), () => {});
    },
    /** Answers so far, oldest first. */
    get got() {
      return ann.got.map((one) => `${one.t} ${'id' in one ? one.id : ''}${one.t === 'refused' ? ` ${one.code}` : ''}`);
    },
    hang() {
      answers = Promise.withResolvers();
    },
    answer() {
      answers?.resolve();
      answers = undefined;
    },
    fail(error: Error) {
      answers?.reject(error);
      answers = undefined;
    },
  };
}

suite('the size of a transaction follows the load', () => {
  test('a message that nothing precedes is committed at once', async () => {
    using time = openVirtualTime();
    const room = await openRoom(time);
    room.say('first');
    await time.runFor(1);
    assert.deepEqual(room.written, ['first']);
  });

  test('what comes during a transaction and the pause after it is one transaction, of any number', async () => {
    using time = openVirtualTime();
    const room = await openRoom(time);
    room.hang();
    room.say('first');
    await time.runFor(31);
    const later = Array.from({ length: 1000 }, (_, i) => `${i}`);
    for (const text of later.slice(0, 600)) room.add(text);
    room.answer();
    await time.runFor(29);
    for (const text of later.slice(600)) room.add(text);
    assert.deepEqual(room.batches, [['first']], 'the pause is as long as the transaction');
    await time.runFor(1);
    assert.deepEqual(room.batches, [['first'], later]);
  });

  test('the pause is 50 ms at most', async () => {
    using time = openVirtualTime();
    const room = await openRoom(time);
    room.hang();
    room.say('first');
    await time.runFor(1000);
    room.say('second');
    room.answer();
    await time.runFor(49);
    assert.deepEqual(room.batches, [['first']]);
    await time.runFor(1);
    assert.deepEqual(room.batches, [['first'], ['second']]);
  });
});

suite('while the database does not answer', () => {
  test('a message that waits is refused after five seconds, later ones at once, until it answers', async () => {
    using time = openVirtualTime();
    const room = await openRoom(time);
    room.hang();
    room.say('first');
    await time.runFor(1000);
    room.say('second');
    await time.runFor(4000);
    assert.deepEqual(room.got, []);
    await time.runFor(1);
    assert.deepEqual(room.got, ['refused id-second not-ready']);
    const withdrawn = room.room.sent.filter((one) => one.t === 'changed' && one.message.deleted === true);
    assert.equal(withdrawn.length, 1, 'it is withdrawn from the others');
    room.say('third');
    assert.equal(room.got.at(-1), 'refused id-third not-ready');
    room.answer();
    await time.runFor(20);
    assert.equal(room.got.at(-1), 'ack id-first');
    room.say('fourth');
    await time.runFor(50);
    assert.equal(room.got.at(-1), 'ack id-fourth');
    assert.deepEqual(room.written, ['first', 'fourth']);
  });

  test('the message of the commit that is under way is refused when that fails, and the next one is tried', async () => {
    using time = openVirtualTime();
    const room = await openRoom(time);
    room.hang();
    room.say('first');
    await time.runFor(10_000);
    assert.deepEqual(room.got, []);
    room.fail(new Error('the statement took too long'));
    await time.runFor(20);
    assert.deepEqual(room.got, ['refused id-first not-ready']);
    room.say('second');
    await time.runFor(2000);
    assert.equal(room.got.at(-1), 'ack id-second');
  });
});
