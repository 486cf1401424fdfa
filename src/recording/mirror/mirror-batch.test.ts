import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FormatError } from '@oxbow/media/errors';
import { seeded } from '@oxbow/media/random.fixture';
import { checkBatch, type FilledRecord, listBytesOf, parseRecords, printBatch } from './mirror-batch.ts';

const FILLED: readonly FilledRecord[] = [
  {
    record: { kind: 'file', location: 'recordings/s/a.mp4', offset: 7, length: 5 },
    bytes: [Uint8Array.of(1, 2), Uint8Array.of(3, 4, 5)],
  },
  {
    record: {
      kind: 'joined',
      location: 'recordings/s/a.mp4',
      streamId: 's',
      msn: 9,
      tracks: [{ trackId: 1, offset: 12, length: 3 }],
      length: 0,
    },
    bytes: [],
  },
  {
    record: {
      kind: 'parts',
      streamId: 's',
      msn: 10,
      first: 0,
      run: { id: 1, utcOffsetUs: -5, clock: 'source' },
      init: { number: 1, hash: 'ab', start: 'AAAA' },
      startUs: 1_795_000_000_000_000,
      discontinuity: false,
      discontinuitySequence: 0,
      parts: [
        { trackId: 1, length: 2 },
        { trackId: 2, length: 1 },
      ],
      length: 3,
    },
    bytes: [Uint8Array.of(6, 7), Uint8Array.of(8)],
  },
];

test('an object has its records, and each its bytes', () => {
  const bytes = printBatch(FILLED);
  checkBatch(bytes);
  const records = parseRecords(bytes);
  assert.deepEqual(
    records.map(({ record }) => record),
    FILLED.map(({ record }) => record),
  );
  for (const [i, { record, at }] of records.entries())
    assert.deepEqual([...bytes.subarray(at, at + record.length)], [...Buffer.concat([...FILLED[i]!.bytes])]);
  assert.deepEqual(parseRecords(bytes.subarray(0, listBytesOf(bytes))), records, 'the list is at its start');
});

test('a changed or truncated object is refused, and nothing else is thrown', () => {
  const whole = printBatch(FILLED);
  const random = seeded(3);
  for (let round = 0; round < 2000; round++) {
    const bytes = Uint8Array.from(whole.subarray(0, random(4) === 0 ? random(whole.length) : whole.length));
    for (let flips = bytes.length < whole.length ? 0 : 1 + random(3); flips > 0; flips--)
      bytes[random(bytes.length)]! ^= 1 << random(8);
    if (Buffer.compare(bytes, whole) === 0) continue; // the flips undid each other
    assert.throws(() => checkBatch(bytes), FormatError);
    try {
      parseRecords(bytes);
    } catch (error) {
      assert.ok(error instanceof FormatError, String(error));
    }
  }
});

test('records of another version, and of unknown kinds, are refused', () => {
  const withJson = (json: unknown) => {
    const text = Buffer.from(JSON.stringify(json));
    const start = Buffer.alloc(12);
    start.write('OXMB');
    start.writeUInt32BE(text.length, 4);
    return Buffer.concat([start, text]);
  };
  for (const json of [
    null,
    { version: 2, records: [] },
    { version: 1 },
    { version: 1, records: [{ kind: 'other', length: 1 }] },
    { version: 1, records: [{ kind: 'file', location: 'a', offset: -1, length: 1 }] },
    { version: 1, records: [{ ...FILLED[2]!.record, length: 4 }] },
    { version: 1, records: [{ ...FILLED[1]!.record, tracks: [null] }] },
  ])
    assert.throws(() => parseRecords(withJson(json)), FormatError, JSON.stringify(json));
});
