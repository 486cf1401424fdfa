import assert from 'node:assert/strict';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { openRangeReader } from '../../archive/range-reader.ts';
import { type EvidenceRig, openEvidenceRig } from '../../delivery/export/evidence.fixture.ts';
import { groupsFrom, START_US } from '../../recording/recording.fixture.ts';
import { checkRange } from './check-range.ts';

const S = 1_000_000;
const STREAM = { id: 's', name: 'door' };

/** Checks a range, in seconds after the start. */
async function check(
  { rig, evidence, keys }: EvidenceRig,
  fromS: number,
  toS: number,
  horizonUs = 0,
  late?: () => Promise<void>,
) {
  using reader = openRangeReader(rig.segments);
  const range = { fromUs: START_US + fromS * S, toUs: START_US + toS * S };
  const untilUs = rig.recording.endUs;
  const bundle = (await evidence.bundle(STREAM, [range]))!;
  const recorded = { recording: rig.recording, reader, bundle, trusted: [keys.id], horizonUs, untilUs };
  await late?.();
  return checkRange(recorded, range, { signal: new AbortController().signal });
}

suite('a check of a recording', () => {
  test('proves what is stored, and finds what was changed on the disk', async () => {
    await using opened = await openEvidenceRig();
    await opened.record(groupsFrom({ msn: 1, startUs: START_US }, 10));
    const intact = await check(opened, 2, 18);
    assert.deepEqual(intact.findings, []);
    assert.deepEqual(intact.parts, [{ fromUs: START_US + 2 * S, toUs: START_US + 18 * S, segments: 8 }]);
    // The third segment is replaced by other pictures, with a checksum that fits.
    const group = opened.rig.recording.open[2]!;
    const track = group.tracks[0]! as { offset: number; length: number; crc: number };
    const other = opened.rig.recording.open[4]!.tracks[0]!;
    await using file = await open(join(opened.rig.folder, group.location), 'r+');
    const bytes = Buffer.alloc(other.length);
    await file.read(bytes, 0, bytes.length, other.offset);
    await file.write(bytes, 0, bytes.length, track.offset);
    track.crc = other.crc;
    const changed = await check(opened, 2, 18);
    assert.deepEqual(
      changed.findings.map(({ code, fromUs }) => [code, fromUs]),
      [['changed', START_US + 4 * S]],
    );
  });

  test('names what was deleted, and what is missing', async () => {
    await using opened = await openEvidenceRig();
    await opened.record(groupsFrom({ msn: 1, startUs: START_US }, 5));
    // Ten seconds that were recorded and are nowhere.
    const sink = opened.evidence.sinkOf(STREAM);
    for (const group of groupsFrom({ msn: 6, startUs: START_US + 10 * S }, 5)) sink.add(group);
    await opened.record(groupsFrom({ msn: 11, startUs: START_US + 20 * S }, 5));
    const missing = await check(opened, 0, 30);
    assert.deepEqual(new Set(missing.findings.map(({ code }) => code)), new Set(['missing']));
    assert.equal(missing.findings.length, 5);
    const expired = await check(opened, 0, 30, START_US + 20 * S);
    assert.deepEqual(expired.findings, []);
    assert.deepEqual(expired.gone, [{ fromUs: START_US + 10 * S, toUs: START_US + 20 * S, why: 'expired' }]);
    const range = { from: START_US + 10 * S, to: START_US + 20 * S };
    opened.evidence.note(STREAM, { what: 'erased', ...range, at: START_US + 60 * S });
    const erased = await check(opened, 0, 30);
    assert.deepEqual(erased.findings, []);
    assert.deepEqual(erased.gone, [{ fromUs: range.from, toUs: range.to, why: 'erased' }]);
  });

  test('finds media whose time or length the index was changed to say', async () => {
    await using opened = await openEvidenceRig();
    await opened.record(groupsFrom({ msn: 1, startUs: START_US }, 5));
    await opened.rig.recorder.seal();
    assert.deepEqual((await check(opened, 0, 10)).findings, [], 'the index has the times of the chain');
    const { recording } = opened.rig;
    const moved = {
      between: async (fromUs: number, toUs: number) =>
        (await recording.between(fromUs, toUs)).map((group) =>
          Object.assign(group, group.msn === 3 && { startUs: group.startUs + S }),
        ),
    };
    const report = await check(
      Object.assign({}, opened, { rig: Object.assign({}, opened.rig, { recording: moved }) }),
      0,
      10,
    );
    assert.deepEqual(
      report.findings.map(({ code, fromUs }) => [code, fromUs]),
      [['timing', START_US + 4 * S]],
    );
  });

  test('finds a minute whose block and media were both removed', async () => {
    await using opened = await openEvidenceRig();
    for (const [msn, fromS] of [
      [1, 0],
      [4, 6],
      [7, 12],
    ] as const) {
      await opened.record(groupsFrom({ msn, startUs: START_US + fromS * S }, 3));
      await opened.evidence.seal('s');
    }
    assert.deepEqual((await check(opened, 0, 18)).findings, []);
    const { rig } = opened;
    await rig.store.db.deleteFrom('evidence_block').where('seq', '=', 2).execute();
    const { recording } = rig;
    const cut = {
      between: async (fromUs: number, toUs: number) =>
        (await recording.between(fromUs, toUs)).filter(({ msn }) => msn < 4 || msn > 6),
    };
    const report = await check(Object.assign({}, opened, { rig: Object.assign({}, rig, { recording: cut }) }), 0, 18);
    assert.deepEqual(
      report.findings.map(({ code, fromUs, toUs }) => [code, fromUs, toUs]),
      [
        ['chain-broken', START_US + 12 * S, START_US + 14 * S],
        ['missing', START_US + 6 * S, START_US + 12 * S],
      ],
    );
  });

  test('finds media that is in no chain', async () => {
    await using opened = await openEvidenceRig();
    await opened.record(groupsFrom({ msn: 1, startUs: START_US }, 3));
    await opened.evidence.seal('s');
    const [extra] = groupsFrom({ msn: 4, startUs: START_US + 6 * S }, 1);
    const { recording } = opened.rig;
    recording.committed({ ...recording.open[0]!, msn: 4, startUs: extra!.startUs });
    const report = await check(opened, 0, 8);
    assert.deepEqual(
      report.findings.map(({ code, fromUs }) => [code, fromUs]),
      [['unproven', START_US + 6 * S]],
    );
  });

  test('says nothing about media that is recorded while it waits or runs', async () => {
    await using opened = await openEvidenceRig();
    await opened.record(groupsFrom({ msn: 1, startUs: START_US }, 3));
    const later = () => opened.record(groupsFrom({ msn: 4, startUs: START_US + 6 * S }, 2));
    const report = await check(opened, 0, 20, 0, later);
    assert.deepEqual(report.findings, []);
    assert.equal(report.segments, 3);
  });
});
