import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { suite, test } from 'node:test';
import type { EvidenceBlock } from '@oxbow/media/evidence/block';
import { verifyChain } from '@oxbow/media/evidence/verify-chain';
import { printInit } from '@oxbow/media/isobmff/init';
import { nodeCrypto, openChains, openEvidenceRig } from '../../delivery/export/evidence.fixture.ts';
import { groupsFrom, initOf, openRig, type RecordingRig, START_US, temporaryFolder } from '../recording.fixture.ts';
import type { NewBlock } from './block-rows.ts';
import { EarlySeal } from './early-seal.ts';
import { rotateKeys } from './evidence-keys.ts';
import { StreamChain } from './stream-chain.ts';

const S = 1_000_000;
const STREAM = { id: 's', name: 'door' };
const ALL = { fromUs: 0, toUs: START_US + 3600 * S };

type Chains = Awaited<ReturnType<typeof openChains>>;

/** The blocks of a stream, and what verifying them says. */
async function read({ evidence, keys }: Pick<Chains, 'evidence' | 'keys'>, trusted: readonly string[] = [keys.id]) {
  const bundle = await evidence.bundle(STREAM, [ALL]);
  const chain = await verifyChain({ ...bundle!, ranges: [], configs: [] }, { crypto: nodeCrypto, trusted });
  return { ...chain, blocks: bundle!.blocks.map(({ text }) => JSON.parse(text) as EvidenceBlock) };
}

/** Writes groups to the recording, and hashes those for which it says so. */
async function record(rig: RecordingRig, chains: Chains, groups: ReturnType<typeof groupsFrom>, isHashed = true) {
  const sink = chains.evidence.sinkOf(STREAM);
  for (const group of groups) {
    rig.recorder.write(group);
    if (isHashed) sink.add(group);
  }
  while (!rig.recorder.isQuiet) await new Promise(setImmediate);
  return sink;
}

/** A process after one that was killed: three groups that it recorded are in no block. */
async function afterCrash(rig: RecordingRig): Promise<Chains> {
  const first = await openChains(rig);
  await record(rig, first, groupsFrom({ msn: 1, startUs: START_US }, 3));
  await first.evidence.seal('s');
  await record(rig, first, groupsFrom({ msn: 4, startUs: START_US + 6 * S }, 3), false);
  await rig.recorder.seal();
  const second = await openChains(rig);
  await rig.store.db
    .insertInto('init')
    .values({ stream_id: 's', number: 1, hash: '0', bytes: printInit(initOf().tracks) })
    .execute();
  return second;
}

suite('the chain of a stream', () => {
  test('continues after an orderly end with a declared break', async () => {
    await using rig = await openRig();
    const first = await openChains(rig);
    const sink = await record(rig, first, groupsFrom({ msn: 1, startUs: START_US }, 3));
    await sink.close();
    const second = await openChains(rig);
    const again = await record(rig, second, groupsFrom({ msn: 4, startUs: START_US + 6 * S }, 3));
    await again.close();
    const { blocks, findings, segments } = await read(second);
    assert.deepEqual(findings, []);
    assert.deepEqual(
      blocks.map(({ seq, begins, ends }) => [seq, begins, ends]),
      [
        [1, 'new', 1],
        [2, 'restart', 1],
      ],
    );
    assert.equal(segments.length, 6);
  });

  test('after a crash has the media of the process before, hashed from the disk', async () => {
    await using rig = await openRig();
    const second = await afterCrash(rig);
    await record(rig, second, groupsFrom({ msn: 7, startUs: START_US + 12 * S }, 2));
    await second.evidence.seal('s');
    const { blocks, findings, segments } = await read(second);
    assert.deepEqual(findings, []);
    assert.equal(blocks.at(-1)!.begins, 'crash');
    assert.deepEqual(
      segments.map(({ msn, late }) => [msn, late]),
      [1, 2, 3, 4, 5, 6, 7, 8].map((msn) => [msn, msn >= 4 && msn <= 6 ? 1 : undefined]),
    );
    // As if it had been hashed at once.
    await using other = await openEvidenceRig();
    await other.record(groupsFrom({ msn: 4, startUs: START_US + 6 * S }, 3));
    const expected = (await read(other)).segments;
    assert.deepEqual(
      segments.slice(3, 6).map(({ tracks }) => tracks),
      expected.map(({ tracks }) => tracks),
    );
  });

  test('continues on another node, whose key the first one vouches for', async () => {
    await using rig = await openRig();
    await using folder = await temporaryFolder();
    const first = await openChains(rig, rig.folder, 'a');
    const second = await openChains(rig, folder.path, 'b');
    await first.keys.share();
    const sink = await record(rig, first, groupsFrom({ msn: 1, startUs: START_US }, 3));
    await sink.close();
    await record(rig, second, groupsFrom({ msn: 4, startUs: START_US + 6 * S }, 3));
    await second.evidence.seal('s');
    const { blocks, findings } = await read(second, [first.keys.id]);
    assert.deepEqual(findings, []);
    assert.deepEqual(
      blocks.map(({ key, begins }) => [key, begins]),
      [
        [first.keys.id, 'new'],
        [second.keys.id, 'takeover'],
      ],
    );
    // A key that none of them vouches for is not accepted.
    assert.deepEqual(
      new Set((await read(second, [randomBytes(16).toString('base64url')])).findings.map(({ code }) => code)),
      new Set(['unknown-key']),
    );
  });

  test('whose last owner still writes has the blocks of both, each in its turn', async () => {
    await using rig = await openRig();
    const first = await openChains(rig);
    await record(rig, first, groupsFrom({ msn: 1, startUs: START_US }, 2));
    await first.evidence.seal('s');
    await record(rig, first, groupsFrom({ msn: 3, startUs: START_US + 4 * S }, 2));
    const second = await openChains(rig);
    await record(rig, second, groupsFrom({ msn: 5, startUs: START_US + 8 * S }, 2));
    await second.evidence.seal('s');
    await first.evidence.seal('s');
    const { blocks, findings, segments } = await read(second);
    assert.deepEqual(findings, []);
    assert.deepEqual(
      blocks.map(({ seq, begins }) => [seq, begins]),
      [
        [1, 'new'],
        [2, 'crash'],
        [3, 'crash'],
      ],
    );
    assert.equal(segments.length, 6);
  });

  test('continues under a key that the old one has signed, and whose private half is gone', async () => {
    await using rig = await openRig();
    const first = await openChains(rig);
    await (await record(rig, first, groupsFrom({ msn: 1, startUs: START_US }, 2))).close();
    const { keys } = await rotateKeys(rig.folder, { nowUs: START_US });
    assert.deepEqual(
      keys.map((key) => key.private !== undefined),
      [false, true],
    );
    const second = await openChains(rig);
    await record(rig, second, groupsFrom({ msn: 3, startUs: START_US + 4 * S }, 2));
    await second.evidence.seal('s');
    assert.equal((await read(second)).blocks.at(-1)!.begins, 'rotation');
    for (const trusted of [first.keys.id, second.keys.id]) {
      assert.deepEqual((await read(second, [trusted])).findings, [], 'each vouches for the other');
    }
    assert.equal((await stat(path.join(rig.folder, 'evidence-keys.json'))).mode & 0o777, 0o600);
  });

  test('has the media of a crashed process also where a note is signed before new media comes', async () => {
    await using rig = await openRig();
    const second = await afterCrash(rig);
    // A pass of retention comes first.
    second.evidence.note(STREAM, { what: 'expired', before: START_US - S, at: START_US + 60 * S });
    await second.evidence.seal('s');
    await record(rig, second, groupsFrom({ msn: 7, startUs: START_US + 12 * S }, 2));
    await second.evidence.seal('s');
    const { findings, segments } = await read(second);
    assert.deepEqual(findings, []);
    assert.deepEqual(
      segments.map(({ msn, late }) => [msn, late]),
      [1, 2, 3, 4, 5, 6, 7, 8].map((msn) => [msn, msn >= 4 && msn <= 6 ? 1 : undefined]),
    );
  });

  test('keeps what is noted while a block is stored for the next one', async () => {
    const added: NewBlock[] = [];
    const erased = { what: 'erased', from: 5, to: 6, at: 7 } as const;
    const chain = new StreamChain({
      stream: STREAM,
      rows: {
        head: async () => undefined,
        async add(_id, made) {
          if (added.length === 0) chain.note(erased);
          return added.push(made) > 0;
        },
      },
      keys: { id: 'k', isOwn: () => true, sign: () => '' },
      nowMs: () => 0,
      unhashed: async () => [],
    });
    chain.note({ what: 'expired', before: 1, at: 2 });
    await chain.seal();
    await chain.seal();
    assert.deepEqual(
      added.map(({ block }) => block.notes),
      [[{ what: 'expired', before: 1, at: 2 }], [erased]],
    );
  });

  test('signs the note of a deletion at once, so that a crash does not lose it', { timeout: 20_000 }, async () => {
    await using rig = await openRig();
    const chains = await openChains(rig);
    const sealed = new Promise<number>((resolve) => chains.evidence.sealed.subscribe(({ seq }) => resolve(seq)));
    chains.evidence.note(STREAM, { what: 'erased', from: START_US, to: START_US + S, at: START_US + 2 * S });
    assert.equal(await sealed, 1);
  });

  test('has a block once whose confirmation was lost', async () => {
    const stored: NewBlock[] = [];
    const head = () => {
      const last = stored.at(-1);
      if (!last) return undefined;
      const { block, hash } = last;
      return { seq: block.seq, hash, keyId: block.key, toUs: 0, block };
    };
    const chain = new StreamChain({
      stream: STREAM,
      rows: {
        head: async () => head(),
        async add(_id, made) {
          if (stored.some(({ block }) => block.seq === made.block.seq)) return false;
          stored.push(made);
          if (stored.length === 1) throw new Error('the connection ended after the commit');
          return true;
        },
      },
      keys: { id: 'k', isOwn: () => true, sign: () => '' },
      nowMs: () => stored.length,
      unhashed: async () => [],
    });
    for (const group of groupsFrom({ msn: 1, startUs: START_US }, 2)) {
      chain.add(Object.assign({}, group, { run: group.run.id }));
    }
    await assert.rejects(chain.seal());
    await chain.seal();
    assert.deepEqual(
      stored.flatMap(({ block }) => block.segments.map(({ msn }) => msn)),
      [1, 2],
    );
  });

  test('keeps what waits while the database fails, and says what it could not keep', async () => {
    await using rig = await openRig();
    const chains = await openChains(rig);
    const sink = chains.evidence.sinkOf(STREAM);
    for (const group of groupsFrom({ msn: 1, startUs: START_US, frameBytes: 1 }, 1005)) sink.add(group);
    await chains.evidence.seal('s');
    const { blocks, findings, segments } = await read(chains);
    assert.deepEqual(findings, []);
    assert.equal(segments.length, 1000);
    assert.ok(blocks.length > 1, 'no block is too large');
    const [note] = blocks.at(-1)!.notes;
    assert.deepEqual([note?.what, note?.what === 'unhashed' && note.from], ['unhashed', START_US + 2000 * S]);
  });

  test('is signed early at most once in a pause, for all that wait together', async () => {
    const closing = new AbortController();
    const seals: number[] = [];
    let nowMs = 0;
    const early = new EarlySeal({
      seal: async (untilUs) => seals.push(untilUs),
      everyMs: () => 20,
      monotonicMs: () => nowMs,
      signal: closing.signal,
    });
    const ask = (count: number) => Promise.all(Array.from({ length: count }, (_, i) => early.next(i)));
    await ask(50);
    await ask(50);
    assert.deepEqual(seals, [49, 49]);
    nowMs = -3600_000; // the next one is an hour away
    const waiting = ask(50);
    closing.abort();
    await assert.rejects(waiting, { name: 'AbortError' });
    assert.equal(seals.length, 2);
  });

  test('is signed early within ten seconds, however rare its blocks are', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    await using rig = await openRig();
    const { evidence } = await openChains(rig, rig.folder, '', { every: 24 * 3600_000 });
    const sink = evidence.sinkOf(STREAM);
    const signal = AbortSignal.timeout(10_000); // real time, only if it fails
    const [first, second] = groupsFrom({ msn: 1, startUs: START_US }, 2);
    const signed: Promise<number>[] = [];
    for (const group of [first!, second!]) {
      sink.add(group);
      signed.push(evidence.signUntil(STREAM.id, ALL.toUs, { signal }));
      t.mock.timers.tick(signed.length === 1 ? 0 : 10_000);
      assert.equal(await signed.at(-1), group.startUs + group.durationUs);
    }
  });

  test('whose block cannot be stored is reported once, however many wait for it', async () => {
    await using rig = await openRig();
    const failures: unknown[] = [];
    const { evidence } = await openChains(rig, rig.folder, '', { failed: (error) => failures.push(error) });
    evidence.sinkOf(STREAM).add(groupsFrom({ msn: 1, startUs: START_US }, 1)[0]!);
    await rig.store.db.schema.dropTable('evidence_block').execute();
    const { signal } = new AbortController();
    const wait = () => evidence.signUntil(STREAM.id, ALL.toUs, { signal });
    assert.deepEqual(await Promise.all([wait(), wait(), wait()]), Array(3).fill(Number.POSITIVE_INFINITY));
    assert.equal(failures.length, 1);
  });
});
