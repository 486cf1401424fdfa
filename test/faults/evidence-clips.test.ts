/**
 * Evidence in clips against forgery: flipped bits, clips that are cut off or longer, fragments that are
 * dropped, repeated, swapped or of another clip, chains of another stream, forged seals; and what happens to
 * a recording between two clips. Each change is found; no intact clip is refused.
 */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { parseBundle } from '@oxbow/media/evidence/bundle';
import { EVIDENCE_UUID, parseEvidenceBox } from '@oxbow/media/evidence/evidence-box';
import { readBoxes } from '@oxbow/media/isobmff/box';
import { seeded } from '@oxbow/media/random.fixture';
import type { SegmentGroup } from '@oxbow/media/segment';
import { type EvidenceRig, openChains, openEvidenceRig, reportOn } from '../../src/delivery/export/evidence.fixture.ts';
import { rotateKeys } from '../../src/recording/evidence/evidence-keys.ts';
import { groupsFrom, START_US } from '../../src/recording/recording.fixture.ts';
import type { RecordedGroup } from '../../src/recording/recording-reader.ts';
import { openForger } from '../fixtures/evidence/forger.ts';
import { perTier } from '../full.ts';

const S = 1_000_000;
const FORMATS = ['mp4', 'mkv'] as const;
/** Attempts of each kind. */
const FLIPS = perTier({ first: 20, full: 10_000 });
const FORGERIES = perTier({ first: 2, full: 400 });
const RANGE = { fromUs: START_US + 4 * S, toUs: START_US + 40 * S };
const gap = { fromUs: START_US + 20 * S, toUs: START_US + 23 * S, cause: 'source-down' as const, detail: 'HTTP 404' };

const media = (): SegmentGroup[] => [
  ...groupsFrom({ msn: 100, startUs: START_US }, 10),
  ...groupsFrom({ msn: 110, startUs: START_US + 23 * S, run: 2, gaps: [gap] }, 12),
];

/** A recording of three blocks. */
async function openRecorded(): Promise<EvidenceRig> {
  const opened = await openEvidenceRig();
  const groups = media();
  for (const some of [groups.slice(0, 7), groups.slice(7, 14), groups.slice(14)]) {
    await opened.record(some);
    await opened.evidence.seal('s');
  }
  return opened;
}

/** The fragments of a clip: each moof with its mdat, and what is before and after them. */
function fragmentsOf(file: Uint8Array) {
  const boxes = readBoxes(file);
  const first = boxes.findIndex(({ type }) => type === 'moof');
  const evidence = boxes.at(-1)!;
  const fragments: Uint8Array[] = [];
  for (const { type, start, end } of boxes.slice(first, -1)) {
    if (type === 'moof') fragments.push(file.subarray(start, end));
    else fragments[fragments.length - 1] = Buffer.concat([fragments.at(-1)!, file.subarray(start, end)]);
  }
  return { head: file.subarray(0, boxes[first]!.start), fragments, evidence: file.subarray(evidence.start) };
}

const joined = ({ head, fragments, evidence }: ReturnType<typeof fragmentsOf>) =>
  Buffer.concat([head, ...fragments, evidence]);

const codesOf = async (file: Uint8Array, trusted: readonly string[] = []) =>
  (await reportOn(file, trusted)).findings.map(({ code }) => code);

suite('the evidence of a clip that was changed', () => {
  for (const format of FORMATS) {
    test(`no intact .${format} is refused, whatever its range`, async () => {
      await using opened = await openRecorded();
      const random = seeded(1);
      for (let i = 0; i < FORGERIES; i++) {
        const fromUs = START_US + random(44 * S);
        const toUs = Math.min(fromUs + S + random(30 * S), START_US + 47 * S);
        if (fromUs >= gap.fromUs && toUs <= gap.toUs) continue;
        const report = await reportOn(await opened.clipped({ fromUs, toUs }, format), [opened.keys.id]);
        assert.deepEqual(report.findings, [], `${fromUs} to ${toUs}`);
        assert.ok(report.ok && report.segments > 0);
      }
    });

    test(`each flipped bit of a .${format} is found, and each that is cut off, or longer`, async () => {
      await using opened = await openRecorded();
      const file = await opened.clipped({ fromUs: START_US + 15 * S, toUs: START_US + 26 * S }, format);
      const random = seeded(2);
      for (let i = 0; i < FLIPS; i++) {
        const at = random(file.length);
        const bit = 1 << random(8);
        file[at]! ^= bit;
        assert.equal((await reportOn(file, [opened.keys.id])).ok, false, `bit ${bit} of byte ${at}`);
        file[at]! ^= bit;
      }
      for (let i = 0; i < FORGERIES; i++) {
        assert.equal((await reportOn(file.subarray(0, random(file.length)))).ok, false);
        assert.equal((await reportOn(Buffer.concat([file, new Uint8Array(1 + random(100))]))).ok, false);
      }
      assert.equal((await reportOn(file, [opened.keys.id])).ok, true);
    });

    const tampering: Readonly<Record<string, (groups: RecordedGroup[], at: number) => RecordedGroup[]>> = {
      missing: (groups, at) => groups.toSpliced(at, 1),
      repeated: (groups, at) => groups.toSpliced(at, 0, groups[at]!),
      order: (groups, at) => groups.toSpliced(at, 2, groups[at + 1]!, groups[at]!),
      changed(groups, at) {
        const { tracks, location } = groups[at + 1]!;
        return groups.toSpliced(at, 1, Object.assign({}, groups[at]!, { tracks, location }));
      },
    };
    test(`a segment of a .${format} that is ${Object.keys(tampering).join(', ')} is found, also if the server itself seals it`, async () => {
      await using opened = await openRecorded();
      const random = seeded(4);
      for (const [code, tamper] of Object.entries(tampering)) {
        for (let i = 0; i < Math.ceil(FORGERIES / 6); i++) {
          const at = 1 + random(14);
          const change = { groups: (groups: RecordedGroup[]) => tamper(groups, at) };
          const range = { fromUs: RANGE.fromUs + i, toUs: RANGE.toUs };
          const codes = await codesOf(await opened.clipped(range, format, change), [opened.keys.id]);
          assert.ok(codes.includes(code as 'missing'), `${code}, attempt ${i}: ${codes.join()}`);
        }
      }
    });

    test(`a .${format} with the chain of another stream, or a forged one, is found`, async () => {
      await using opened = await openRecorded();
      await using other = await openEvidenceRig();
      await other.record(groupsFrom({ msn: 100, startUs: START_US, frameBytes: 65 }, 20));
      await other.evidence.seal('s');
      const mixed = await opened.clipped(RANGE, format, { proof: other.evidence });
      assert.equal((await reportOn(mixed, [other.keys.id])).ok, false);
      const forger = openForger();
      const file = await opened.clipped(RANGE, format);
      assert.deepEqual(
        await codesOf(
          forger.seal(file, (bundle) => bundle),
          [opened.keys.id],
        ),
        ['bad-signature'],
      );
      for (const forge of forger.forgeries) {
        assert.equal((await reportOn(forger.seal(file, forge), [opened.keys.id])).ok, false, forge.name);
      }
    });
  }

  test('fragments that are dropped, repeated, swapped, of another clip, or at another time are found', async () => {
    await using opened = await openRecorded();
    const parts = fragmentsOf(await opened.clipped(RANGE));
    assert.ok((await reportOn(joined(parts))).ok);
    const other = fragmentsOf(await opened.clipped({ fromUs: START_US, toUs: START_US + 12 * S }));
    const { fragments } = parts;
    const forged: Readonly<Record<string, readonly Uint8Array[]>> = {
      dropped: fragments.toSpliced(4, 1),
      'all of a track': fragments.filter((_, i) => i % 2 === 0),
      repeated: fragments.toSpliced(4, 0, fragments[4]!),
      swapped: fragments.toSpliced(4, 3, fragments[6]!, fragments[5]!, fragments[4]!),
      'of another clip': fragments.toSpliced(4, 1, other.fragments[4]!),
      none: [],
    };
    for (const [name, changed] of Object.entries(forged)) {
      assert.equal((await reportOn(joined({ ...parts, fragments: [...changed] }))).ok, false, name);
    }
    // Only the times of what follows the gap: the samples are those that were recorded.
    const late = fragments.map((bytes, i) => {
      const copy = Buffer.from(bytes);
      if (i >= 16) copy.writeUInt32BE(copy.readUInt32BE(copy.indexOf('tfdt') + 12) + 9000, copy.indexOf('tfdt') + 12);
      return copy;
    });
    assert.ok((await codesOf(joined({ ...parts, fragments: late }))).includes('timing'));
    const evidence = Buffer.from(other.evidence);
    assert.equal((await reportOn(joined({ ...parts, evidence }))).ok, false, 'the evidence of another clip');
    const [twice] = [Buffer.concat([joined(parts), parts.evidence])];
    assert.equal((await reportOn(twice)).ok, false, 'the evidence twice');
  });
});

suite('the evidence of clips of a recording that changes', () => {
  test('a clip whose edge is in a gap, and one around it, are complete', async () => {
    await using opened = await openRecorded();
    for (const format of FORMATS) {
      const after = { fromUs: START_US + 21 * S, toUs: START_US + 30 * S };
      const before = { fromUs: START_US + 12 * S, toUs: START_US + 22 * S };
      for (const range of [after, before]) {
        const report = await reportOn(await opened.clipped(range, format), [opened.keys.id]);
        assert.deepEqual([report.findings, report.parts.length], [[], 1]);
      }
    }
  });

  test('what was erased or has expired in a range is named, and nothing is missing', async () => {
    await using opened = await openRecorded();
    opened.evidence.note(
      { id: 's', name: 'door' },
      { what: 'erased', from: START_US + 8 * S, to: START_US + 12 * S, at: START_US + 60 * S },
    );
    await opened.evidence.seal('s');
    const erased = (all: RecordedGroup[]) =>
      all.filter(({ startUs }) => startUs < START_US + 8 * S || startUs >= START_US + 12 * S);
    for (const format of FORMATS) {
      const report = await reportOn(await opened.clipped(RANGE, format, { groups: erased }), [opened.keys.id]);
      assert.deepEqual(report.findings, []);
      assert.deepEqual(report.gone, [{ fromUs: START_US + 8 * S, toUs: START_US + 12 * S, why: 'erased' }]);
      const horizonUs = START_US + 6 * S;
      const groups = (all: RecordedGroup[]) => all.filter(({ startUs }) => startUs >= horizonUs);
      const expired = await reportOn(await opened.clipped(RANGE, format, { groups, horizonUs }), [opened.keys.id]);
      assert.deepEqual([expired.findings, expired.gone.map(({ why }) => why)], [[], ['expired']]);
    }
  });

  test('a clip before a gap was filled and one after it are both proved, and the second has the media', async () => {
    await using opened = await openEvidenceRig();
    const found = groupsFrom({ msn: 4, startUs: START_US + 6 * S, run: 2 }, 5);
    const hole = { fromUs: START_US + 6 * S, toUs: START_US + 16 * S, cause: 'source-down' as const, detail: '' };
    const chain = { id: 's', name: 'door' };
    await using proof = await openEvidenceRig();
    const sink = proof.evidence.sinkOf(chain);
    const around = [
      ...groupsFrom({ msn: 1, startUs: START_US }, 3),
      ...groupsFrom({ msn: 9, startUs: START_US + 16 * S, run: 3, gaps: [hole] }, 3),
    ];
    await opened.record([...around.slice(0, 3), ...found, ...around.slice(3)]);
    for (const group of around) sink.add(group);
    const range = { fromUs: START_US, toUs: START_US + 20 * S };
    const change = { proof: proof.evidence };
    const notYet = (all: RecordedGroup[]) => all.filter(({ run }) => run !== 2);
    const first = await opened.clipped(range, 'mp4', { ...change, groups: notYet });
    const healed = proof.evidence.healedSinkOf(chain);
    for (const group of found) healed.add(group);
    await proof.evidence.seal('s');
    const second = await opened.clipped({ ...range, toUs: range.toUs - 1 }, 'mp4', change);
    const reports = [await reportOn(first, [proof.keys.id]), await reportOn(second, [proof.keys.id])];
    assert.deepEqual(
      reports.map(({ findings, gaps, healed: count }) => [findings, gaps.length, count]),
      [
        [[], 1, 0],
        [[], 0, 5],
      ],
    );
  });

  test('a key that was rotated in the range is proved by the new one', async () => {
    await using opened = await openEvidenceRig();
    const { rig, evidence } = opened;
    await opened.record(groupsFrom({ msn: 1, startUs: START_US }, 3));
    await evidence.sinkOf({ id: 's', name: 'door' }).close();
    await rotateKeys(rig.folder, { nowUs: START_US });
    const second = await openChains(rig);
    const later = groupsFrom({ msn: 4, startUs: START_US + 6 * S }, 3);
    for (const group of later) rig.recorder.write(group);
    while (!rig.recorder.isQuiet) await new Promise(setImmediate);
    for (const group of later) second.evidence.sinkOf({ id: 's', name: 'door' }).add(group);
    for (const format of FORMATS) {
      const range = { fromUs: START_US, toUs: START_US + 12 * S };
      const report = await reportOn(await opened.clipped(range, format, { proof: second.evidence }), [second.keys.id]);
      assert.deepEqual(report.findings, []);
      assert.deepEqual(
        report.breaks.map(({ why }) => why),
        ['rotation'],
      );
      assert.ok(report.keys.length === 2 && report.keys.every(({ trusted }) => trusted));
    }
  });

  test('a clip of what is recorded now is signed once for each segment, and has nothing undeclared at its end', async () => {
    await using opened = await openEvidenceRig();
    await opened.record(groupsFrom({ msn: 1, startUs: START_US }, 3));
    const live = { settledUs: START_US };
    const range = { fromUs: START_US, toUs: START_US + 3600 * S };
    const blocks = async () => (await opened.evidence.bundle({ id: 's', name: 'door' }, [range]))!.blocks.length;
    for (let i = 0; i < 3; i++) {
      const report = await reportOn(await opened.clipped(range, 'mp4', live), [opened.keys.id]);
      assert.deepEqual([report.findings, report.segments], [[], 3]);
    }
    assert.equal(await blocks(), 1);
    await opened.record(groupsFrom({ msn: 4, startUs: START_US + 6 * S }, 1));
    const past = { fromUs: START_US, toUs: START_US + 4 * S };
    const file = await opened.clipped(past);
    const at = Buffer.from(file).indexOf(EVIDENCE_UUID) - 8;
    const { bundle } = parseEvidenceBox(file.subarray(at + 8));
    assert.equal(parseBundle(Buffer.from(bundle).toString()).blocks.length, 1, 'what is recorded later waits');
  });

  test('the etag names the evidence, and a recording without a chain has the bytes it had', async () => {
    await using opened = await openRecorded();
    const none = {
      signUntil: async () => Number.POSITIVE_INFINITY,
      bundleOf: async () => undefined,
      bundle: async () => undefined,
    };
    const silent = Object.assign(Object.create(opened.evidence), none) as typeof opened.evidence;
    for (const format of FORMATS) {
      const [proved, plain] = [await opened.clip(RANGE, format), await opened.clip(RANGE, format, { proof: silent })];
      const bytes = await opened.clipped(RANGE, format, { proof: silent });
      assert.equal(bytes.length, plain.length);
      assert.equal((await reportOn(bytes)).findings[0]!.code, 'no-evidence');
      assert.ok(proved.etag !== plain.etag && proved.length > plain.length);
      assert.equal((await opened.clip(RANGE, format)).etag, proved.etag);
    }
  });
});
