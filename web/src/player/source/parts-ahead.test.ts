import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FragmentLoaderContext, HlsConfig, LoaderCallbacks, LoaderConfiguration, Part } from 'hls.js';
import { MOST_AHEAD, partsAhead } from './parts-ahead.ts';

type Callbacks = LoaderCallbacks<FragmentLoaderContext>;

/** What hls.js loads with; the test answers. */
class FakeLoader {
  readonly stats = { aborted: false, loaded: 0, total: 0, bwEstimate: 0, loading: { start: 0, first: 0, end: 0 } };
  context: FragmentLoaderContext | null = null;
  destroyed = false;
  callbacks!: Callbacks;
  readonly #all: FakeLoader[];

  constructor(all: FakeLoader[]) {
    this.#all = all;
  }

  load(context: FragmentLoaderContext, _config: LoaderConfiguration, callbacks: Callbacks): void {
    Object.assign(this, { context, callbacks });
    this.stats.loading.start = 1; // long before hls.js requests it
    this.#all.push(this);
  }

  abort(): void {
    this.callbacks.onAbort?.(this.stats as never, this.context!, null);
  }

  destroy(): void {
    this.destroyed = true;
  }

  answer(atMs: number): void {
    const { stats, context } = this;
    Object.assign(stats.loading, { first: atMs, end: atMs });
    stats.loaded = stats.total = 4;
    this.callbacks.onSuccess(
      { url: context!.url, data: new ArrayBuffer(4), code: 200 },
      stats as never,
      context!,
      null,
    );
  }

  fail(): void {
    this.callbacks.onError({ code: 503, text: '' }, this.context!, null, this.stats as never);
  }
}

/** A playlist with eight parts, and an hls.js. */
function open() {
  const requests: FakeLoader[] = [];
  const config = {
    loader: class {
      constructor() {
        // biome-ignore lint/correctness/noConstructorReturn: the test keeps it
        return new FakeLoader(requests);
      }
    },
  } as unknown as HlsConfig;
  const parts = Array.from({ length: 8 }, (_, n) => ({ url: `/p${n}.m4s`, gap: false, byteRange: [], index: n }));
  const PartLoader = partsAhead(() => parts as unknown as Part[]);
  /** hls.js requests a part, or a whole segment. */
  const load = (n: number | 'segment', query = '') => {
    const part = n === 'segment' ? null : parts[n]!;
    const loader = new PartLoader(config);
    const outcome = { is: '', loader, startMs: 0 };
    const url = `${part?.url ?? '/s.m4s'}${query}`;
    loader.load(
      { url, part, responseType: 'arraybuffer' } as unknown as FragmentLoaderContext,
      {} as LoaderConfiguration,
      {
        onSuccess: (_response, stats) => Object.assign(outcome, { is: 'loaded', startMs: stats.loading.start }),
        onError: () => Object.assign(outcome, { is: 'failed' }),
        onTimeout: () => Object.assign(outcome, { is: 'late' }),
        onAbort: () => Object.assign(outcome, { is: 'aborted' }),
      },
    );
    return outcome;
  };
  const urls = () => requests.filter(({ destroyed }) => !destroyed).map(({ context }) => context!.url);
  return { requests, load, urls };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

test('while hls.js waits for a part, the next ones of the playlist are requested too, each once', async () => {
  const { requests, load, urls } = open();
  load(0);
  assert.deepEqual(
    urls().sort(),
    Array.from({ length: 1 + MOST_AHEAD }, (_, n) => `/p${n}.m4s`),
  );
  for (const request of [...requests]) request.answer(200);
  const second = load(1);
  await turn();
  assert.equal(second.is, 'loaded');
  assert.equal(urls().filter((url) => url === '/p1.m4s').length, 1);
  assert.equal(urls().at(-1), `/p${1 + MOST_AHEAD}.m4s`);
});

test('a part that is under way is passed on when it arrives', async () => {
  const { requests, load } = open();
  load(0);
  const second = load(1);
  await turn();
  assert.equal(second.is, '');
  requests.find(({ context }) => context!.url === '/p1.m4s')!.answer(300);
  await turn();
  assert.equal(second.is, 'loaded');
});

test('the time of a part begins when hls.js requests it: several at a time share the bandwidth', async () => {
  const { requests, load } = open();
  load(0);
  const requestedMs = performance.now();
  const second = load(1);
  const arrivedMs = performance.now() + 100;
  for (const request of [...requests]) request.answer(arrivedMs);
  await turn();
  assert.ok(second.startMs >= requestedMs && second.startMs < arrivedMs, `${second.startMs}`);
});

test('a part that could not be loaded early is requested again, and its failure is that of hls.js', async () => {
  const { requests, load } = open();
  load(0);
  requests.find(({ context }) => context!.url === '/p1.m4s')!.fail();
  const second = load(1);
  await turn();
  assert.equal(second.is, '');
  requests.at(-1)!.fail();
  assert.equal(second.is, 'failed');
});

test('after a seek the parts that are no longer next are given up', () => {
  const { load, urls } = open();
  load(0);
  load(5);
  assert.deepEqual(urls(), ['/p0.m4s', '/p5.m4s', '/p6.m4s', '/p7.m4s']);
  load('segment');
  assert.deepEqual(urls(), ['/p0.m4s', '/p5.m4s', '/s.m4s']);
});

test('an end of the loading ends the requests, and hls.js is notified once', async () => {
  const { load, urls, requests } = open();
  load(0);
  const second = load(1);
  second.loader.abort();
  second.loader.destroy();
  assert.equal(second.is, 'aborted');
  assert.deepEqual(urls(), ['/p0.m4s']);
  for (const request of requests) request.answer(300);
  await turn();
  assert.equal(second.is, 'aborted');
});

test('CMCD in the query is that of the part before', () => {
  const { load, urls } = open();
  load(6, '?CMCD=sid%3D1');
  assert.deepEqual(urls(), ['/p6.m4s?CMCD=sid%3D1', '/p7.m4s?CMCD=sid%3D1']);
});
