import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TextWriter } from './text-writer.ts';

test('what is written is the UTF-8 of the pieces, however long they are, behind the head', () => {
  const lines = ['#EXTINF:', 'Lärm 電 𝄞', '', 'x'.repeat(10_000), '\u{10ffff}'.repeat(40_000), 'end'];
  const head = new TextWriter();
  head.line('#EXTM3U');
  const writer = new TextWriter();
  for (const line of lines) writer.line(line);
  writer.digits(7, 3);
  writer.digits(59, 2);
  writer.digits(0, 1);
  writer.raw(Uint8Array.of(65, 66));
  writer.newLine();
  assert.equal(Buffer.from(writer.finish(head)).toString('utf8'), `#EXTM3U\n${lines.join('\n')}\n007590AB\n`);
});

test('every byte is there, wherever blocks end', () => {
  const writer = new TextWriter();
  let expected = '';
  for (let i = 0; i < 30_000; i++) {
    writer.digits(i, 5);
    writer.line('é'.repeat(i % 7));
    expected += `${String(i).padStart(5, '0')}${'é'.repeat(i % 7)}\n`;
  }
  assert.equal(Buffer.from(writer.finish(new TextWriter())).toString('utf8'), expected);
});
