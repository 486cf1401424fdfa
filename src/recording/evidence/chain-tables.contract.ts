/**
 * The contract of the tables of evidence: blocks of chains, keys and their vouchers.
 * In: a way to open an empty database. Out: tests; each database's test file runs this suite.
 */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { EvidenceBlock } from '@oxbow/media/evidence/block';
import { soleRows } from '../../store/shards/stream-rows.ts';
import type { OpenDatabase } from '../../store/store.fixture.ts';
import { temporaryFolder } from '../recording.fixture.ts';
import { BlockRows } from './block-rows.ts';
import { EvidenceKeys } from './evidence-keys.ts';

/** µs beyond 2^50. */
const START_US = 1_794_999_600_000_000;
const MINUTE_US = 60_000_000;

/** The block of a minute. */
function blockAt(seq: number, change: Partial<EvidenceBlock> = {}) {
  const from = START_US + seq * MINUTE_US;
  const segment = { msn: seq, run: 1, init: 1, from, duration: MINUTE_US, tracks: [] };
  const base = {
    v: 1,
    stream: 's',
    name: 'door 门',
    seq,
    prev: `h${seq - 1}`,
    at: from + MINUTE_US,
    key: 'k',
  } as const;
  const block: EvidenceBlock = Object.assign({ inits: [], segments: [segment], notes: [] }, base, change);
  return { block, text: JSON.stringify(block), hash: `h${seq}`, signature: `s${seq}` };
}

/** Every database runs this suite. */
export function chainTablesContract(name: string, open: OpenDatabase): void {
  suite(`the tables of evidence on ${name}`, () => {
    const read = async (rows: BlockRows, fromMinute: number, toMinute: number) =>
      (
        await Array.fromAsync(rows.between('s', START_US + fromMinute * MINUTE_US, START_US + toMinute * MINUTE_US))
      ).map(({ seq }) => seq);

    test('a block is stored once, and read as it was', async () => {
      await using database = await open();
      const rows = new BlockRows(soleRows(database.db));
      assert.equal(await rows.head('s'), undefined);
      assert.equal(await rows.add('s', blockAt(1)), true);
      assert.equal(await rows.add('s', { ...blockAt(1), hash: 'other' }), false, 'of two processes one continues');
      await rows.add('s', blockAt(2, { segments: [], ends: 1 }));
      const { block, ...head } = (await rows.head('s'))!;
      assert.deepEqual(head, { seq: 2, hash: 'h2', keyId: 'k', toUs: START_US + 2 * MINUTE_US });
      assert.equal(block.ends, 1);
      const [first] = await Array.fromAsync(rows.between('s', START_US + MINUTE_US, START_US + 2 * MINUTE_US));
      assert.deepEqual(first, { seq: 1, text: blockAt(1).text, signature: 's1', anchors: [] });
    });

    test('a range has its blocks, those between them, and later ones about its media', async () => {
      await using database = await open();
      const rows = new BlockRows(soleRows(database.db));
      for (const seq of [1, 2, 3, 4, 5]) await rows.add('s', blockAt(seq, seq === 3 ? { segments: [] } : {}));
      const erased = { what: 'erased', from: START_US + 2 * MINUTE_US, to: START_US + 3 * MINUTE_US, at: 1 } as const;
      await rows.add('s', blockAt(6, { segments: [], notes: [erased] }));
      const healed = { ...blockAt(1).block.segments[0]!, healed: 1 as const };
      await rows.add('s', blockAt(7, { segments: [healed] }));
      assert.deepEqual(await read(rows, 2, 5), [2, 3, 4, 5, 6]);
      assert.deepEqual(await read(rows, 1, 2), [1, 2, 7]);
      assert.deepEqual(await read(rows, 5, 9), [5]);
      assert.deepEqual(await read(rows, 20, 30), []);
    });

    test('a range that ends in media that was filled in has the record of what follows, which has the gap', async () => {
      await using database = await open();
      const rows = new BlockRows(soleRows(database.db));
      for (const seq of [1, 2, 6, 7]) await rows.add('s', blockAt(seq));
      const healed = { ...blockAt(4).block.segments[0]!, healed: 1 as const };
      await rows.add('s', blockAt(8, { segments: [healed] }));
      assert.deepEqual(await read(rows, 2, 4.5), [2, 6, 8]);
      assert.deepEqual(await read(rows, 4, 4.5), [6, 8], 'and one that is in it');
      assert.deepEqual(await read(rows, 2, 3), [2], 'others have none');
    });

    test('an anchor is added to its block', async () => {
      await using database = await open();
      const rows = new BlockRows(soleRows(database.db));
      await rows.add('s', blockAt(1));
      for (const place of ['bucket', 'rfc3161'])
        await rows.anchor('s', 1, { place, at: START_US, root: 'r', path: [] });
      const [block] = await Array.fromAsync(rows.between('s', START_US, START_US + 9 * MINUTE_US));
      assert.deepEqual(
        block!.anchors.map(({ place, at }) => [place, at]),
        [
          ['bucket', START_US],
          ['rfc3161', START_US],
        ],
      );
      await rows.add('s', blockAt(2));
      const newest = await rows.newest('s', 0);
      assert.deepEqual(
        newest.map(({ seq, hash, places }) => [seq, hash, places]),
        [
          [1, 'h1', ['bucket', 'rfc3161']],
          [2, 'h2', []],
        ],
      );
      assert.equal((await rows.newest('s', START_US + 3 * MINUTE_US)).length, 1, 'older ones are left out');
    });

    test('nodes that share a database vouch for each other', async () => {
      await using database = await open();
      await using folders = new AsyncDisposableStack();
      const nodes: EvidenceKeys[] = [];
      for (const node of ['a', 'b', 'c']) {
        const { path } = folders.use(await temporaryFolder());
        nodes.push(await EvidenceKeys.open(path, database.db, { node, nowUs: START_US + nodes.length }));
      }
      for (const node of nodes) await node.share();
      const all = await nodes[0]!.all();
      assert.deepEqual(
        all.map(({ id, by }) => [id, by.length]),
        nodes.map(({ id }) => [id, 2]),
      );
    });
  });
}
