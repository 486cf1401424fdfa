import assert from 'node:assert/strict';
import { generateKeyPairSync, hash, sign } from 'node:crypto';
import { suite, test } from 'node:test';
import { KEY_CONTEXT } from '@oxbow/media/evidence/block';
import { parseBundle, printBundle } from '@oxbow/media/evidence/bundle';
import { EVIDENCE_UUID, parseEvidenceBox, printEvidenceBox } from '@oxbow/media/evidence/evidence-box';
import { inContext } from '@oxbow/media/evidence/text-bytes';
import { audioTrack, hevcTrack, opusTrack, videoTrack, vp9Track } from '@oxbow/media/isobmff/media.fixture';
import { sealOf } from '../../recording/evidence/file-seal.ts';
import { groupsFrom, initOf, START_US, temporaryFolder } from '../../recording/recording.fixture.ts';
import type { RecordedGroup } from '../../recording/recording-reader.ts';
import { openChains, openEvidenceRig, reportOn } from './evidence.fixture.ts';

const S = 1_000_000;

const [hevcInit, otherScale] = [
  initOf([hevcTrack, audioTrack]),
  initOf([Object.assign({}, videoTrack, { timescale: 12_800 }), audioTrack], 2),
];
const sets = Uint8Array.from(videoTrack.config.record);
/** As `videoTrack`, with another picture parameter set. */
const otherSets = initOf(
  [
    Object.assign({}, videoTrack, { config: Object.assign({}, videoTrack.config, { record: changed(sets) }) }),
    audioTrack,
  ],
  2,
);

function changed(record: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(record);
  copy[copy.length - 1]! ^= 1;
  return copy;
}

suite('the evidence of an exported file', () => {
  for (const format of ['mp4', 'mkv'] as const)
    test(`a .${format} with a gap is complete, with the gap and its cause, and signed by the key of the server`, async () => {
      await using opened = await openEvidenceRig();
      const { evidence, keys, record, exportedWith } = opened;
      const gap = {
        fromUs: START_US + 20 * S,
        toUs: START_US + 23.2 * S,
        cause: 'source-down' as const,
        detail: 'HTTP 404',
      };
      await record([
        ...groupsFrom({ msn: 100, startUs: START_US }, 10),
        ...groupsFrom({ msn: 110, startUs: START_US + 23.2 * S, run: 2, gaps: [gap] }, 10),
      ]);
      await evidence.seal('s');
      const file = await exportedWith({ format }, { fromUs: START_US + 4 * S, toUs: START_US + 31 * S });
      const report = await reportOn(file, [keys.id]);
      assert.deepEqual(report.findings, []);
      assert.deepEqual(report.parts, [
        { fromUs: START_US + 4 * S, toUs: START_US + 20 * S, segments: 8 },
        { fromUs: START_US + 23.2 * S, toUs: START_US + 31.2 * S, segments: 4 },
      ]);
      assert.deepEqual(report.gaps, [[gap.fromUs, gap.toUs, 'source-down', 'HTTP 404']]);
      assert.deepEqual(report.keys, [{ id: keys.id, trusted: true }]);
      assert.equal(report.ok, true);
      assert.equal(report.samples, 12 * 9);
    });

  const changes = {
    'another clock': [initOf(), otherScale],
    'other parameter sets': [initOf(), otherSets],
    'another order of tracks': [initOf(), initOf([audioTrack, videoTrack], 2)],
    'one codec': [hevcInit],
    'codecs with another configuration in Matroska': [initOf([vp9Track, opusTrack])],
  };
  for (const [name, inits] of Object.entries(changes))
    for (const [format, audioOnly] of [
      ['mp4', false],
      ['mkv', false],
      ['mkv', true],
    ] as const)
      test(`a .${format} ${audioOnly ? 'of the sound ' : ''}with ${name} is proved, and each changed byte is found`, async () => {
        await using opened = await openEvidenceRig(inits);
        let at = START_US;
        for (const [i, init] of inits.entries()) {
          await opened.record(groupsFrom({ msn: 1 + 3 * i, startUs: at + i * 7001, run: 1 + i, init }, 3));
          at += 6 * S;
        }
        const range = { fromUs: START_US, toUs: at + S };
        const file = await opened.exportedWith({ format, audioOnly }, range);
        const report = await reportOn(file, [opened.keys.id]);
        assert.deepEqual([report.findings, report.segments], [[], inits.length * 3]);
        assert.equal(report.samples, inits.length * 3 * (audioOnly ? 4 : 9));
        const step = Math.ceil(file.length / 40);
        for (let offset = 0; offset < file.length; offset += step) {
          const other = Uint8Array.from(file);
          other[offset]! ^= 0x40;
          assert.equal((await reportOn(other, [opened.keys.id])).ok, false, `byte ${offset} of ${file.length}`);
        }
      });

  test('a gap that was filled in part is declared on both sides of what was found', async () => {
    await using opened = await openEvidenceRig();
    await using chain = await openEvidenceRig();
    const gap = { fromUs: START_US + 6 * S, toUs: START_US + 16 * S, cause: 'source-down' as const, detail: '' };
    const before = groupsFrom({ msn: 1, startUs: START_US }, 3);
    const found = groupsFrom({ msn: 4, startUs: START_US + 10 * S, run: 2 }, 1);
    const after = groupsFrom({ msn: 5, startUs: START_US + 16 * S, run: 3, gaps: [gap] }, 2);
    await opened.record([...before, ...found, ...after]);
    const sink = chain.evidence.sinkOf({ id: 's', name: 'door' });
    for (const group of [...before, ...after]) sink.add(group);
    const healed = chain.evidence.healedSinkOf({ id: 's', name: 'door' });
    for (const group of found) healed.add(group);
    const range = { fromUs: START_US, toUs: START_US + 20 * S };
    const report = await reportOn(await opened.exportedWith({ proof: chain.evidence }, range), [chain.keys.id]);
    assert.deepEqual(report.findings, []);
    assert.deepEqual(
      report.gaps.map(([from, to]) => [(from - START_US) / S, (to - START_US) / S]),
      [
        [6, 10],
        [12, 16],
      ],
    );
  });

  test('a new run that begins within half a second has a gap that is said, and no fault', async () => {
    await using opened = await openEvidenceRig();
    await opened.record(groupsFrom({ msn: 1, startUs: START_US }, 3));
    await opened.record(groupsFrom({ msn: 4, startUs: START_US + 6.4 * S, run: 2 }, 3));
    // Within a run nothing may be missing.
    await opened.record(groupsFrom({ msn: 7, startUs: START_US + 12.8 * S, run: 2 }, 1));
    const report = await reportOn(await opened.exported({ fromUs: START_US, toUs: START_US + 12 * S }), [
      opened.keys.id,
    ]);
    assert.deepEqual(report.findings, []);
    assert.deepEqual(report.gaps, [[START_US + 6 * S, START_US + 6.4 * S, 'source-skipped', '']]);
    const longer = await reportOn(await opened.exported({ fromUs: START_US, toUs: START_US + 14 * S }));
    assert.deepEqual(
      longer.findings.map(({ code }) => code),
      ['missing'],
    );
  });

  test('names the key of its seal, also where it vouches for the keys of all blocks', async () => {
    await using opened = await openEvidenceRig();
    await using folder = await temporaryFolder();
    const { rig, keys, record, evidence, exportedWith } = opened;
    await record(groupsFrom({ msn: 1, startUs: START_US }, 3));
    await evidence.sinkOf({ id: 's', name: 'door' }).close();
    const second = await openChains(rig, folder.path, 'b');
    const later = groupsFrom({ msn: 4, startUs: START_US + 6 * S }, 3);
    for (const group of later) rig.recorder.write(group);
    while (!rig.recorder.isQuiet) await new Promise(setImmediate);
    for (const group of later) second.evidence.sinkOf({ id: 's', name: 'door' }).add(group);
    await second.evidence.seal('s');
    const file = await exportedWith({ proof: second.evidence }, { fromUs: START_US, toUs: START_US + 12 * S });
    // A forger takes the vouchers out, vouches for both keys, and seals what is left.
    const at = Buffer.from(file).indexOf(EVIDENCE_UUID) - 8;
    const bundle = parseBundle(Buffer.from(parseEvidenceBox(file.subarray(at + 8)).bundle).toString());
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32);
    const key = hash('sha256', raw, 'buffer').subarray(0, 16).toString('base64url');
    const signature = (context: string, bytes: Uint8Array) =>
      sign(null, inContext(context, bytes), privateKey).toString('base64url');
    const vouched = bundle.keys.map((each) => {
      const by = [{ key, signature: signature(KEY_CONTEXT, Buffer.from(each.public, 'base64url')) }];
      return Object.assign({}, each, { by });
    });
    const own = { id: key, public: raw.toString('base64url'), made: 1, by: [] };
    const text = Buffer.from(printBundle(Object.assign({}, bundle, { keys: [...vouched, own] })));
    const head = file.subarray(0, Buffer.from(file).indexOf('mdat') + 4);
    const sign2 = (context: string, bytes: Uint8Array) => ({ key, signature: signature(context, bytes) });
    const seal = sealOf({ sign: sign2, nowUs: START_US }, text, head);
    const forged = Buffer.concat([file.subarray(0, at), printEvidenceBox(JSON.stringify(seal), text)]);
    const report = await reportOn(forged);
    assert.deepEqual(
      report.keys.map(({ id }) => id),
      [keys.id, second.keys.id, key],
    );
    assert.ok((await reportOn(forged, [keys.id])).findings.some(({ code }) => code === 'unknown-key'));
  });

  test('that claims more samples than the file has is refused at once', { timeout: 20_000 }, async () => {
    await using opened = await openEvidenceRig();
    await opened.record(groupsFrom({ msn: 1, startUs: START_US }, 3));
    const file = await opened.exported({ fromUs: START_US, toUs: START_US + 6 * S });
    const at = Buffer.from(file).indexOf(EVIDENCE_UUID) - 8;
    const { seal, bundle } = parseEvidenceBox(file.subarray(at + 8));
    const claimed = parseBundle(Buffer.from(bundle).toString());
    const pieces = [{ fileTrack: 1, track: 1, first: 0, count: Number.MAX_SAFE_INTEGER }];
    const ranges = [{ from: START_US, to: START_US + 6 * S, entries: [{ msn: 9, pieces }, { pieces }] }];
    const text = Buffer.from(printBundle(Object.assign({}, claimed, { ranges })));
    const report = await reportOn(Buffer.concat([file.subarray(0, at), printEvidenceBox(seal, text)]));
    assert.ok(report.findings.some(({ code }) => code === 'unproven'));
  });

  test('whose first media retention has deleted is complete from there, and says what expired', async () => {
    await using opened = await openEvidenceRig();
    await opened.record(groupsFrom({ msn: 1, startUs: START_US }, 5));
    const horizonUs = START_US + 4 * S;
    const groups = (all: RecordedGroup[]) => all.filter(({ startUs }) => startUs >= horizonUs);
    const range = { fromUs: START_US, toUs: START_US + 10 * S };
    const report = await reportOn(await opened.exportedWith({ groups, horizonUs }, range), [opened.keys.id]);
    assert.deepEqual(report.findings, []);
    assert.deepEqual(report.gone, [{ fromUs: START_US, toUs: horizonUs, why: 'expired' }]);
  });
});
