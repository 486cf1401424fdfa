import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { StreamGap } from '../media/segment.ts';
import { nextGenerationNumber, pastOf, type SavedState } from './saved-state.ts';

const CREATED = 1_000_000_000;
const END = 2_000_000_000;
const last = { end_us: END, run: 7 };

const note = (cause: StreamGap['cause'], fromUs = END): StreamGap => ({
  fromUs,
  toUs: fromUs + 5,
  cause,
  detail: 'noted',
});
const saved = (clean: boolean, ...gaps: StreamGap[]): SavedState => ({
  atUs: END + 10,
  clean,
  gaps,
  generation: undefined,
  liveSource: null,
});

suite('the past of a stream', () => {
  const cases: readonly [
    name: string,
    last: typeof last | undefined,
    saved: SavedState | undefined,
    tornTail: boolean,
    cause: StreamGap['cause'],
  ][] = [
    ['a new stream was not started yet', undefined, undefined, false, 'offline'],
    ['closed in order: offline, as it was noted', last, saved(true, note('offline')), false, 'offline'],
    ['stopped by a person, then a crash: offline', last, saved(false, note('offline')), true, 'offline'],
    ['a crash while media flowed', last, saved(false), true, 'crash'],
    ['a crash between two files', last, saved(false), false, 'crash'],
    [
      'the source was down, then a crash: the first cause is kept',
      last,
      saved(false, note('source-down')),
      false,
      'source-down',
    ],
    [
      'closed in order, media since, no note of it: a crash',
      last,
      saved(true, note('offline', END - 9e6)),
      true,
      'crash',
    ],
    ['a lost database, every file sealed: offline', last, undefined, false, 'offline'],
    ['a lost database and a torn file: a crash', last, undefined, true, 'crash'],
    ['nothing recorded, but it ran', undefined, saved(false), false, 'crash'],
    [
      'nothing recorded, the source was down',
      undefined,
      saved(false, note('source-down', CREATED)),
      false,
      'source-down',
    ],
  ];
  for (const [name, newest, before, tornTail, cause] of cases) {
    test(name, () => {
      const past = pastOf(CREATED, newest, before, tornTail);
      assert.equal(past.gaps[0]?.cause, cause);
      assert.equal(past.endUs, newest ? END : CREATED);
      assert.equal(past.hasMedia, newest !== undefined);
      assert.equal(past.lastRun, newest ? 7 : 0);
    });
  }

  test('media from before the creation continues where it ended, without a gap up to the creation', () => {
    assert.equal(pastOf(END + 1, last, saved(false), false).endUs, END);
  });
});

suite('numbers that are never used twice (docs/media.md 14)', () => {
  const at = (iso: string) => Date.parse(iso);

  test('a generation is above the one before and the seconds since 2020', () => {
    assert.equal(nextGenerationNumber(at('2020-01-01T00:00:10Z'), 0), 10);
    assert.equal(nextGenerationNumber(at('2020-01-01T00:00:10Z'), 10), 11);
    assert.equal(nextGenerationNumber(at('2019-01-01T00:00:00Z'), 5), 6);
  });
});
