import assert from 'node:assert/strict';
import { test } from 'node:test';
import { catalogues } from '../text/text.ts';
import { type FocusedElement, focusOf, type KeyPress, keyAction, keyHelp } from './keys.ts';

const press = (key: string, more: Partial<KeyPress> = {}) => keyAction({ key, on: 'page', ...more });

test('space and K play; J and L step ten seconds, arrows five, with Shift a minute', () => {
  assert.equal(press(' '), 'play');
  assert.equal(press('K'), 'play');
  assert.equal(press('j'), 'back-10');
  assert.equal(press('l'), 'forward-10');
  assert.equal(press('ArrowLeft'), 'back-5');
  assert.equal(press('ArrowRight', { shiftKey: true }), 'forward-60');
});

test('End and G are live, Home is the oldest time', () => {
  assert.equal(press('End'), 'live');
  assert.equal(press('g'), 'live');
  assert.equal(press('Home'), 'oldest');
});

test('characters that need Shift are matched as typed, in narrow and wide form', () => {
  assert.equal(press('?', { shiftKey: true }), 'help');
  assert.equal(press('>', { shiftKey: true }), 'faster');
  assert.equal(press(','), 'frame-back');
  assert.equal(press('。'), 'frame-forward');
});

test('a focused element keeps the keys it needs; the others are shortcuts', () => {
  assert.equal(press('m', { on: 'field' }), undefined);
  assert.equal(press(' ', { on: 'button' }), undefined);
  assert.equal(press('m', { on: 'button' }), 'mute');
  assert.equal(press('ArrowLeft', { on: 'slider' }), undefined);
  assert.equal(press('End', { on: 'slider' }), undefined);
  assert.equal(press('j', { on: 'slider' }), 'back-10');
  assert.equal(press('ArrowDown', { on: 'scroller' }), undefined);
  assert.equal(press('ArrowLeft', { on: 'scroller' }), 'back-5');
});

test('shortcuts of the browser are left alone', () => {
  assert.equal(press('f', { ctrlKey: true }), undefined);
  assert.equal(press('ArrowLeft', { altKey: true }), undefined);
  assert.equal(press('toString'), undefined);
});

test('a held key repeats steps, but switches only once', () => {
  assert.equal(press('l', { repeat: true }), 'forward-10');
  assert.equal(press('.', { repeat: true }), 'frame-forward');
  assert.equal(press(' ', { repeat: true }), undefined);
  assert.equal(press('f', { repeat: true }), undefined);
});

test('the kind of focus follows from tag, type and role', () => {
  const element = (tagName: string, attributes: Record<string, string> = {}): FocusedElement => ({
    tagName,
    getAttribute: (name) => attributes[name] ?? null,
  });
  assert.equal(focusOf(element('BODY')), 'page');
  assert.equal(focusOf(element('DIV', { role: 'slider' })), 'slider');
  assert.equal(focusOf(element('DIV', { role: 'tabpanel' })), 'scroller');
  assert.equal(focusOf(element('DIV', { role: 'log' })), 'scroller');
  assert.equal(focusOf(element('BUTTON', { role: 'menuitemradio' })), 'field');
  assert.equal(focusOf(element('BUTTON')), 'button');
  assert.equal(focusOf(element('INPUT')), 'field');
  assert.equal(focusOf(element('INPUT', { type: 'range' })), 'slider');
  assert.equal(focusOf(element('INPUT', { type: 'checkbox' })), 'button');
  assert.equal(focusOf({ ...element('DIV'), isContentEditable: true }), 'field');
});

test('the help lists each key once, in texts of the catalogue', () => {
  const names: Record<string, string> = {
    Space: ' ',
    '←': 'ArrowLeft',
    '→': 'ArrowRight',
    '↑': 'ArrowUp',
    '↓': 'ArrowDown',
  };
  const listed = keyHelp.flatMap(({ rows }) => rows.flatMap(({ keys }) => keys));
  assert.equal(new Set(listed).size, listed.length);
  const does = (key: string) => {
    const shiftKey = key.startsWith('⇧ ');
    const name = key.replace('⇧ ', '');
    return press(names[name] ?? name, { shiftKey });
  };
  assert.deepEqual(
    listed.filter((key) => does(key) === undefined),
    [],
  );
  assert.equal(new Set(listed.map(does)).size, 30, 'every action is in the help');
  for (const { title, rows } of keyHelp) {
    for (const key of [title, ...rows.map(({ text }) => text)]) assert.ok(key in catalogues.en, key);
  }
});
