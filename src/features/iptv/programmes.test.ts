import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { guideStart, type ProgrammeSource, programmesOf } from './programmes.ts';

const DAY = '2026-11-20T';
const at = (time: string) => Date.parse(`${DAY}${time}Z`);
const span = (from: string, to: string) => ({ from: `${DAY}${from}Z`, to: `${DAY}${to}Z` });
const marker = (time: string, text: string) => ({ id: time, at: `${DAY}${time}Z`, text });

type Pieces = Partial<ProgrammeSource['timeline']>;

/** Programmes as lines: `HH:MM:SS-HH:MM:SS title`. */
function guideOf(pieces: Pieces, now: string, isLive = true): string[] {
  const timeline = { spans: [], gaps: [], offline: [], markers: [], ...pieces };
  const source = { title: 'Door', description: 'The front door.', isLive, timeline };
  const time = (ms: number) => new Date(ms).toISOString().slice(11, 19);
  return programmesOf(source, at(now)).map(({ fromMs, toMs, title }) => `${time(fromMs)}-${time(toMs)} ${title}`);
}

suite('the programmes of a stream', () => {
  test('without markers are whole hours in UTC, from the first media to four hours ahead of the current one', () => {
    assert.deepEqual(guideOf({ spans: [span('08:20:30.500', '10:15:00')] }, '10:15:00'), [
      '08:20:30-09:00:00 Door',
      '09:00:00-10:00:00 Door',
      '10:00:00-11:00:00 Door',
      '11:00:00-12:00:00 Door',
      '12:00:00-13:00:00 Door',
      '13:00:00-14:00:00 Door',
      '14:00:00-15:00:00 Door',
    ]);
  });

  test('of markers last until the next one; hours follow the last one after four hours', () => {
    const markers = [marker('08:10:00.900', ' First half '), marker('08:55:00', ''), marker('09:10:00', 'Second half')];
    assert.deepEqual(guideOf({ spans: [span('08:00:00', '09:50:00')], markers }, '09:50:00').slice(0, 6), [
      '08:00:00-08:10:00 Door',
      '08:10:00-08:55:00 First half',
      '08:55:00-09:10:00 Door',
      '09:10:00-13:10:00 Second half',
      '13:10:00-14:00:00 Door',
    ]);
  });

  test('of a stream that is over end with its media', () => {
    const markers = [marker('08:30:00', 'Finale')];
    assert.deepEqual(guideOf({ spans: [span('08:00:00', '09:12:00.200')], markers }, '20:00:00', false), [
      '08:00:00-08:30:00 Door',
      '08:30:00-09:12:01 Finale',
    ]);
  });

  test('of which nothing is recorded are left out of the past, with markers or without', () => {
    const spans = [span('08:00:00', '08:40:00'), span('12:30:00', '12:45:00')];
    const markers = [marker('09:00:00', 'Unseen'), marker('10:00:00', 'Nor this')];
    assert.deepEqual(guideOf({ spans, markers }, '12:45:00').slice(0, 3), [
      '08:00:00-09:00:00 Door',
      '10:00:00-14:00:00 Nor this',
      '14:00:00-15:00:00 Door',
    ]);
    assert.deepEqual(guideOf({ spans }, '12:45:00').slice(0, 2), ['08:00:00-09:00:00 Door', '12:00:00-13:00:00 Door']);
  });

  test('name what is missing, counted from their start, and why', () => {
    const timeline = {
      spans: [span('08:00:00', '08:05:00'), span('08:17:00', '08:59:58')],
      gaps: [
        { ...span('08:05:00', '08:17:00'), cause: 'source-down' as const, detail: '' },
        { ...span('08:59:58', '09:00:00'), cause: 'disk' as const, detail: '' },
      ],
      offline: [span('09:00:00', '11:00:00')],
      markers: [],
    };
    const source = { title: 'Door', description: 'The front door.', isLive: false, timeline };
    assert.deepEqual(programmesOf(source, at('12:00:00')), [
      {
        fromMs: at('08:00:00'),
        toMs: at('08:59:58'),
        title: 'Door',
        description: 'The front door.\nNot recorded: 0:05:00 to 0:17:00 (the source was down).',
        recordedMs: at('08:00:00'),
      },
    ]);
  });

  test('do not overlap and leave no hole while media was recorded, whatever the markers are', () => {
    const markers = Array.from({ length: 200 }, (_, i) =>
      marker(new Date(at('08:00:00') + i * i * 137).toISOString().slice(11, 23), ''),
    );
    const spans = [span('08:00:00', '10:30:00')];
    const source = { title: '', description: '', isLive: true, timeline: { spans, gaps: [], offline: [], markers } };
    const found = programmesOf(source, at('10:30:00'));
    assert.equal(found[0]!.fromMs, at('08:00:00'));
    for (const [i, { fromMs, toMs }] of found.entries()) {
      assert.ok(toMs > fromMs);
      if (i > 0) assert.equal(fromMs, found[i - 1]!.toMs);
    }
  });

  test('begin at a whole hour, so that a guide does not change with every request', () => {
    assert.equal(guideStart(at('10:15:00'), 1), at('10:00:00') - 86_400_000);
  });

  test('a stream without media has hours ahead while it is live, and none after', () => {
    assert.equal(guideOf({}, '10:15:00')[0], '10:15:00-11:00:00 Door');
    assert.deepEqual(guideOf({}, '10:15:00', false), []);
  });
});

test('a channel that is not recorded has the item that is on the air in its guide', () => {
  const nowMs = Date.parse('2026-11-30T20:40:00Z');
  const at = (time: string) => Date.parse(`2026-11-30T${time}:00Z`);
  const timeline = { spans: [], gaps: [], offline: [], markers: [] };
  const scheduled = [
    { fromMs: at('19:00'), toMs: at('20:15'), title: 'Over' },
    { fromMs: at('20:15'), toMs: at('21:00'), title: 'Film' },
    { fromMs: at('21:00'), toMs: at('21:30'), title: 'News' },
  ];
  const programmes = programmesOf({ title: 'tv', description: '', isLive: true, timeline, scheduled }, nowMs);
  assert.deepEqual(
    programmes.slice(0, 2).map(({ fromMs, toMs, title }) => [title, fromMs, toMs]),
    [
      ['Film', at('20:15'), at('21:00')],
      ['News', at('21:00'), at('21:30')],
    ],
  );
});
