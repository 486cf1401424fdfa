/**
 * WebVTT of scrambled pieces, and scrambled samples.
 * In: a seed and a count. Out: nothing, or a failed assertion. Used by tests and by `npm run fuzz`.
 */
import assert from 'node:assert/strict';
import { FormatError } from '../errors.ts';
import { seeded } from '../random.fixture.ts';
import { parseVtt } from './parse.ts';
import { printVtt } from './print.ts';
import { parseSample, printSample } from './sample.ts';

const pieces = [
  ...[
    'WEBVTT',
    '\n',
    '\n\n',
    '\r\n',
    '\r',
    '00:00:01.000',
    '00:01.5',
    ' --> ',
    '-->',
    '99:59:59.999',
    '1:2:3',
    'NOTE',
    'x',
  ],
  ...[
    'STYLE\n',
    'REGION\n',
    'X-TIMESTAMP-MAP=',
    'MPEGTS:900000',
    'LOCAL:00:00:00.000',
    ',',
    'align:start',
    '\0',
    '\uFEFF',
  ],
  ...['<b>text</b>', '&amp;', 'é', '\u{1f3a5}', ' ', '\t', '00:00:01.000 --> 00:00:02.000\n', '9'.repeat(20)],
];

/** Every text is read, or is a FormatError; what was read prints to what reads the same. */
export function fuzzWebVtt(seed: number, count: number): void {
  const random = seeded(seed);
  for (let i = 0; i < count; i++) {
    let text = random(10) > 0 ? 'WEBVTT\n\n' : '';
    for (let k = random(25); k > 0; k--) text += pieces[random(pieces.length)];
    try {
      const file = parseVtt(text);
      const again = parseVtt(printVtt(file));
      assert.deepEqual(again.timestampMap, file.timestampMap, JSON.stringify(text));
      assert.equal(again.cues.length, file.cues.length, JSON.stringify(text));
    } catch (error) {
      assert.ok(error instanceof FormatError, `${JSON.stringify(text)}\n${(error as Error).stack}`);
    }
    const cue = { id: 'a', settings: 'line:0', text: text.slice(0, 50), before: random(2 ** 30), after: 5 };
    const sample = printSample([cue, cue]);
    for (let k = random(4); k > 0; k--) sample[random(sample.length)] = random(256);
    try {
      parseSample(sample);
    } catch (error) {
      assert.ok(error instanceof FormatError, `${Buffer.from(sample).toString('hex')}\n${(error as Error).stack}`);
    }
  }
}
