import assert from 'node:assert/strict';
import { test } from 'node:test';
import { languageOf } from './text-files.ts';

test('the language of subtitles is in the name of their file', () => {
  assert.equal(languageOf('Harbour.en.srt'), 'en');
  assert.equal(languageOf('Harbour.zh-CN.forced.vtt'), 'zh-CN');
  assert.equal(languageOf('Harbour.deu.ass'), 'deu');
  for (const name of ['English', 'Harbour.srt', '']) assert.equal(languageOf(name), '', name);
});
