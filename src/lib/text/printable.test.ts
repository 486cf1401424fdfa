import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ONE_LINE, printable } from './printable.ts';

const commands = [
  '\x1b[2J',
  'a\nb',
  'a\rb',
  '\x07',
  '\x7f',
  '\x9b31m',
  '\u202eexe.gpj',
  '\u2066x\u2069',
  '\u2028',
  '\u200f',
];

test('characters that command a terminal or turn the text are escaped', () => {
  assert.equal(printable('\x1b[31mred\n\u202e'), '\\u{1b}[31mred\\u{a}\\u{202e}');
  for (const text of commands) assert.match(printable(text), /\\u\{/, JSON.stringify(text));
});

test('letters of all scripts and emoji stay', () => {
  for (const text of ['Zoë 密码', '👩‍👩‍👧', 'می‌خواهم', 'שלום', 'tab-free']) assert.equal(printable(text), text);
});

test('the pattern of schemas refuses the same characters', () => {
  const pattern = new RegExp(ONE_LINE, 'u');
  for (const text of commands) assert.ok(!pattern.test(text), JSON.stringify(text));
  for (const text of ['', 'Zoë 密码', '👩‍👩‍👧', 'می‌خواهم']) assert.ok(pattern.test(text), text);
});
