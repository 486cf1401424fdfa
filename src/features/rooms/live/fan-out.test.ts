import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { FanOut, MAX_UNSENT, type Wire } from './fan-out.ts';

/** A socket that keeps what is written. */
class TestWire implements Wire {
  readonly writes: string[] = [];
  /** Sizes of the memory behind what was written. */
  readonly kept: number[] = [];
  /** Bytes stay unsent. */
  isStalled = false;
  writableLength = 0;
  destroyed = false;
  write(bytes: Uint8Array): boolean {
    this.writes.push(Buffer.from(bytes).toString());
    this.kept.push(bytes.buffer.byteLength);
    if (this.isStalled) this.writableLength += bytes.length;
    return !this.isStalled;
  }
}

function open(tooSlow = () => {}) {
  const fanOut = new FanOut({ delivered: () => {}, worked: () => {} });
  const wire = new TestWire();
  return { fanOut, wire, queue: fanOut.open(wire, tooSlow) };
}
const bytes = (text: string) => Buffer.from(text);

test('messages of one tick reach a connection in one write, in the order in which they were sent', async () => {
  const { fanOut, wire: first, queue } = open();
  const second = new TestWire();
  const other = fanOut.open(second, () => {});
  const [shared, late] = [bytes('b'), bytes('d')];
  queue.send(bytes('a'));
  for (const each of [queue, other]) each.send(shared);
  queue.send(bytes('c'));
  for (const each of [queue, other]) each.send(late);
  assert.deepEqual(first.writes, []);
  await turn();
  assert.deepEqual([first.writes, second.writes], [['abcd'], ['bd']]);
});

test('an answer about the clock does not wait for the tick', () => {
  const { wire, queue } = open();
  queue.send(bytes('later'));
  queue.write(bytes('now'));
  assert.deepEqual(wire.writes, ['now']);
});

test('a client that leaves 1 MiB unread is given up once, and nothing is written to it any more', async () => {
  let given = 0;
  const { fanOut, wire, queue } = open(() => given++);
  const other = new TestWire();
  const healthy = fanOut.open(other, () => assert.fail('it reads'));
  wire.isStalled = true;
  const frame = Buffer.alloc(MAX_UNSENT / 4);
  for (let i = 0; i < 8; i++) {
    queue.send(frame);
    healthy.send(bytes(String(i)));
    await turn();
    // Under load a tick waits.
    while (other.writes.join('').length <= i) await turn();
  }
  assert.equal(given, 1);
  assert.equal(wire.writes.length, 5);
  assert.equal(other.writes.join(''), '01234567');
});

test('what waits in a socket keeps no memory but its own: frames are parts of a larger buffer', () => {
  const { wire, queue } = open();
  wire.isStalled = true;
  const pool = Buffer.alloc(8192);
  queue.write(pool.subarray(0, 100));
  queue.write(pool.subarray(100, 200));
  assert.deepEqual(wire.kept, [8192, 100], 'the first one may still be sent at once');
});

test('nothing is written to a connection that ended before its tick, nor to a destroyed socket', async () => {
  const { fanOut, wire, queue } = open();
  const gone = new TestWire();
  gone.destroyed = true;
  fanOut.open(gone, () => {}).send(bytes('x'));
  queue.send(bytes('x'));
  queue.end();
  queue.send(bytes('y'));
  await turn();
  assert.deepEqual([wire.writes, gone.writes], [[], []]);
});

test('what waits for the tick can be written before a close frame', async () => {
  const { wire, queue } = open();
  queue.send(bytes('a'));
  queue.send(bytes('b'));
  queue.flush();
  wire.write(bytes('close'));
  await turn();
  assert.deepEqual(wire.writes, ['ab', 'close']);
});
