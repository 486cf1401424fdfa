import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seeded } from '@oxbow/media/random.fixture';
import { cleanText } from './clean-text.ts';

test('text is kept exactly: markup, emoji, all scripts', () => {
  for (const text of ['<b>&amp;</b> "q"', '👨‍👩‍👧 🇦🇹', 'שלום עולם', 'نص عربي', 'a\n\nb', '  spaces  ', 'कि']) {
    assert.equal(cleanText(text), text);
  }
});

test('control characters and marks that turn the direction of text are removed', () => {
  assert.equal(cleanText('a\0b\x07c\x1b[31m\x7f\x9f'), 'abc[31m');
  assert.equal(cleanText('evil\u202Etxt.exe\u2066x\u2069\ufeff'), 'eviltxt.exex');
  assert.equal(cleanText('a\r\nb\rc\u2028d\te'), 'a\nb\nc\nd e');
  assert.equal(cleanText('one\ntwo', { isOneLine: true }), 'one two');
  assert.equal(cleanText('half \ud83d pair'), 'half \ufffd pair');
});

test('any text becomes clean, and cleaning it again changes nothing', () => {
  const random = seeded(11);
  for (let round = 0; round < 3000; round++) {
    const units = Array.from({ length: random(20) }, () => (random(2) === 0 ? random(0x100) : random(0x10000)));
    const clean = cleanText(String.fromCharCode(...units));
    assert.doesNotMatch(clean, /(?!\n)\p{Cc}|[\u202a-\u202e\u2066-\u2069]/u);
    assert.ok(clean.isWellFormed());
    assert.equal(cleanText(clean), clean);
  }
});
