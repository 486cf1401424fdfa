/**
 * Subtitle files and samples of scrambled pieces.
 * In: a seed and a count. Out: nothing, or a failed assertion. Used by tests and by `npm run fuzz`.
 */
import assert from 'node:assert/strict';
import { FormatError } from '../errors.ts';
import { seeded } from '../random.fixture.ts';
import { parseVtt } from '../webvtt/parse.ts';
import { printVtt } from '../webvtt/print.ts';
import { cuesOfEvents, printAss } from './ass.ts';
import { fileBounds } from './bounds.ts';
import { parseSubtitleFile } from './file.ts';
import { parseTx3g } from './tx3g.ts';

const heads = ['', 'WEBVTT\n\n', '[Script Info]\n[Events]\n', '1\n00:00:01,000 --> 00:00:02,000\n', '\uFEFF'];
const pieces = [
  ...['\n', '\r\n', '\n\n', '\r', '1', '00:00:01,000', ' --> ', '00:00:02.000', '00:00:03,5', '9'.repeat(30), '-->'],
  ...['Dialogue: 0,0:00:01.00,0:00:02.00,Default,,0,0,0,,', 'Dialogue:', 'Comment: ', 'Format: Text, Start, End', ','],
  ...[
    '[V4+ Styles]\n',
    'Format: Name, Alignment\n',
    'Style: Default,8\n',
    '[Events]\n',
    'Style: ',
    '{\\an8}',
    '{\\b1}',
  ],
  ...[
    '{\\p1}m 0 0',
    '{\\i1\\u1',
    '}',
    '{',
    '\\N',
    '\\h',
    '\\n',
    '<b>',
    '</i>',
    '<script>alert(1)</script>',
    '<img src=x>',
  ],
  ...[
    '<',
    '>',
    '&',
    '&amp;',
    '&#60;',
    '&#x3c;b&gt;',
    '<v Bob>',
    '<00:00:01.500>',
    'é',
    '字幕',
    '\0',
    '\t',
    ' ',
    'text',
  ],
  ...['line:0 ', 'position:50% ', 'align:start', 'region:x', '00:01.000 --> 00:02.000 line:0\n', 'x'.repeat(3000)],
];
/** What may be in the text of a cue between `<` and `>`. */
const SAFE = /^(?:[^<>]|<\/?(?:b|i|u|ruby|rt|c|v|lang)(?:[. ][^<>]*)?>|<[\d:.]+>)*$/;

/** Every file is read or is a FormatError; no other tags come through, and what is printed reads the same. */
export function fuzzSubtitles(seed: number, count: number): void {
  const random = seeded(seed);
  for (let i = 0; i < count; i++) {
    let text = heads[random(heads.length)]!;
    for (let k = random(30); k > 0; k--) text += pieces[random(pieces.length)];
    const bytes = random(8) === 0 ? Buffer.from(text, 'utf16le') : Buffer.from(text);
    for (let k = random(8) === 0 ? random(5) : 0; k > 0; k--) bytes[random(bytes.length)] = random(256);
    try {
      const { cues } = parseSubtitleFile(bytes);
      for (const cue of cues) if (cue.text.length < 2000) assert.match(cue.text, SAFE, JSON.stringify(text));
      const again = parseVtt(printVtt({ header: 'WEBVTT', cues }), fileBounds);
      assert.equal(again.cues.length, cues.length, JSON.stringify(text));
    } catch (error) {
      assert.ok(error instanceof FormatError, `${JSON.stringify(text)}\n${(error as Error).stack}`);
    }
    const events = [{ startMs: random(9000), endMs: random(9000), fields: text.slice(0, 200) }];
    printAss(text, events);
    for (const cue of cuesOfEvents(text, events).take()) assert.match(cue.text, SAFE, JSON.stringify(text));
    const sample = Buffer.alloc(2 + random(60));
    for (let k = 2; k < sample.length; k++) sample[k] = random(256);
    sample.writeUInt16BE(random(sample.length + 2));
    try {
      assert.match(parseTx3g(sample), SAFE);
    } catch (error) {
      assert.ok(error instanceof FormatError, `${sample.toString('hex')}\n${(error as Error).stack}`);
    }
  }
}
