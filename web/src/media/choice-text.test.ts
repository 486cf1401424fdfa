import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bitrateText, nextRate, qualityText, rateText, trackName } from './choice-text.ts';
import type { Choice } from './state.ts';

const choice = (more: Partial<Choice>): Choice => ({ id: '0', language: '', label: '', ...more });
const name = (more: Partial<Choice>, locale = 'en') => trackName(choice(more), locale, 2, (nth) => `Track ${nth}`);

test('a quality is named by its height, otherwise by the source’s label, otherwise by its bitrate', () => {
  assert.deepEqual(qualityText(choice({ height: 720, bitrate: 2_480_000 })), { text: '720p', note: '2.5 Mbit/s' });
  assert.deepEqual(qualityText(choice({ label: 'source', bitrate: 900_000 })), { text: 'source', note: '900 kbit/s' });
  assert.deepEqual(qualityText(choice({ bitrate: 900_000 })), { text: '900 kbit/s', note: '' });
  assert.equal(qualityText(choice({})).text, '0');
});

test('bitrates of a million and more use the larger unit', () => {
  assert.equal(bitrateText(96_000), '96 kbit/s');
  assert.equal(bitrateText(999_700), '1.0 Mbit/s');
});

test('a track is named by its language in the reader’s language, and by a label that says more', () => {
  assert.equal(name({ language: 'de' }), 'German');
  assert.equal(name({ language: 'de' }, 'zh-CN'), '德语');
  assert.equal(name({ language: 'de', label: 'German' }), 'German');
  assert.equal(name({ language: 'de', label: 'Commentary' }), 'German · Commentary');
  assert.equal(name({ language: 'und', label: 'Stadium' }), 'Stadium');
  assert.equal(name({ language: 'und' }), 'Track 2');
  assert.equal(name({ language: 'not a tag' }), 'not a tag');
});

test('speeds change in steps and stop at the ends, from any speed', () => {
  assert.deepEqual([nextRate(1, 1), nextRate(1, -1), nextRate(1.1, 1), nextRate(1.1, -1)], [1.25, 0.75, 1.25, 1]);
  assert.deepEqual([nextRate(2, 1), nextRate(0.5, -1)], [2, 0.5]);
  assert.deepEqual([rateText(1), rateText(0.75)], ['1×', '0.75×']);
});
