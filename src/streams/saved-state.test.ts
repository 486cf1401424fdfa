import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { StreamGap } from '@oxbow/media/segment';
import { RECORDING_OFF } from '../recording/recorder.ts';
import { gapsFrom, nextGenerationNumber, OXBOW_STOPPED, pastOf, type SavedState } from './saved-state.ts';

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
      const past = pastOf(CREATED, newest, before, { tornTail });
      assert.equal(past.gaps[0]?.cause, cause);
      assert.equal(past.endUs, newest ? END : CREATED);
      assert.equal(past.hasMedia, newest !== undefined);
      assert.equal(past.lastRun, newest ? 7 : 0);
    });
  }

  test('media from before the creation continues where it ended, without a gap up to the creation', () => {
    assert.equal(pastOf(END + 1, last, saved(false), { tornTail: false }).endUs, END);
  });
});

suite('media that had come and was not on the disk when oxbow ended', () => {
  const LOST = 'oxbow ended before this was on the disk';
  const pieces = (before: SavedState, found: { tornTail: boolean; isMoved?: boolean }) =>
    pastOf(CREATED, last, before, found).gaps.map(({ fromUs, toUs, cause, detail }) => [fromUs, toUs, cause, detail]);
  const shortBy = (us: number, detail = 'noted') => ({ ...note('offline', END + us), detail });

  test('is a crash, and behind it is what was noted; also if oxbow was being stopped', () => {
    for (const us of [500_001, 2_000_000, 60_000_000]) {
      const noted = shortBy(us);
      const rest = [noted.fromUs, noted.toUs, 'offline', 'noted'];
      assert.deepEqual(pieces(saved(false, noted), { tornTail: true }), [[END, END + us, 'crash', LOST], rest]);
      const stopped = pieces(saved(false, shortBy(us, OXBOW_STOPPED)), { tornTail: true });
      assert.deepEqual(stopped[0], [END, END + us, 'crash', `${LOST}, while it was being stopped`]);
    }
  });

  test('is none: a rounding, files that were closed, media that was moved or not to be recorded', () => {
    const none = (before: SavedState, found: { tornTail: boolean; isMoved?: boolean }) =>
      assert.deepEqual(pastOf(CREATED, last, before, found).gaps, before.gaps);
    none(saved(false, shortBy(500_000)), { tornTail: true });
    none(saved(true, shortBy(9e6)), { tornTail: true });
    none(saved(false, shortBy(9e6)), { tornTail: false });
    none(saved(false, shortBy(9e6)), { tornTail: true, isMoved: true });
    none(saved(false, shortBy(9e6, RECORDING_OFF)), { tornTail: true });
  });
});

suite('the gaps that are saved', () => {
  const of = (missing: StreamGap[], gap: Pick<StreamGap, 'cause' | 'detail'> | undefined, lost: StreamGap[] = []) =>
    gapsFrom(END, {
      recorder: { gaps: lost },
      stream: { edge: { gap, gapsSince: () => missing } },
      isRecorded: true,
      nowUs: END - 5,
    });
  const ended = { cause: 'offline', detail: 'the source ended' } as const;

  test('name the cause also while the media ends ahead of the clock, and none while media flows', () => {
    assert.deepEqual(of([], ended), [{ fromUs: END, toUs: END, ...ended }]);
    const lost = { ...note('disk', END - 9), toUs: END + 7 };
    assert.deepEqual(of([], ended, [lost]), [lost, { fromUs: END + 7, toUs: END + 7, ...ended }]);
    assert.deepEqual(of([note('offline')], ended), [note('offline')]);
    assert.deepEqual(of([], undefined), []);
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
