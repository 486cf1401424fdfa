/**
 * Evidence against forgery: flipped bits, segments that are dropped, repeated, swapped, replaced or cut,
 * files that are cut off, and chains that are forged. Each is found; no intact file is refused.
 */
import assert from 'node:assert/strict';
import { generateKeyPairSync, hash, sign } from 'node:crypto';
import { suite, test } from 'node:test';
import { BLOCK_CONTEXT, type EvidenceBlock, EXPORT_CONTEXT } from '@oxbow/media/evidence/block';
import { type EvidenceBundle, type ExportSeal, parseBundle, sealText } from '@oxbow/media/evidence/bundle';
import { EVIDENCE_UUID, parseEvidenceBox, printEvidenceBox } from '@oxbow/media/evidence/evidence-box';
import type { FindingCode } from '@oxbow/media/evidence/report';
import { inContext } from '@oxbow/media/evidence/text-bytes';
import { seeded } from '@oxbow/media/random.fixture';
import type { SegmentGroup } from '@oxbow/media/segment';
import { openEvidenceRig, reportOn } from '../../src/delivery/export/evidence.fixture.ts';
import { groupAt, groupsFrom, START_US } from '../../src/recording/recording.fixture.ts';
import type { RecordedGroup } from '../../src/recording/recording-reader.ts';
import { isFull } from '../full.ts';

const S = 1_000_000;
/** Attempts of each kind. */
const FLIPS = isFull ? 10_000 : 300;
const FORGERIES = isFull ? 400 : 12;
const RANGE = { fromUs: START_US + 4 * S, toUs: START_US + 40 * S };

const gap = { fromUs: START_US + 20 * S, toUs: START_US + 23 * S, cause: 'source-down' as const, detail: 'HTTP 404' };
const media = (): SegmentGroup[] => [
  ...groupsFrom({ msn: 100, startUs: START_US }, 10),
  ...groupsFrom({ msn: 110, startUs: START_US + 23 * S, run: 2, gaps: [gap] }, 12),
];

async function openRecorded() {
  const opened = await openEvidenceRig();
  // Three blocks.
  const groups = media();
  await opened.record(groups.slice(0, 7));
  await opened.evidence.seal('s');
  await opened.record(groups.slice(7, 14));
  await opened.evidence.seal('s');
  await opened.record(groups.slice(14));
  await opened.evidence.seal('s');
  return opened;
}

/** The evidence of a file, and the bytes before it. */
function split(file: Uint8Array) {
  const at = Buffer.from(file).indexOf(EVIDENCE_UUID) - 8;
  const { seal, bundle } = parseEvidenceBox(file.subarray(at + 8));
  return { rest: file.subarray(0, at), seal, bundle: parseBundle(Buffer.from(bundle).toString()) };
}

/** A key of a forger, who signs files and blocks as a server does. */
function openForger() {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32);
  const id = hash('sha256', raw, 'buffer').subarray(0, 16).toString('base64url');
  const signOver = (context: string, bytes: Uint8Array) =>
    sign(null, inContext(context, bytes), privateKey).toString('base64url');
  return {
    key: { id, public: raw.toString('base64url'), made: 1, by: [] },
    /** A file whose evidence was changed, sealed by the forger. */
    seal(file: Uint8Array, change: (bundle: EvidenceBundle) => EvidenceBundle): Uint8Array {
      const { rest, seal, bundle } = split(file);
      const text = Buffer.from(JSON.stringify(change(bundle)));
      const old = JSON.parse(seal) as ExportSeal;
      const made = {
        key: id,
        at: old.at,
        bundle: hash('sha256', text, 'base64url'),
        head: old.head,
        headBytes: old.headBytes,
      };
      const digest = hash('sha256', sealText(made), 'buffer');
      const sealed = JSON.stringify({ ...made, signature: signOver(EXPORT_CONTEXT, digest) });
      return Buffer.concat([rest, printEvidenceBox(sealed, text)]);
    },
    signBlock(block: EvidenceBlock) {
      const text = JSON.stringify(block);
      return { text, signature: signOver(BLOCK_CONTEXT, hash('sha256', text, 'buffer')), anchors: [] };
    },
  };
}

suite('the evidence of a file that was changed', () => {
  test('no intact file is refused, whatever its range', async () => {
    await using opened = await openRecorded();
    const random = seeded(1);
    for (let i = 0; i < FORGERIES; i++) {
      const fromUs = START_US + random(44 * S);
      const toUs = Math.min(fromUs + S + random(30 * S), START_US + 47 * S);
      if (fromUs >= gap.fromUs - 2 * S && toUs <= gap.toUs + 2 * S) continue;
      const report = await reportOn(await opened.exported({ fromUs, toUs }), [opened.keys.id]);
      assert.deepEqual(report.findings, [], `${fromUs} to ${toUs}`);
      assert.ok(report.ok && report.segments > 0);
    }
  });

  test('each flipped bit is found', async () => {
    await using opened = await openRecorded();
    const file = await opened.exported(RANGE);
    const random = seeded(2);
    for (let i = 0; i < FLIPS; i++) {
      const at = random(file.length);
      const bit = 1 << random(8);
      file[at]! ^= bit;
      assert.equal((await reportOn(file, [opened.keys.id])).ok, false, `bit ${bit} of byte ${at}`);
      file[at]! ^= bit;
    }
    assert.equal((await reportOn(file, [opened.keys.id])).ok, true);
  });

  test('each file that is cut off, or longer, is found', async () => {
    await using opened = await openRecorded();
    const file = await opened.exported(RANGE);
    const random = seeded(3);
    for (let i = 0; i < FORGERIES; i++) {
      const cut = file.subarray(0, random(file.length));
      assert.equal((await reportOn(cut)).ok, false, `${cut.length} bytes`);
      const longer = Buffer.concat([file, new Uint8Array(1 + random(100))]);
      assert.equal((await reportOn(longer)).ok, false, `${longer.length} bytes`);
    }
  });

  interface Tampering {
    readonly tamper: (groups: RecordedGroup[], random: (below: number) => number) => RecordedGroup[];
    /** What the report says. */
    readonly code: FindingCode;
  }
  const tampering: Readonly<Record<string, Tampering>> = {
    'that was dropped': {
      tamper: (groups, random) => groups.toSpliced(random(groups.length), 1),
      code: 'missing',
    },
    'that was dropped with those after it': {
      tamper: (groups, random) => groups.toSpliced(random(groups.length - 4), 1 + random(4)),
      code: 'missing',
    },
    'that was repeated': {
      tamper(groups, random) {
        const at = random(groups.length);
        return groups.toSpliced(at, 0, groups[at]!);
      },
      code: 'repeated',
    },
    'that was swapped with the next one': {
      tamper(groups, random) {
        const at = random(groups.length - 1);
        return groups.toSpliced(at, 2, groups[at + 1]!, groups[at]!);
      },
      code: 'order',
    },
    'with the media of another one': {
      tamper(groups, random) {
        const at = random(groups.length - 1);
        const { tracks, location } = groups[at + 1]!;
        return groups.toSpliced(at, 1, Object.assign({}, groups[at]!, { tracks, location }));
      },
      code: 'changed',
    },
    'without its sound': {
      tamper(groups, random) {
        const at = random(groups.length);
        const group = groups[at]!;
        return groups.toSpliced(at, 1, Object.assign({}, group, { tracks: group.tracks.slice(0, 1) }));
      },
      code: 'missing',
    },
  };
  for (const [name, { tamper, code }] of Object.entries(tampering)) {
    test(`a segment ${name} is found, also if the server itself seals the file`, async () => {
      await using opened = await openRecorded();
      const random = seeded(4);
      for (let i = 0; i < FORGERIES; i++) {
        const file = await opened.exportedWith({ groups: (groups) => tamper(groups, random) }, RANGE);
        const report = await reportOn(file, [opened.keys.id]);
        const codes = report.findings.map((finding) => finding.code);
        assert.ok(codes.includes(code), `attempt ${i}: ${codes.join()}`);
      }
    });
  }

  test('a segment that was cut, or has other pictures, is found, also if the server itself seals the file', async () => {
    const random = seeded(5);
    await using opened = await openRecorded();
    for (let i = 0; i < FORGERIES; i++) {
      await using forged = await openEvidenceRig();
      const at = 3 + random(15);
      const groups = media();
      const { msn, startUs, run, gaps } = groups[at]!;
      const durationUs = random(2) === 0 ? 2 * S : 1 * S;
      groups[at] = groupAt({ msn, startUs, durationUs, run: run.id, gaps, frameBytes: durationUs === S ? 64 : 65 });
      await forged.record(groups);
      const file = await forged.exportedWith({ proof: opened.evidence }, RANGE);
      assert.equal((await reportOn(file, [opened.keys.id])).ok, false, `attempt ${i}`);
    }
  });

  test('a forged chain is found', async () => {
    await using opened = await openRecorded();
    const file = await opened.exported(RANGE);
    const forger = openForger();
    const reforge = (bundle: EvidenceBundle, change: (block: EvidenceBlock) => EvidenceBlock, only?: number) => ({
      ...bundle,
      keys: [...bundle.keys, forger.key],
      blocks: bundle.blocks.map((signed, i) =>
        only === undefined || only === i ? forger.signBlock(change(JSON.parse(signed.text) as EvidenceBlock)) : signed,
      ),
    });
    const own = (block: EvidenceBlock) => ({ ...block, key: forger.key.id });
    const forgeries: Record<string, (bundle: EvidenceBundle) => EvidenceBundle> = {
      'a block less': (bundle) => ({ ...bundle, blocks: bundle.blocks.toSpliced(1, 1) }),
      'blocks in another order': (bundle) => ({ ...bundle, blocks: bundle.blocks.toReversed() }),
      'a block twice': (bundle) => ({ ...bundle, blocks: [bundle.blocks[0]!, ...bundle.blocks] }),
      'a block of the forger': (bundle) => reforge(bundle, own, 1),
      'a block of the forger under the name of the server': (bundle) => reforge(bundle, (block) => block, 1),
      'all blocks of the forger': (bundle) => reforge(bundle, own),
      'the key of the server replaced': (bundle) => {
        const [key, ...others] = bundle.keys;
        return { ...bundle, keys: [{ ...key!, public: forger.key.public }, ...others] };
      },
      'a changed text': (bundle) => ({
        ...bundle,
        blocks: bundle.blocks.map((signed) => ({
          ...signed,
          text: signed.text.replace('"detail"', '"details"').replace('404', '500'),
        })),
      }),
      'no blocks': (bundle) => ({ ...bundle, blocks: [] }),
      'no ranges': (bundle) => ({ ...bundle, ranges: [] }),
      'entries left out': (bundle) => ({
        ...bundle,
        ranges: bundle.ranges.map((range) => ({ ...range, entries: range.entries.toSpliced(2, 1) })),
      }),
    };
    for (const [name, forge] of Object.entries(forgeries)) {
      const report = await reportOn(forger.seal(file, forge), [opened.keys.id]);
      assert.equal(report.ok, false, name);
    }
    // Without a known key a chain of one forger is one chain: the report shows its key.
    const complete = await reportOn(forger.seal(file, (bundle) => reforge(bundle, own)));
    assert.deepEqual(
      complete.keys.map(({ id }) => id),
      [forger.key.id],
    );
  });
});
