/**
 * Playlists whose EXT-X-TARGETDURATION is wrong, and what their lists do besides: they slide fast, go back,
 * end and return.
 */
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { need } from '../../../test/fixtures/need.ts';
import { FPS, listOf, makeMedia, type Pull, pull, removeMedia } from './pull.fixture.ts';

/** Segments of the source. */
const COUNT = 12;
/** In its list at once. */
const WINDOW = 3;
/** When a list is loaded until its last segment is out, ms after the first time. */
const ONCE_IN_1500_MS = [0, 1500, 3000, 4500, 6000, 7500, 9000, 10_500];

/** A list of `WINDOW` segments that moves with time. */
class Source {
  /** When it was first printed, monotonic ms. */
  #began: number | undefined;
  /** When it was printed, ms after the first time. */
  readonly printedAtMs: number[] = [];
  /** Number of the newest segment. */
  newest: number = WINDOW - 1;
  readonly #folder: string;
  readonly #segmentS: number;
  readonly #last: number;

  constructor(folder: 'short' | 'long', segmentS: number, last: number) {
    this.#folder = folder;
    this.#segmentS = segmentS;
    this.#last = last;
  }

  get isOver(): boolean {
    return this.newest === this.#last;
  }

  /** @param targetS what its TARGETDURATION says */
  print(targetS: number, { move = true, back = 0, end = this.isOver } = {}): string {
    this.#began ??= performance.now();
    const nowMs = performance.now() - this.#began;
    this.printedAtMs.push(nowMs);
    if (move) this.newest = Math.min(this.#last, WINDOW - 1 + Math.floor(nowMs / 1000 / this.#segmentS));
    const newest = this.newest - back;
    const first = Math.max(0, newest - WINDOW + 1);
    const segments = Array.from({ length: newest - first + 1 }, (_, i) => `${this.#folder}/seg${first + i}.ts`);
    return listOf({ segments, first, end })
      .replace('TARGETDURATION:1', `TARGETDURATION:${targetS}`)
      .replaceAll('EXTINF:1.000', `EXTINF:${this.#segmentS}.000`);
  }
}

/** Every picture of the source was published once, in order, in one run, and nothing is missing. */
function assertComplete({ input }: Pull, seconds: number): void {
  assert.deepEqual(input.absences, []);
  assert.equal(input.videoFrames, seconds * FPS);
  assert.equal(input.runs.length, 1);
}

suite('a list whose TARGETDURATION is wrong', { skip: need('ffmpeg') }, () => {
  before(async () => {
    await makeMedia({
      short: { seconds: COUNT, segmentS: 1, audio: 'none', size: '64x64' },
      long: { seconds: 4 * 4, segmentS: 4, audio: 'none', size: '64x64' },
    });
  });
  after(removeMedia);

  for (const targetS of [10, 600]) {
    test(`three segments of one second, TARGETDURATION ${targetS}: all are published`, async () => {
      const source = new Source('short', 1, COUNT - 1);
      await using p = await pull('/live.m3u8', {}, (origin) => origin.put('/live.m3u8', () => source.print(targetS)));
      await p.end();
      assertComplete(p, COUNT);
      assert.deepEqual(source.printedAtMs, ONCE_IN_1500_MS, 'half of the window after each load');
    });
  }

  test('segments of four seconds, TARGETDURATION 1: all are published, and the source is never down', async () => {
    const source = new Source('long', 4, 3);
    await using p = await pull('/live.m3u8', {}, (origin) => origin.put('/live.m3u8', () => source.print(1)));
    await p.end();
    assertComplete(p, 16);
    assert.deepEqual(source.printedAtMs, [0, 1000, 1500, 2000, 2500, 3000, 3500, 4000, 5000]);
  });

  test('old copies of the list between new ones: nothing is published twice or lost', async () => {
    const source = new Source('short', 1, COUNT - 1);
    let requests = 0;
    await using p = await pull('/live.m3u8', {}, (origin) =>
      origin.put('/live.m3u8', () =>
        requests++ % 3 === 2 ? source.print(10, { move: false, back: 1, end: false }) : source.print(10),
      ),
    );
    await p.end();
    assertComplete(p, COUNT);
    assert.deepEqual(source.printedAtMs, ONCE_IN_1500_MS);
  });

  test('a list that ends and returns twice: all is published, the time between is offline', async () => {
    const source = new Source('short', 1, COUNT - 1);
    /** How often the ended list was seen, by the number of the segment at its end. */
    const seen = new Map([5, 8].map((number) => [number, 0]));
    let requests = 0;
    await using p = await pull('/live.m3u8', { awaitReturn: true }, (origin) =>
      origin.put('/live.m3u8', () => {
        const times = seen.get(source.newest);
        if (times !== undefined && times < 2) {
          seen.set(source.newest, times + 1);
          return source.print(10, { move: false, end: true });
        }
        if (requests++ > 0 && !source.isOver) source.newest += 1;
        return source.print(10, { move: false, end: false });
      }),
    );
    // A list that returned may repeat what was published: the stream leaves that out
    // (`src/live/clipping.ts`).
    const published = () => new Set(p.input.runs.flatMap(({ frames }) => frames.map(({ dts }) => dts)));
    await p.until(() => published().size === COUNT * FPS);
    const offline = 'offline the source ended its playlist; oxbow checks at least once a minute whether it returns';
    assert.deepEqual(p.input.absences, [offline, offline]);
    assert.equal(p.time.nowMs, 18_900);
    p.stop();
  });
});
