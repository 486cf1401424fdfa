import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { lawfulDateRange, mergeDateRange, parseDateRange, printDateRange, reachOf } from './date-range.ts';
import { parsePlaylist } from './parse.ts';
import { mediaPlaylistText } from './print.fixture.ts';

const START = Date.parse('2026-01-01T00:00:00Z');

suite('EXT-X-DATERANGE', () => {
  test('every attribute is kept unchanged, with its quotes; dates are converted to UTC', () => {
    const text =
      'ID="a,b",CLASS="c",START-DATE="2026-01-01T01:00:00+01:00",END-DATE="2026-01-01T00:00:02Z",DURATION=2.0,SCTE35-OUT=0xFC,X-A="x",X-B=0xff,END-ON-NEXT=YES';
    const range = parseDateRange(text);
    assert.deepEqual(range, {
      id: 'a,b',
      startDateMs: START,
      endDateMs: START + 2000,
      attributes: {
        CLASS: '"c"',
        DURATION: '2',
        'SCTE35-OUT': '0xFC',
        'X-A': '"x"',
        'X-B': '0xff',
        'END-ON-NEXT': 'YES',
      },
    });
    assert.equal(
      printDateRange(range),
      'ID="a,b",CLASS="c",START-DATE="2026-01-01T00:00:00.000Z",END-DATE="2026-01-01T00:00:02.000Z",DURATION=2,SCTE35-OUT=0xFC,X-A="x",X-B=0xff,END-ON-NEXT=YES',
    );
    assert.deepEqual(parseDateRange(printDateRange(range)), range);
  });

  test('without an ID, with a date or duration that is none, or too long, it is refused', () => {
    for (const bad of ['START-DATE="2026-01-01T00:00:00Z"', 'ID="a",START-DATE="soon"', 'ID="a",DURATION=x']) {
      assert.throws(() => parseDateRange(bad), { name: 'FormatError' }, bad);
    }
    assert.throws(() => parseDateRange(`ID="a",X-A="${'x'.repeat(20_000)}"`), { name: 'FormatError' });
  });

  test('what no list may contain is left out, or a blank', () => {
    const { attributes } = parseDateRange(
      'ID="a",SCTE35-OUT=FC30,X-A="b\u0007\ufeffc",X-B=two words,COLOUR="red",CUE="PRE"',
    );
    assert.deepEqual(attributes, { 'X-A': '"b  c"', CUE: '"PRE"' });
  });

  test('of ends that disagree, and of END-ON-NEXT where it may not stand, a list does not hear', () => {
    const range = { id: 'a', startDateMs: START, endDateMs: START + 2000 };
    const lawful = (attributes: Record<string, string>, more = range) => lawfulDateRange({ ...more, attributes });
    assert.deepEqual(lawful({ DURATION: '2' }), { ...range, attributes: { DURATION: '2' } });
    assert.equal(lawful({ DURATION: '3' }).endDateMs, undefined);
    assert.equal(lawful({}, { ...range, endDateMs: START - 1 }).endDateMs, undefined);
    assert.deepEqual(lawful({ CLASS: '"c"', 'END-ON-NEXT': 'YES' }).attributes, { CLASS: '"c"' });
    const open = { id: 'a', startDateMs: START, attributes: { CLASS: '"c"', 'END-ON-NEXT': 'YES' } };
    assert.deepEqual(lawfulDateRange(open), open);
  });

  test('tags of one ID in a list become one range; one that cannot be read is left out, and the media stays', () => {
    const parsed = parsePlaylist(
      [
        '#EXTM3U',
        '#EXT-X-TARGETDURATION:4',
        '#EXT-X-DATERANGE:ID="a",START-DATE="2026-01-01T00:00:00Z",PLANNED-DURATION=10',
        '#EXT-X-DATERANGE:START-DATE="2026-01-01T00:00:00Z"',
        '#EXTINF:4,\na.ts',
        '#EXT-X-DATERANGE:ID="a",DURATION=8',
        '#EXT-X-DATERANGE:ID="never begun",DURATION=8\n',
      ].join('\n'),
    );
    assert.ok(parsed.kind === 'media');
    assert.equal(parsed.playlist.segments.length, 1);
    assert.deepEqual(parsed.playlist.dateRanges, [
      { id: 'a', startDateMs: START, attributes: { 'PLANNED-DURATION': '10', DURATION: '8' } },
    ]);
    const again = parsePlaylist(mediaPlaylistText(parsed.playlist));
    assert.ok(again.kind === 'media');
    assert.deepEqual(again.playlist.dateRanges, parsed.playlist.dateRanges);
  });

  test('a later tag adds; its start stays, and what says nothing new is nothing new', () => {
    const before = { id: 'a', startDateMs: START, attributes: { CLASS: '"c"' } };
    assert.equal(mergeDateRange(before, { id: 'a', attributes: { CLASS: '"c"' } }), before);
    assert.deepEqual(mergeDateRange(before, { id: 'a', startDateMs: START + 5, attributes: { DURATION: '1' } }), {
      id: 'a',
      startDateMs: START,
      attributes: { CLASS: '"c"', DURATION: '1' },
    });
  });

  test('tags of one ID add up to no more than one tag may have', () => {
    let range = { id: 'a', startDateMs: START, attributes: { 'X-0': '0' } as Record<string, string> };
    const add = (name: string, value: string) => {
      range = mergeDateRange(range, { id: 'a', attributes: { [name]: value } }) as typeof range;
    };
    for (let i = 0; i < 1000; i++) add(`X-${i}`, String(i));
    const names = Object.keys(range.attributes);
    assert.ok(names.length >= 50 && names.length <= 200, `${names.length} attributes`);
    add('X-1', '"new"');
    assert.equal(range.attributes['X-1'], '"new"', 'what is there may change');
    const full = range;
    add('X-2000', '1');
    assert.equal(range, full, 'and what has no room is no news');
    for (let i = 0; i < 50; i++) add(`X-${i}`, 'x'.repeat(4000));
    assert.ok(printDateRange(range).length < 14_000);
  });

  test('a playlist lists a range until its end; one without an end for an hour', () => {
    const reach = (attributes: Record<string, string>, endDateMs?: number) =>
      reachOf({ id: 'a', startDateMs: 1000, attributes, ...(endDateMs !== undefined && { endDateMs }) });
    assert.equal(reach({}), 1000);
    assert.equal(reach({ DURATION: '2', 'PLANNED-DURATION': '9' }), 3000);
    assert.equal(reach({ 'PLANNED-DURATION': '9' }), 10_000);
    assert.equal(reach({ DURATION: '2' }, 4000), 4000);
    assert.equal(reach({ 'SCTE35-OUT': '0xFC' }), 3_601_000);
    assert.equal(reach({ 'END-ON-NEXT': 'YES' }), 3_601_000);
  });
});
