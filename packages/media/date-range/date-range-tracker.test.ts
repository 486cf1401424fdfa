import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { DataConfig, DataTrack, Frame } from '../frame.ts';
import { printId3 } from '../id3/tag.fixture.ts';
import { parseId3 } from '../id3/tag.ts';
import { printSection, spliceInsert, timeSignal } from '../scte35/section.fixture.ts';
import { DateRangeTracker } from './date-range-tracker.ts';

/** UTC at pts 0, µs. */
const UTC_OFFSET_US = 1_795_000_000_000_000;

const track = (codec: DataConfig['codec']): DataTrack => ({
  id: 64,
  kind: 'data',
  timescale: 90_000,
  language: 'und',
  label: '',
  config: { codec, record: new Uint8Array(0), codecs: '' },
});
const frame = (s: number, data: Uint8Array | string): Frame => {
  const dts = Math.round(s * 90_000);
  return { trackId: 64, dts, pts: dts, duration: 0, key: true, data: Buffer.from(data) };
};
const ms = (s: number) => UTC_OFFSET_US / 1000 + s * 1000;

suite('date ranges of data tracks', () => {
  const splice = (tracker: DateRangeTracker, s: number, data: Uint8Array) =>
    tracker.take(track('scte35'), frame(s, data), UTC_OFFSET_US);

  test('an out and an in point are one range, planned first and then measured (RFC 8216bis 4.4.5.1.1)', () => {
    const tracker = new DateRangeTracker();
    const out = spliceInsert({ eventId: 9, out: true, pts: 14 * 90_000, duration: 30 * 90_000 });
    const [began] = splice(tracker, 10, out);
    assert.equal(began!.startDateMs, ms(14));
    assert.equal(began!.attributes['PLANNED-DURATION'], '30');
    assert.equal(began!.attributes['SCTE35-OUT'], `0x${Buffer.from(out).toString('hex').toUpperCase()}`);
    assert.equal(began!.attributes.DURATION, undefined);
    assert.deepEqual(splice(tracker, 12, out), [], 'a repetition changes nothing');
    const [ended] = splice(tracker, 39, spliceInsert({ eventId: 9, out: false, pts: 40 * 90_000 }));
    assert.deepEqual([ended!.id, ended!.startDateMs], [began!.id, began!.startDateMs]);
    assert.equal(ended!.attributes.DURATION, '26');
    assert.match(ended!.attributes['SCTE35-IN']!, /^0xFC/);
    assert.deepEqual(splice(tracker, 41, spliceInsert({ eventId: 9, out: false })), []);
    const [next] = splice(tracker, 100, spliceInsert({ eventId: 9, out: true }));
    assert.notEqual(next!.id, began!.id, 'an event id that is used again is another range');
  });

  test('the splice is found over the wrap of 33 bits, and on clocks that count on', () => {
    const far = 2 ** 33 * 3;
    const at = {
      ...frame(0, spliceInsert({ eventId: 1, out: true, pts: 90_000 })),
      dts: far - 90_000,
      pts: far - 90_000,
    };
    const [range] = new DateRangeTracker().take(track('scte35'), at, UTC_OFFSET_US);
    assert.equal(range!.startDateMs, Math.round((UTC_OFFSET_US + ((far + 90_000) * 1e6) / 90_000) / 1000));
  });

  test('each segmentation of a time_signal is a separate range', () => {
    const tracker = new DateRangeTracker();
    const types = [0x34, 0x30, 0x10].map((type) => ({ eventId: 7, type, duration: 90_000 }));
    const found = splice(tracker, 5, timeSignal(undefined, types));
    assert.deepEqual(
      found.map(({ id, attributes }) => [id.split('-')[2], Object.keys(attributes).at(-1)]),
      [
        ['52', 'SCTE35-OUT'],
        ['48', 'SCTE35-OUT'],
        ['16', 'SCTE35-CMD'],
      ],
    );
    const [end] = splice(tracker, 6, timeSignal(undefined, [{ eventId: 7, type: 0x31 }]));
    assert.equal(end!.id, found[1]!.id);
    assert.equal(end!.attributes.DURATION, '1');
  });

  test('an in point alone, and what cannot be read, are commands; splice_null says nothing', () => {
    const tracker = new DateRangeTracker();
    const [alone] = splice(tracker, 1, spliceInsert({ eventId: 3, out: false }));
    assert.ok(alone!.attributes['SCTE35-CMD']);
    const [torn] = splice(tracker, 2, Uint8Array.of(0xfc, 1, 2));
    assert.equal(torn!.attributes['SCTE35-CMD'], '0xFC0102');
    assert.deepEqual(splice(tracker, 3, printSection({ type: 0, command: new Uint8Array(0) })), []);
  });

  test('an ID3 tag is in an attribute; of a long one the frames that fit', () => {
    const tracker = new DateRangeTracker();
    const tag = printId3([
      ['TIT2', 'a song'],
      ['TXXX', 'x'.repeat(9000)],
    ]);
    const [range] = tracker.take(track('id3'), frame(2, tag), UTC_OFFSET_US);
    assert.equal(range!.startDateMs, ms(2));
    assert.equal(range!.attributes.CLASS, '"oxbow.id3"');
    assert.equal(range!.attributes['X-OXBOW-ID3-LENGTH'], String(tag.length));
    const kept = parseId3(Buffer.from(range!.attributes['X-OXBOW-ID3']!.slice(2), 'hex'));
    assert.deepEqual(
      kept.frames.map(({ id }) => id),
      ['TIT2'],
    );
    const [other] = tracker.take(track('id3'), frame(2 + 1 / 90_000, tag), UTC_OFFSET_US);
    assert.notEqual(other!.id, range!.id, 'two tags on one instant are two ranges');
    assert.deepEqual(tracker.take(track('id3'), frame(3, 'nothing'), UTC_OFFSET_US), []);
  });

  test("a source's own range keeps its media time under any UTC offset", () => {
    const tracker = new DateRangeTracker();
    const text =
      'ID="a",CLASS="c",START-DATE="2001-01-01T00:00:00.000Z",END-DATE="2001-01-01T00:00:05.000Z",X-OXBOW-OFFSET=-1.500000';
    const [range] = tracker.take(track('daterange'), frame(10, text), UTC_OFFSET_US);
    assert.deepEqual(range, {
      id: 'a',
      startDateMs: ms(8.5),
      endDateMs: ms(13.5),
      attributes: { CLASS: '"c"' },
    });
    const [more] = tracker.take(
      track('daterange'),
      frame(12, 'ID="a",START-DATE="2001-01-01T00:00:00Z",X-OXBOW-OFFSET=-3.5,X-N=1'),
      UTC_OFFSET_US,
    );
    assert.deepEqual(more, { ...range!, attributes: { CLASS: '"c"', 'X-N': '1' } });
    assert.deepEqual(tracker.take(track('daterange'), frame(13, 'ID="a"'), UTC_OFFSET_US), []);
  });

  test('a tracker with the earlier ranges returns the same ranges', () => {
    const first = new DateRangeTracker();
    const ranges = splice(first, 10, spliceInsert({ eventId: 9, out: true }));
    const end = spliceInsert({ eventId: 9, out: false });
    assert.deepEqual(splice(new DateRangeTracker(ranges), 20, end), splice(first, 20, end));
  });
});
