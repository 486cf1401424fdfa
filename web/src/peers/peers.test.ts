import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mock, suite, test } from 'node:test';
import type { FragmentLoaderContext, HlsConfig, LevelDetails, Loader, LoaderCallbacks } from 'hls.js';
import type { Core, EngineCallbacks, Segment } from 'p2p-media-loader-core';
import { Checksums, segmentOf } from './checksums.ts';
import { isElected } from './election.ts';
import { follow, renditionOf, segmentLoader } from './segment-loader.ts';
import { maySend, SegmentStore } from './segment-store.ts';

const address = (msn: number) => `https://tv.example/live/door/v0/${msn}.m4s`;
const bytesOf = (text: string) => new TextEncoder().encode(text).buffer as ArrayBuffer;

test('of pages that know each other one loads a segment, each about as often', () => {
  const pages = Array.from({ length: 5 }, (_, at) => `-PM0203-${'abcdefgh'[at]}${at}xyzxyzxyz`);
  const counts = new Map(pages.map((page) => [page, 0]));
  for (let msn = 872_757_900; msn < 872_758_900; msn++) {
    const elected = pages.filter((own) =>
      isElected(
        own,
        pages.filter((peer) => peer !== own),
        msn,
      ),
    );
    assert.equal(elected.length, 1, `${msn}`);
    counts.set(elected[0]!, counts.get(elected[0]!)! + 1);
  }
  for (const [page, count] of counts) assert.ok(count > 130 && count < 270, `${page}: ${count} of 1000`);
  assert.ok(isElected('alone', [], 1));
});

suite('checksums', () => {
  const sha = (text: string) => createHash('sha256').update(text).digest('base64');
  /** @param items in the answer; null: the server does not answer */
  function open(items: (() => object[]) | null) {
    const asked: string[] = [];
    const checksums = new Checksums(async (url) => {
      asked.push(String(url));
      if (!items) throw new TypeError('no network');
      return Response.json({ items: items() });
    });
    return { checksums, asked };
  }

  test('bytes are compared with what the server says, which is requested once', async () => {
    const { checksums, asked } = open(() => [{ msn: 7, length: 5, sha256: sha('seven') }]);
    assert.equal(await checksums.compare(address(7), bytesOf('seven')), 'right');
    assert.equal(await checksums.compare(address(7), bytesOf('sevem')), 'wrong');
    assert.equal(await checksums.compare(address(7), bytesOf('seven!')), 'wrong');
    assert.deepEqual(asked, ['/api/v1/streams/door/peers/digests?rendition=v0&from=7']);
  });

  test('nothing is known of what the server does not say, and it is asked again', async () => {
    const gone = open(() => []);
    for (const _ of [1, 2]) assert.equal(await gone.checksums.compare(address(7), bytesOf('seven')), 'unknown');
    assert.equal(gone.asked.length, 2);
    assert.equal(await open(null).checksums.compare(address(7), bytesOf('seven')), 'unknown');
    assert.equal(await gone.checksums.compare('https://tv.example/other', bytesOf('x')), 'unknown');
  });

  test('segments are named by their addresses', () => {
    assert.deepEqual(segmentOf(`${address(7)}?CMCD=x`), { stream: 'door', rendition: 'v0', msn: 7 });
    for (const other of ['7.1.m4s', 'init-1.mp4', 'k1/7.m4s']) {
      assert.equal(segmentOf(`https://tv.example/live/door/v0/${other}`), null, other);
    }
    assert.equal(renditionOf('https://tv.example/live/door/v0-360/g12.m3u8?_HLS_msn=3'), 'v0-360 g12');
  });
});

test('a page keeps the newest segments, within its bounds', async () => {
  const store = new SegmentStore();
  const changes: string[] = [];
  store.setSegmentChangeCallback((stream) => changes.push(stream));
  for (let msn = 0; msn < 50; msn++) await store.storeSegment('', 'a', msn, new ArrayBuffer(10));
  await store.storeSegment('', 'a', 49, new ArrayBuffer(10));
  assert.deepEqual([store.getStoredSegmentIds('', 'a').at(0), store.getStoredSegmentIds('', 'a').length], [10, 40]);
  assert.equal(changes.length, 50);
  await store.storeSegment('', 'b', 1, new ArrayBuffer(65 * 1024 * 1024));
  assert.deepEqual(store.getStoredSegmentIds('', 'a'), []);
  assert.ok(store.hasSegment('', 'b', 1), 'the newest is kept whatever its size is');
});

test('a page sends a bounded multiple of what it has loaded', () => {
  const mib = 1024 * 1024;
  assert.ok(maySend(0, 64 * mib));
  assert.ok(!maySend(0, 65 * mib));
  assert.ok(maySend(10 * mib, 144 * mib));
  assert.ok(!maySend(10 * mib, 145 * mib));
});

suite('the loader of hls.js', () => {
  /** A loader of segments that does nothing until the test says so. */
  function open(untilS = 10, isRequested = false) {
    const known = new Map<string, Segment>();
    const wanted: EngineCallbacks[] = [];
    const aborted: string[] = [];
    const core = {
      addStreamIfNoneExists() {},
      getStream: () => ({ segments: known }),
      updateStream(_: string, added: Segment[], gone: Iterable<string>) {
        for (const each of added) known.set(each.runtimeId, each);
        for (const each of gone) known.delete(each);
      },
      hasSegment: (id: string) => known.has(id),
      loadSegment: async (_: string, callbacks: EngineCallbacks) => void wanted.push(callbacks),
      abortSegmentLoading: (id: string) => void aborted.push(id),
    } as unknown as Core;
    const plain: string[] = [];
    class Plain {
      stats = { loading: {} };
      load({ url }: FragmentLoaderContext) {
        plain.push(url);
      }
      abort() {}
      destroy() {}
    }
    const SegmentLoader = segmentLoader(core, { untilS: () => untilS, isRequested: () => isRequested });
    const loaded: unknown[] = [];
    const load = (url: string, more: object = {}) => {
      const loader = new SegmentLoader({ loader: Plain } as unknown as HlsConfig) as Loader<FragmentLoaderContext>;
      const context = Object.assign({ url, frag: { url, sn: 7, start: 14 }, part: null }, more);
      const callbacks = { onSuccess: ({ data }: { data: unknown }) => loaded.push(data) };
      loader.load(
        context as unknown as FragmentLoaderContext,
        {} as never,
        callbacks as unknown as LoaderCallbacks<FragmentLoaderContext>,
      );
      return loader;
    };
    const list = (...msns: number[]) =>
      follow(core, {
        url: 'https://tv.example/live/door/v0/g1.m3u8',
        fragments: msns.map((sn) => ({ url: address(sn), sn, start: sn * 2, end: sn * 2 + 2 })),
      } as unknown as LevelDetails);
    return { list, load, wanted, plain, loaded, aborted, known };
  }

  test('listed segments are loaded by it; Parts and unknown addresses are not', () => {
    const { list, load, wanted, plain, loaded, known } = open();
    list(5, 6, 7);
    list(6, 7, 8);
    assert.deepEqual(
      [...known.values()].map(({ externalId }) => externalId),
      [6, 7, 8],
    );
    load(address(9));
    load(address(7), { part: { url: address(7) } });
    assert.deepEqual(plain, [address(9), address(7)]);
    const loader = load(address(7));
    assert.deepEqual([wanted.length, plain.length], [1, 2]);
    const data = bytesOf('seven');
    wanted[0]!.onSuccess({ data, bandwidth: 1_000_000 });
    assert.deepEqual(loaded, [data]);
    loader.destroy();
  });

  test('what it cannot load is loaded plainly, but for what hls.js has ended', () => {
    const { list, load, wanted, plain, aborted } = open();
    list(7);
    const failed = load(address(7));
    wanted[0]!.onError({ type: 'failed' } as never);
    assert.deepEqual(plain, [address(7)]);
    failed.destroy();
    load(address(7)).abort();
    wanted[1]!.onError({ type: 'aborted' } as never);
    assert.deepEqual([plain.length, aborted], [1, [address(7)]]);
  });

  test('when time runs out and no one sends it, the segment is loaded plainly', () => {
    mock.timers.enable({ apis: ['setInterval'] });
    try {
      const late = open(0.5);
      late.list(7);
      late.load(address(7));
      mock.timers.tick(250);
      assert.deepEqual([late.plain, late.aborted], [[address(7)], [address(7)]]);
      late.wanted[0]!.onSuccess({ data: bytesOf('late'), bandwidth: 1 });
      assert.deepEqual(late.loaded, [], 'only one of them counts');
      const [early, requested] = [open(5), open(0.5, true)];
      for (const each of [early, requested]) {
        each.list(7);
        const loader = each.load(address(7));
        mock.timers.tick(1000);
        assert.deepEqual(each.plain, []);
        loader.destroy();
      }
    } finally {
      mock.timers.reset();
    }
  });
});
