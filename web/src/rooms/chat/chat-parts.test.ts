import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mentionKey } from '../../../../src/api/room/mentions.ts';
import { completed, matchingNames, openMention } from './completion.ts';
import { emojis, findEmojis, isOnlyEmoji } from './emoji.ts';
import { MAX_ROWS, newestRows, shifted, withNewer, withOlder } from './list-window.ts';
import { isLongText, messageParts } from './message-parts.ts';
import { seeded } from './random.fixture.ts';

const names = new Map(['ann', 'ann lee', '小明', 'o.hara'].map((name) => [mentionKey(name), `u-${name}`]));
const find = (key: string) => names.get(key);

test('a text is split into links and mentions, and the parts joined are the text', () => {
  const parts = messageParts('Hi @Ann Lee, see (https://example.com/a(b)) and a@ann @xyz', find);
  assert.deepEqual(
    parts.filter(({ kind }) => kind !== 'text').map((part) => [part.kind, part.text]),
    [
      ['mention', '@Ann Lee'],
      ['link', 'https://example.com/a(b)'],
    ],
  );
});

test('any text survives the split', () => {
  const random = seeded(5);
  const pieces = ['@', 'ann', ' ', 'lee', 'https://', 'x.y/', ')', '.', '小明', '\n', '😀', '@@', 'http://[', '\ud800'];
  for (let round = 0; round < 2000; round++) {
    const text = Array.from({ length: random(12) }, () => pieces[random(pieces.length)]).join('');
    const parts = messageParts(text, find);
    assert.equal(parts.map((part) => part.text).join(''), text);
  }
});

test('a mention is completed at the caret', () => {
  assert.equal(openMention('mail a@b', 8), null);
  assert.deepEqual(openMention('hi @an', 6), { from: 3, typed: 'an' });
  assert.deepEqual(openMention('@', 1), { from: 0, typed: '' });
  const people = [{ name: 'Zoe Anders' }, { name: 'anna' }, { name: 'Ann' }, { name: 'Ben' }];
  assert.deepEqual(
    matchingNames(people, 'AN').map(({ name }) => name),
    ['Ann', 'anna', 'Zoe Anders'],
  );
  assert.deepEqual(completed('hi @an there', { from: 3, typed: 'an' }, 'Ann'), { text: 'hi @Ann there', caret: 8 });
});

test('the list keeps at most 240 rows in the page while the reader moves', () => {
  const random = seeded(9);
  let count = 5;
  let shown = newestRows(count);
  for (let round = 0; round < 3000; round++) {
    const move = random(4);
    if (move === 0) shown = withOlder(shown);
    else if (move === 1) shown = withNewer(shown, count);
    else if (move === 2) {
      const added = random(100);
      count += added;
      shown = shifted(shown, added);
    } else count += random(5);
    assert.ok(shown.from >= 0 && shown.to <= count && shown.from <= shown.to);
    assert.ok(shown.to - shown.from <= MAX_ROWS);
  }
  assert.deepEqual(newestRows(1000), { from: 760, to: 1000 });
});

test('every emoji of the picker is one that the server accepts as a reaction', () => {
  assert.ok(emojis.length >= 60);
  assert.equal(new Set(emojis.map(({ emoji }) => emoji)).size, emojis.length);
  for (const { emoji } of emojis) assert.match(emoji, /^\p{RGI_Emoji}$/v);
  assert.equal(findEmojis('爆米花')[0]?.emoji, '🍿');
  assert.deepEqual(
    [isOnlyEmoji('🎉 🔥'), isOnlyEmoji('1'), isOnlyEmoji('hi 🎉'), isOnlyEmoji('')],
    [true, false, false, false],
  );
});

test('a text that would fill the list is folded: long ones, and those of many lines', () => {
  for (const text of ['a'.repeat(601), 'a\n'.repeat(11)]) assert.equal(isLongText(text), true, text);
  for (const text of ['', 'a'.repeat(600), 'a\n'.repeat(9)]) assert.equal(isLongText(text), false, text);
});
