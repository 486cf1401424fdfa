import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cleanDescription, cleanFilename, cleanTags, cleanTitle, titleOfFile } from './asset-texts.ts';

test('no text of an asset changes the direction of what is around it', () => {
  for (const mark of ['\u202a', '\u202d', '\u202e', '\u2066', '\u2068']) {
    const name = `holiday${mark}4pm.exe\u202c\u2069`;
    assert.equal(cleanTitle(name), 'holiday4pm.exe');
    assert.equal(titleOfFile(`${name}.mp4`), 'holiday4pm.exe');
    assert.equal(cleanFilename(`folder/${name}`), 'holiday4pm.exe');
    assert.equal(cleanDescription(`one\n${name}`), 'one\nholiday4pm.exe');
    assert.deepEqual(cleanTags([name, 'holiday4pm.exe']), ['holiday4pm.exe']);
  }
  assert.equal(
    cleanTitle('\u05e9\u05dc\u05d5\u05dd \u200f2'),
    '\u05e9\u05dc\u05d5\u05dd \u200f2',
    'Hebrew stays as it is',
  );
});
