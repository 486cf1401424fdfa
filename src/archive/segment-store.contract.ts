/**
 * The contract of SegmentStore, for every engine.
 * In: a way to open an empty store. Out: tests; each engine's test file runs this suite.
 */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { type SegmentLocation, type SegmentStore, segmentLocation, segmentPrefix } from './segment-store.ts';

export interface StoreUnderTest extends AsyncDisposable {
  readonly store: SegmentStore;
  /** A store with what a crash of the process leaves at worst; what was synced is in it. */
  crash(): Promise<SegmentStore>;
}

const text = (value: string): Uint8Array => Buffer.from(value);
const A = segmentLocation('recordings/s/2026/11/21/15/a.mp4');
const everything = { offset: 0, length: 1000 };

async function textOf(store: SegmentStore, location: SegmentLocation, range = everything): Promise<string> {
  return Buffer.from(await store.read(location, range)).toString();
}

async function listOf(store: SegmentStore, ...args: Parameters<SegmentStore['list']>): Promise<string[]> {
  return Array.fromAsync(store.list(...args));
}

/** Every engine runs this suite. */
export function segmentStoreContract(name: string, open: () => Promise<StoreUnderTest>): void {
  suite(`media stored in ${name}`, () => {
    test('a range has exactly its bytes, fewer at the end of the object, and none after it', async () => {
      await using tested = await open();
      const { store } = tested;
      await store.put(A, text('0123456789'));
      assert.equal(await textOf(store, A, { offset: 3, length: 4 }), '3456');
      assert.equal(await textOf(store, A, { offset: 8, length: 4 }), '89');
      assert.equal(await textOf(store, A, { offset: 10, length: 1 }), '');
      assert.equal(await textOf(store, A, { offset: 99, length: 1 }), '');
      assert.equal(await store.size(A), 10);
    });

    test('what was read stays as it was when the object changes', async () => {
      await using tested = await open();
      const { store } = tested;
      await using writer = await store.create(A, [text('open')], { sync: false });
      const before = await store.read(A, everything);
      await writer.patch(0, text('seal'));
      assert.equal(Buffer.from(before).toString(), 'open');
      assert.equal(await textOf(store, A), 'seal');
    });

    test('a location without an object is `gone`, for reading, its size and reopening, and deleting it does nothing', async () => {
      await using tested = await open();
      const { store } = tested;
      const gone = { name: 'OxbowError', code: 'gone' };
      await assert.rejects(store.read(A, everything), gone);
      await assert.rejects(store.size(A), gone);
      await assert.rejects(store.reopen(A), gone);
      await store.delete(A);
      await store.delete(segmentPrefix('recordings/s'));
      assert.deepEqual(await listOf(store, segmentPrefix('recordings')), []);
      assert.deepEqual(await store.folders(segmentPrefix('recordings')), []);
      await store.put(A, text('a'));
      await assert.rejects(store.read(segmentLocation(`${A}/below`), everything), gone);
    });

    test('lists what has the prefix in the order of the locations, from one and up to another', async () => {
      await using tested = await open();
      const { store } = tested;
      const names = ['r/a/2/x', 'r/a/10/y', 'r/a/2.json', 'r/a/2/1/z', 'r/ab/1', 'r/b/1', 'q/1'].map(segmentLocation);
      for (const location of names) await store.put(location, text('x'));
      const sorted = ['r/a/10/y', 'r/a/2.json', 'r/a/2/1/z', 'r/a/2/x'];
      assert.deepEqual(await listOf(store, segmentPrefix('r/a')), sorted);
      assert.deepEqual(await listOf(store, segmentPrefix('r')), [...sorted, 'r/ab/1', 'r/b/1']);
      for (let from = 0; from < sorted.length; from++) {
        for (let to = from; to < sorted.length; to++) {
          const range = { from: sorted[from]!, to: sorted[to]! };
          assert.deepEqual(
            await listOf(store, segmentPrefix('r/a'), range),
            sorted.slice(from, to),
            `${from} to ${to}`,
          );
        }
      }
      assert.deepEqual(await listOf(store, segmentPrefix('r/a'), { from: 'r/a/2/0', to: 'r/a/20' }), sorted.slice(2));
      assert.deepEqual(await listOf(store, names[0]!), ['r/a/2/x']);
      assert.deepEqual(await store.folders(segmentPrefix('r')), ['a', 'ab', 'b']);
      assert.deepEqual(await store.folders(segmentPrefix('r/a')), ['10', '2']);
    });

    test('deletes one object, or everything with a prefix and nothing else', async () => {
      await using tested = await open();
      const { store } = tested;
      for (const name of ['r/a/1/x', 'r/a/1/y', 'r/a/2/z', 'r/ab/1/x'])
        await store.put(segmentLocation(name), text('x'));
      await store.delete(segmentLocation('r/a/1/x'));
      assert.deepEqual(await listOf(store, segmentPrefix('r')), ['r/a/1/y', 'r/a/2/z', 'r/ab/1/x']);
      await store.delete(segmentPrefix('r/a'));
      assert.deepEqual(await listOf(store, segmentPrefix('r')), ['r/ab/1/x']);
      assert.deepEqual(await store.folders(segmentPrefix('r')), ['ab']);
    });

    test('an object that is deleted while it is read gives its bytes or is gone, and is gone afterwards', async () => {
      await using tested = await open();
      const { store } = tested;
      await store.put(A, text('bytes'));
      assert.equal(await textOf(store, A), 'bytes');
      const reading = textOf(store, A).catch((error: { code?: unknown }) => error.code);
      await store.delete(A);
      assert.ok(['bytes', 'gone'].includes((await reading) as string));
      await assert.rejects(store.read(A, everything), { code: 'gone' });
      await store.put(A, text('again'));
      assert.equal(await textOf(store, A), 'again');
    });

    test('an object is put whole or not at all, and the old one is there until then', async () => {
      await using tested = await open();
      const { store } = tested;
      const B = segmentLocation('exports/b.mp4');
      const half = async (write: (bytes: Uint8Array) => Promise<void>) => {
        await write(text('new '));
        assert.deepEqual(await listOf(store, segmentPrefix('exports')), before);
        throw new Error('the encoder failed');
      };
      let before: string[] = [];
      await assert.rejects(store.put(B, half), /the encoder failed/);
      await assert.rejects(store.read(B, everything), { code: 'gone' });
      await store.put(B, text('old'));
      before = [B];
      await assert.rejects(store.put(B, half), /the encoder failed/);
      assert.equal(await textOf(store, B), 'old');
      await store.put(B, async (write) => {
        await write(text('new '));
        assert.equal(await textOf(store, B), 'old');
        await write(text('one'));
      });
      assert.equal(await textOf(store, B), 'new one');
      assert.equal(await textOf(await tested.crash(), B), 'new one');
    });

    test('a sweep takes neither whole objects nor a put that is under way', async () => {
      await using tested = await open();
      const { store } = tested;
      const [a, b] = ['exports/a', 'exports/b'].map(segmentLocation) as [SegmentLocation, SegmentLocation];
      await store.put(a, text('whole'));
      await store.put(b, async (write) => {
        await write(text('ha'));
        await store.sweep(segmentPrefix('exports'));
        await write(text('lf'));
      });
      assert.deepEqual([await textOf(store, a), await textOf(store, b)], ['whole', 'half']);
    });

    test('a writer appends, patches and cuts, and readers see it at once', async () => {
      await using tested = await open();
      const { store } = tested;
      await using writer = await store.create(A, [text('he'), text('ad')], { sync: true });
      assert.deepEqual([writer.location, writer.length], [A, 4]);
      assert.equal(await textOf(store, A), 'head');
      await writer.append([text('one'), text(''), text('two')]);
      assert.deepEqual([writer.length, await textOf(store, A)], [10, 'headonetwo']);
      await writer.patch(1, text('EA'));
      await writer.truncate(7);
      await writer.append([text('!')]);
      assert.deepEqual([writer.length, await textOf(store, A), await store.size(A)], [8, 'hEAdone!', 8]);
      assert.deepEqual(await listOf(store, segmentPrefix('recordings/s')), [A]);
      await writer.finish();
      await writer.close();
      await writer.close();
      await assert.rejects(writer.append([text('more')]));
      assert.equal(await textOf(store, A), 'hEAdone!');
    });

    test('an object is created once', async () => {
      await using tested = await open();
      const { store } = tested;
      await (await store.create(A, [text('first')], { sync: false })).finish();
      await assert.rejects(store.create(A, [text('second')], { sync: false }));
      assert.equal(await textOf(store, A), 'first');
    });

    test('what was synced survives a crash, and the object can be reopened at its end', async () => {
      await using tested = await open();
      const { store } = tested;
      const writer = await store.create(A, [text('head')], { sync: true });
      await writer.append([text(' one')]);
      await writer.sync();
      await writer.append([text(' two')]);
      const left = await tested.crash();
      assert.match(await textOf(left, A), /^head one/);
      await writer.close();
      await using again = await left.reopen(A);
      assert.equal(again.length, await left.size(A));
      await again.truncate(8);
      await again.append([text(' repaired')]);
      await again.sync();
      await again.finish();
      assert.equal(await textOf(left, A), 'head one repaired');
    });

    test('an aborted operation rejects with the reason of the signal, and leaves the store as it was', async () => {
      await using tested = await open();
      const { store } = tested;
      await store.put(A, text('bytes'));
      const aborted = { signal: AbortSignal.abort(new Error('the server stops')) };
      const stops = /the server stops/;
      const B = segmentLocation('recordings/s/b');
      await assert.rejects(store.read(A, everything, aborted), stops);
      await assert.rejects(store.size(A, aborted), stops);
      await assert.rejects(store.folders(segmentPrefix('recordings'), aborted), stops);
      await assert.rejects(listOf(store, segmentPrefix('recordings'), aborted), stops);
      await assert.rejects(store.delete(A, aborted), stops);
      await assert.rejects(store.create(B, [text('x')], { sync: false, ...aborted }), stops);
      await assert.rejects(store.reopen(A, aborted), stops);
      await assert.rejects(store.put(B, text('x'), aborted), stops);
      const late = new AbortController();
      const writes = store.put(
        B,
        async (write) => {
          await write(text('x'));
          late.abort(new Error('the server stops'));
        },
        { signal: late.signal },
      );
      await assert.rejects(writes, stops);
      assert.deepEqual(await listOf(store, segmentPrefix('recordings')), [A]);
    });

    test('a closed store rejects reads', async () => {
      await using tested = await open();
      await tested.store.put(A, text('bytes'));
      const reading = textOf(tested.store, A);
      await tested.store[Symbol.asyncDispose]();
      assert.equal(await reading, 'bytes');
      await assert.rejects(tested.store.read(A, everything), { name: 'RangeError' });
    });
  });
}
