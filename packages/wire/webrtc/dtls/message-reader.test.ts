import assert from 'node:assert/strict';
import { test } from 'node:test';
import { concatBytes } from '@oxbow/media/bytes';
import { seeded } from '@oxbow/media/random.fixture';
import { handshakeType, printFragments, printMessage } from './handshake-message.ts';
import { MessageReader } from './message-reader.ts';

const message = (sequence: number, length: number, type: number = handshakeType.certificate) => ({
  type,
  sequence,
  body: new Uint8Array(length).fill(sequence + 1),
});

test('fragments that overlap, repeat and come in any order give the messages in order (seeded)', () => {
  for (let seed = 0; seed < 200; seed++) {
    const random = seeded(seed);
    const messages = [message(0, 500), message(1, 0), message(2, 1300)];
    const fragments = messages.flatMap((each) =>
      [...printFragments(each, 13 + random(100)), ...printFragments(each, 200)].map((bytes) => ({
        bytes,
        key: random(1e6),
      })),
    );
    const reader = new MessageReader();
    const read: unknown[] = [];
    for (const { bytes } of fragments.sort((a, b) => a.key - b.key)) {
      reader.add(bytes, false);
      for (let next = reader.peek(); next; next = reader.peek()) {
        read.push(next);
        reader.accept();
      }
    }
    assert.deepEqual(read, messages);
    assert.equal(reader.pendingBytes, 0);
  }
});

test('a fragment that contradicts another one replaces it', () => {
  const reader = new MessageReader();
  const [right, forged] = [message(0, 100), message(0, 90, handshakeType.serverHello)];
  reader.add(printFragments(forged, 60)[0]!, false);
  reader.add(printMessage(right), false);
  assert.deepEqual(reader.peek(), right);
});

test('after a message was rejected, the right one is taken', () => {
  const reader = new MessageReader();
  reader.add(printMessage(message(0, 3)), false);
  reader.reject();
  assert.equal(reader.peek(), undefined);
  reader.add(printMessage(message(0, 4)), false);
  assert.equal(reader.peek()?.body.length, 4);
});

test('Finished counts only when it was encrypted, also after another message of the same record', () => {
  const reader = new MessageReader();
  const [verify, finished] = [message(0, 8), message(1, 12, handshakeType.finished)];
  reader.add(concatBytes([printMessage(verify), printMessage(finished)]), false);
  assert.deepEqual(reader.peek(), verify);
  reader.accept();
  assert.equal(reader.peek(), undefined);
  reader.add(printMessage(finished), true);
  assert.deepEqual(reader.peek(), finished);
});

test('headers that announce large messages cost little memory, and do not keep the next message out', () => {
  const reader = new MessageReader();
  for (let sequence = 1; sequence < 20; sequence++) {
    reader.add(printFragments(message(sequence, 16_000), 20)[0]!, false);
    assert.ok(reader.pendingBytes <= 32 * 1024);
  }
  reader.add(printMessage(message(0, 9000)), false);
  assert.equal(reader.peek()?.body.length, 9000);
  assert.throws(() => reader.add(printFragments(message(0, 17_000), 20)[0]!, false), { name: 'FormatError' });
});

test('random content throws FormatError and nothing else, and memory has its bound (20,000 inputs, seeded)', () => {
  const random = seeded(6347);
  const reader = new MessageReader();
  for (let n = 0; n < 20_000; n++) {
    const content = Uint8Array.from({ length: random(60) }, (_, at) => (at === 1 || at === 6 ? 0 : random(256)));
    try {
      reader.add(content, random(2) === 0);
      if (reader.peek()) reader.accept();
    } catch (error) {
      assert.equal((error as Error).name, 'FormatError');
    }
    assert.ok(reader.pendingBytes <= 32 * 1024);
  }
});
