import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Frame, TextTrack } from '../frame.ts';
import { fragmentLength, printFragment } from '../isobmff/fragment.ts';
import { fuzzWebVtt } from './fuzz.fixture.ts';
import { parseVtt } from './parse.ts';
import { printVtt } from './print.ts';
import { cutTextFrame, emptySample, isEmptySample, moveTextFrame, parseSample, printSample } from './sample.ts';
import { printVttSegment } from './segment.ts';
import { parseTextHeader, printTextHeader } from './traits.ts';

const track = (record = 'WEBVTT'): TextTrack => ({
  id: 3,
  kind: 'text',
  timescale: 90_000,
  language: 'eng',
  label: '',
  config: { codec: 'webvtt', record: new TextEncoder().encode(record), codecs: 'wvtt' },
});

suite('WebVTT files', () => {
  test('cues have times, identifier, settings and text; notes and broken cues are stepped over', () => {
    const file = parseVtt(
      [
        '\uFEFFWEBVTT - a title',
        'X-TIMESTAMP-MAP=LOCAL:00:00:10.000,MPEGTS:900000',
        '',
        'STYLE',
        '::cue { color: red }',
        '',
        'NOTE a comment',
        '',
        'first',
        '00:01.500 --> 00:00:04.000 align:start line:0',
        'one',
        'two',
        '',
        '00:05.000 --> 00:04.000',
        'it ends before it begins',
        '',
        '100:00:00.000 --> 100:00:01.000',
        '',
      ].join('\r\n'),
    );
    assert.equal(file.header, 'WEBVTT\n\nSTYLE\n::cue { color: red }');
    assert.deepEqual(file.timestampMap, { localMs: 10_000, mpegts: 900_000 });
    assert.deepEqual(file.cues, [
      { id: 'first', startMs: 1500, endMs: 4000, settings: 'align:start line:0', text: 'one\ntwo' },
      { id: '', startMs: 360_000_000, endMs: 360_001_000, settings: '', text: '' },
    ]);
  });

  test('a line of times begins a cue without an empty line before it', () => {
    const { cues } = parseVtt('WEBVTT\n\n00:01.000 --> 00:02.000\na\n00:03.000 --> 00:04.000\nb\n');
    assert.deepEqual(
      cues.map(({ text, startMs }) => [text, startMs]),
      [
        ['a', 1000],
        ['b', 3000],
      ],
    );
  });

  test('what is no WebVTT says so', () => {
    assert.throws(() => parseVtt('1\n00:00:01,000 --> 00:00:02,000\nSubRip\n'), { name: 'FormatError', offset: 0 });
    assert.throws(() => parseVtt('WEBVTTX\n'), { name: 'FormatError' });
  });

  test('what is printed reads the same, and no text ends its cue', () => {
    const cue = { id: 'a --> b', startMs: 1, endMs: 3_600_000, settings: '', text: 'a\n\nb --> c' };
    const text = printVtt({ header: 'WEBVTT', timestampMap: { mpegts: 5, localMs: 7 }, cues: [cue] });
    assert.equal(
      text,
      'WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:5,LOCAL:00:00:00.007\n\na --&gt; b\n00:00:00.001 --> 01:00:00.000\na\nb --&gt; c\n',
    );
    assert.equal(parseVtt(text).cues.length, 1);
  });

  test('2,000 files and samples of scrambled pieces are read, or refused with a FormatError', () =>
    fuzzWebVtt(8, 2000));
});

suite('cues as samples', () => {
  const cue = { id: '1', settings: 'line:0', text: 'words', before: 0, after: 0 };
  const frame: Frame = {
    trackId: 3,
    dts: 1000,
    pts: 1000,
    duration: 500,
    key: true,
    data: printSample([cue]),
  };

  test('a sample gives its cues back, an empty one none', () => {
    assert.deepEqual(parseSample(printSample([cue, { ...cue, text: '' }])), [cue, { ...cue, text: '' }]);
    assert.deepEqual(parseSample(emptySample), []);
    assert.ok(isEmptySample(emptySample) && !isEmptySample(frame.data));
  });

  test('a cue cut in two has its full begin and end in both', () => {
    const [head, tail] = cutTextFrame(frame, 1200);
    assert.deepEqual([head.pts, head.duration, tail.pts, tail.duration], [1000, 200, 1200, 300]);
    assert.deepEqual(parseSample(head.data), [{ ...cue, after: 300 }]);
    assert.deepEqual(parseSample(tail.data), [{ ...cue, before: 200 }]);
  });

  test('a cue moved after its time keeps its original time', () => {
    const moved = moveTextFrame(frame, 2000, 90);
    assert.deepEqual(parseSample(moved.data), [{ ...cue, before: 1000, after: 1500 - 2090 }]);
  });

  test('a segment is a file with the whole times of its cues, each once, on the clock of the media', () => {
    const [head, tail] = cutTextFrame({ ...frame, dts: 900_000, pts: 900_000, duration: 180_000 }, 945_000);
    const bytes = new Uint8Array(fragmentLength([head, tail]));
    printFragment(bytes, 0, { sequence: 1, trackId: 3, tfdt: head.dts, frames: [head, tail] });
    assert.equal(
      printVttSegment(track(), bytes, 9000),
      'WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:810000,LOCAL:00:00:09.000\n\n1\n00:00:10.000 --> 00:00:12.000 line:0\nwords\n',
    );
  });

  test('a segment in which nothing is said is a file too (RFC 8216bis 3.1.4)', () => {
    const text = 'WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:90000,LOCAL:00:00:01.000\n';
    assert.equal(printVttSegment(track(), undefined, 1000), text);
    assert.equal(printVttSegment(undefined, undefined, 1000), text);
  });

  test('the map has 33 bits, however long the stream has run', () => {
    const startMs = 30 * 3600 * 1000;
    const { timestampMap } = parseVtt(printVttSegment(track(), undefined, startMs));
    assert.deepEqual(timestampMap, { mpegts: (startMs * 90) % 2 ** 33, localMs: startMs });
  });

  test('traits of a rendition are kept in the header, and are not shown', () => {
    const record = printTextHeader('WEBVTT\n\nSTYLE\n::cue { }', { isDefault: true, forced: true });
    const read = parseTextHeader(track(new TextDecoder().decode(record)));
    assert.deepEqual(read, { header: 'WEBVTT\n\nSTYLE\n::cue { }', isDefault: true, forced: true });
    assert.deepEqual(parseTextHeader(track('')), { header: 'WEBVTT', isDefault: false, forced: false });
  });
});
