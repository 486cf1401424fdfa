import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { fuzzSplice } from './fuzz.fixture.ts';
import { printSection, spliceInsert, timeSignal } from './section.fixture.ts';
import { parseSpliceSection, restampSection } from './section.ts';

/** The splice_insert of SCTE 35, 14.2: out of the network at 0x07369C02E, for 60.293 s. */
const SAMPLE = 'FC302F000000000000FFFFF014054800008F7FEFFE7369C02EFE0052CCF500000000000A0008435545490000013562DBA30A';

suite('splice sections', () => {
  test('the sample of the standard is an out point with a planned duration (SCTE 35, 14.2)', () => {
    const { command, segmentations } = parseSpliceSection(Buffer.from(SAMPLE, 'hex'));
    assert.deepEqual(command, {
      kind: 'insert',
      eventId: 0x4800008f,
      cancelled: false,
      out: true,
      pts: 0x07369c02e,
      duration: 0x52ccf5,
    });
    assert.deepEqual(segmentations, []);
  });

  test('pts_adjustment is added to the time, in 33 bits (9.6)', () => {
    const section = spliceInsert({ eventId: 1, out: true, pts: 2 ** 33 - 10, adjustment: 30 });
    const { command } = parseSpliceSection(section);
    assert.equal(command.kind === 'insert' && command.pts, 20);
  });

  test('an immediate in point has no time', () => {
    const { command } = parseSpliceSection(spliceInsert({ eventId: 1, out: false }));
    assert.deepEqual(command, { kind: 'insert', eventId: 1, cancelled: false, out: false });
  });

  test('a time_signal has its segmentations, with 40 bits of duration (10.3.3)', () => {
    const section = timeSignal(90_000, [
      { eventId: 5, type: 0x34, duration: 2 ** 35 },
      { eventId: 5, type: 0x10 },
    ]);
    assert.deepEqual(parseSpliceSection(section), {
      command: { kind: 'signal', pts: 90_000 },
      segmentations: [
        { eventId: 5, cancelled: false, type: 0x34, duration: 2 ** 35 },
        { eventId: 5, cancelled: false, type: 0x10 },
      ],
    });
  });

  test('an encrypted section says that it is', () => {
    const section = printSection({ type: 6, command: Uint8Array.of(1, 2, 3), encrypted: true });
    assert.equal(parseSpliceSection(section).command.kind, 'encrypted');
  });

  test('a section that was changed on the way fails its CRC', () => {
    const section = Buffer.from(SAMPLE, 'hex');
    section[20]! ^= 1;
    assert.throws(() => parseSpliceSection(section), { name: 'FormatError', message: /CRC/ });
  });

  test('moved timestamps move the splice with them, and nothing else', () => {
    const before = parseSpliceSection(Buffer.from(SAMPLE, 'hex'));
    const moved = parseSpliceSection(restampSection(Buffer.from(SAMPLE, 'hex'), -90_000));
    assert.ok(before.command.kind === 'insert' && moved.command.kind === 'insert');
    assert.deepEqual(moved.command, { ...before.command, pts: before.command.pts! - 90_000 });
  });

  test('2,000 scrambled sections are read, or refused with a FormatError', () => fuzzSplice(35, 2000));
});
