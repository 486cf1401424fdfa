import assert from 'node:assert/strict';
import { test } from 'node:test';
import { languageOfFile } from './subtitle-file.ts';

test('the language is in the name of a subtitle file', () => {
  const names: Readonly<Record<string, string>> = {
    'film.de.srt': 'de',
    'film_eng.ass': 'eng',
    'film.zh-Hans.vtt': 'zh-Hans',
    'film.srt': '',
    'the.xqz.srt': '',
    'en.txt': '',
  };
  for (const [name, language] of Object.entries(names)) assert.equal(languageOfFile(name), language, name);
});
