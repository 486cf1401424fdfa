import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { crc32 } from 'node:zlib';
import {
  type CommittedGroup,
  parseCommitBox,
  parseHeadBox,
  parseSealBox,
  printCommitBox,
  printHeadBox,
  printSealBox,
  sizeFromTrailer,
} from './commit-box.ts';
import { fuzz } from './media.fixture.ts';

const group: CommittedGroup = {
  msn: 2 ** 33,
  run: 9,
  utcOffsetUs: -5_000_001,
  clock: 'source',
  startUs: 1_795_000_000_000_001,
  durationUs: 2_000_000,
  discontinuity: true,
  discontinuitySequence: 77,
  gaps: [],
  tracks: [
    {
      trackId: 1,
      offset: 5000,
      length: 1000,
      tfdt: 2 ** 40,
      duration: 180_000,
      firstPtsOffset: 7200,
      samples: 50,
      flags: 1,
      crc: 0xdeadbeef,
    },
    {
      trackId: 2,
      offset: 6000,
      length: 300,
      tfdt: 2 ** 39,
      duration: 95_232,
      firstPtsOffset: 0,
      samples: 93,
      flags: 3,
      crc: 1,
    },
  ],
};
const gaps = [
  { fromUs: 1_794_999_990_000_000, toUs: 1_794_999_995_000_000, cause: 'offline' as const, detail: '' },
  { fromUs: 1_794_999_995_000_000, toUs: 1_795_000_000_000_001, cause: 'overload' as const, detail: '12 GOPs – ü' },
];

suite('a commit box', () => {
  test('is 212 bytes for two tracks, 164 for one, and comes back exactly', () => {
    const box = printCommitBox(group, 5000, 6300, 4000, crc32);
    assert.equal(box.length, 212);
    assert.deepEqual(parseCommitBox(box, 0, crc32), { group, self: 6300, prev: 4000 });
    const one = { ...group, tracks: group.tracks.slice(0, 1) };
    assert.equal(printCommitBox(one, 5000, 6000, 0, crc32).length, 164);
  });

  test('has its fields where the layout says', () => {
    const box = printCommitBox({ ...group, gaps }, 5000, 6300, 4000, crc32);
    const view = new DataView(box.buffer, box.byteOffset);
    assert.equal(Buffer.from(box.subarray(4, 24)).toString('hex'), '757569646f78626f77cc4d5ea1b08d4c1e7a5f01');
    assert.deepEqual([...box.subarray(24, 32)], [1, 1, 0, 7, 0, 2, 0, 4]);
    assert.equal(view.getBigUint64(32), 6300n);
    assert.equal(view.getBigUint64(48), 2n ** 33n);
    assert.equal(view.getBigInt64(64), -5_000_001n);
    assert.equal(view.getBigUint64(80), 10_000_001n);
    assert.equal(view.getBigInt64(88), 1_795_000_000_000_001n);
    assert.equal(view.getUint32(104 + 48 + 8), 1000);
    assert.equal(view.getUint32(box.length - 8), box.length);
    assert.equal(sizeFromTrailer(box), box.length);
  });

  test('carries the gaps before the group, with causes and details', () => {
    const box = printCommitBox({ ...group, gaps }, 5000, 6300, 4000, crc32);
    assert.deepEqual(parseCommitBox(box, 0, crc32).group.gaps, gaps);
  });

  test('a long detail is cut between characters, and too many gaps become one that still covers the hole', () => {
    const long = { ...gaps[0]!, detail: `a${'ü'.repeat(150)}` };
    const box = printCommitBox({ ...group, gaps: [long] }, 5000, 6300, 0, crc32);
    assert.equal(parseCommitBox(box, 0, crc32).group.gaps[0]!.detail, `a${'ü'.repeat(99)}`);
    const many = Array.from({ length: 500 }, (_, i) => ({ ...long, fromUs: i, toUs: i + 1 }));
    const found = parseCommitBox(printCommitBox({ ...group, gaps: many }, 5000, 6300, 0, crc32), 0, crc32);
    assert.equal(found.group.gaps.length, 200);
    assert.equal(found.group.gaps.at(-1)!.toUs, 500);
  });

  test('one changed bit anywhere is seen', () => {
    const good = printCommitBox({ ...group, gaps }, 5000, 6300, 4000, crc32);
    for (let bit = 0; bit < good.length * 8; bit += 3) {
      const box = new Uint8Array(good);
      box[bit >> 3]! ^= 1 << (bit & 7);
      assert.throws(() => parseCommitBox(box, 0, crc32), { name: 'FormatError' }, `bit ${bit}`);
    }
  });

  test('the head box names stream, rendition, init and predecessor', () => {
    const head = {
      streamId: 'st_01',
      rendition: 'source',
      initNumber: 3,
      initHash: '0f'.repeat(32),
      previousMsn: 2 ** 34,
    };
    assert.deepEqual(parseHeadBox(printHeadBox(head, 900, crc32), 0, crc32), head);
    assert.throws(() => parseCommitBox(printHeadBox(head, 900, crc32), 0, crc32), {
      name: 'FormatError',
      message: /kind/,
    });
  });

  test('the seal box holds the commit boxes as they stand', () => {
    const boxes = [0, 1, 2].map((i) => printCommitBox({ ...group, msn: i, gaps }, 5000, 6300 + i, 6299 + i, crc32));
    const seal = parseSealBox(printSealBox(boxes, 99_000, 6302, crc32), 0, crc32);
    assert.deepEqual([seal.self, seal.prev], [99_000, 6302]);
    assert.deepEqual(
      seal.boxes.map((box) => [box.group.msn, box.self, box.prev]),
      [
        [0, 6300, 6299],
        [1, 6301, 6300],
        [2, 6302, 6301],
      ],
    );
  });

  test('damaged boxes are refused with FormatError and nothing else, also where the CRC happens to fit', () => {
    const anyCrc = () => 0;
    const box = printCommitBox({ ...group, gaps }, 5000, 6300, 4000, anyCrc);
    fuzz(box, 1000, (bytes) => parseCommitBox(bytes, 0, anyCrc));
    fuzz(printSealBox([box, box], 99_000, 6302, anyCrc), 1000, (bytes) => parseSealBox(bytes, 0, anyCrc));
    const head = { streamId: 'st', rendition: 'source', initNumber: 3, initHash: '0f'.repeat(32), previousMsn: 4 };
    fuzz(printHeadBox(head, 1, anyCrc), 500, (bytes) => parseHeadBox(bytes, 0, anyCrc));
    assert.equal(sizeFromTrailer(new Uint8Array(12)), undefined);
    assert.equal(sizeFromTrailer(new Uint8Array(3)), undefined);
  });
});
