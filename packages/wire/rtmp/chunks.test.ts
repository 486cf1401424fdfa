import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { readAggregate } from './aggregate.ts';
import { ChunkReader } from './chunk-reader.ts';
import { ChunkWriter } from './chunk-writer.ts';
import { fuzzChunks, readChunks } from './fuzz.fixture.ts';

const bytes = (hex: string) => new Uint8Array(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
const inPieces = (hex: string) => {
  const input = bytes(hex);
  const whole = readChunks(input, input.length);
  assert.deepEqual(readChunks(input, 1), whole, 'the same in one-byte pieces');
  return whole;
};

suite('chunks to messages', () => {
  test('the four formats inherit what they leave out (5.3.1.2)', () => {
    const messages = inPieces('03 000064 000002 08 01000000 aabb  43 00000a 000001 09 cc  83 000005 dd  c3 ee');
    assert.deepEqual(messages, [
      { type: 8, timestampMs: 100, streamId: 1, body: 'aabb' },
      { type: 9, timestampMs: 110, streamId: 1, body: 'cc' },
      { type: 9, timestampMs: 115, streamId: 1, body: 'dd' },
      { type: 9, timestampMs: 120, streamId: 1, body: 'ee' },
    ]);
  });

  test('a message of format 3 after format 0 has the timestamp of that message as its delta (5.3.1.2.4)', () => {
    const [, second] = inPieces('03 000064 000001 08 01000000 aa c3 bb');
    assert.equal(second?.timestampMs, 200);
  });

  test('chunk stream ids have one, two or three bytes (5.3.1.1)', () => {
    const messages = inPieces(
      '00 05 000000 000001 08 00000000 aa  01 0102 000000 000001 08 00000000 bb 3f 000000 000001 08 00000000 cc',
    );
    assert.deepEqual(
      messages.map(({ body }) => body),
      ['aa', 'bb', 'cc'],
    );
  });

  test('chunk streams are interleaved, and a new chunk size counts from the next chunk', () => {
    const a = 'aa'.repeat(130);
    const messages = inPieces(
      `04 000000 000082 09 01000000 ${'aa'.repeat(128)} 05 000000 000001 08 01000000 bb
       02 000000 000004 01 00000000 00000001 c4 aa c4 aa`.replaceAll('\n', ''),
    );
    assert.deepEqual(
      messages.map(({ body }) => body),
      ['bb', a],
    );
  });

  test('an extended timestamp is repeated in chunks of format 3, or is not: both are read (5.3.1.3)', () => {
    const body = `${'11'.repeat(128)}${'22'.repeat(128)}3333`;
    const start = `04 ffffff 000102 09 01000000 01020304 ${'11'.repeat(128)}`;
    const repeated = inPieces(
      `${start} c4 01020304 ${'22'.repeat(128)} c4 01020304 3333 c4 01020304 ${'11'.repeat(128)}`,
    );
    assert.deepEqual(repeated, [{ type: 9, timestampMs: 0x01020304, streamId: 1, body }]);
    const left = inPieces(`${start} c4 ${'22'.repeat(128)} c4 3333 05 000000 000001 08 01000000 44`);
    assert.deepEqual(
      left.map((message) => message.body),
      [body, '44'],
    );
  });

  test('timestamps wrap at 32 bits', () => {
    const [, second] = inPieces('03 ffffff 000001 08 01000000 fffffff0 aa 43 000020 000001 08 bb');
    assert.equal(second?.timestampMs, 0x10);
  });

  test('an abort message discards the message in progress of its chunk stream (5.4.2)', () => {
    const messages = inPieces(
      `04 000000 000082 09 01000000 ${'aa'.repeat(128)} 02 000000 000004 02 00000000 00000004 04 000000 000001 09 01000000 bb`,
    );
    assert.deepEqual(
      messages.map(({ body }) => body),
      ['bb'],
    );
  });

  test('attacks by size and number are refused when the header is there', () => {
    const read = (hex: string) => () => readChunks(bytes(hex), 1, 1000);
    assert.throws(read('04 000000 0003e9 09 01000000'), /1001 bytes, limit 1000/);
    assert.throws(read('02 000000 000100 04 01000000'), /type 4 with 256 bytes/);
    assert.throws(read('02 000000 000004 01 00000000 00000000'), /chunk size 0/);
    assert.throws(read('02 000000 000004 01 00000000 80000000'), /chunk size/);
    assert.throws(read('c4'), /without a header/);
    const start = (id: string) => `${id} 000000 0003e8 09 01000000 ${'aa'.repeat(128)}`;
    assert.throws(read(`${start('04')} ${start('05')} ${start('06')}`), /incomplete RTMP messages/);
    assert.throws(read(`${start('04')} ${start('04')}`), /within another one/);
    const many = Array.from(
      { length: 65 },
      (_, i) => `00 ${i.toString(16).padStart(2, '0')} 000000 000000 08 00000000`,
    );
    assert.throws(read(many.join('')), /more than 64 chunk streams/);
  });

  test('one array per message, of its size; memory of the input is not used after the call', () => {
    let kept: Uint8Array | undefined;
    const reader = new ChunkReader({ maxMessageBytes: 100_000 }, (_type, _ms, _id, body) => {
      kept = body;
    });
    const body = new Uint8Array(50_000).map((_, i) => i);
    const input = new ChunkWriter().print(9, 5, 1, body);
    reader.push(input);
    input.fill(0);
    assert.deepEqual(Uint8Array.from(kept!), body);
    assert.equal(kept!.buffer.byteLength, 50_000);
  });
});

test('a written message is read again, also with an extended timestamp and another chunk size', () => {
  const writer = new ChunkWriter();
  const body = new Uint8Array(1000).map((_, i) => i);
  const hex = Buffer.from(body).toString('hex');
  for (const timestampMs of [0, 0xfffffe, 0xffffff, 0xffffffff]) {
    const [message] = readChunks(writer.print(9, timestampMs, 1, body), 1);
    assert.deepEqual(message, { type: 9, timestampMs, streamId: 1, body: hex });
  }
  writer.chunkSize = 300;
  const size = Uint8Array.from([2, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0, 0, 0, 1, 44]);
  const [message] = readChunks(Buffer.concat([size, writer.print(9, 0xffffff, 7, body)]), 7);
  assert.deepEqual(message, { type: 9, timestampMs: 0xffffff, streamId: 7, body: hex });
});

test('an aggregate is its messages; the first one has its timestamp (7.1.6)', () => {
  const found: unknown[] = [];
  const body = bytes(
    '08 000001 000064 00 000000 aa 0000000c  09 000002 00006e 00 000000 bbcc 0000000d  08 000000 ffffff ff 000000 0000000b',
  );
  readAggregate(body, 1000, (type, ms, inner) => found.push([type, ms, Buffer.from(inner).toString('hex')]));
  assert.deepEqual(found, [
    [8, 1000, 'aa'],
    [9, 1010, 'bbcc'],
    [8, (0xffffffff + 900) >>> 0, ''],
  ]);
  assert.throws(() => readAggregate(body.subarray(0, 20), 0, () => undefined), /ends early/);
  assert.throws(() => readAggregate(bytes('08 00ffff 000000 00 000000 aa'), 0, () => undefined), /ends early/);
});

test('chunks in any pieces have the same outcome', () => fuzzChunks(1, 500));
