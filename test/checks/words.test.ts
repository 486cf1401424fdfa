import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findWords, readWords } from '../../scripts/check-words.ts';

const table =
  'a\n<!-- words: x -->\n| do not write | write |\n| --- | --- |\n| whoever, whom | the client |\n| told | reported |\n\n| other |';

test('the words are the first column of the table', () => {
  assert.deepEqual(readWords(table), ['whoever', 'whom', 'told']);
});

test('a word is found in pages, comments and strings, not in identifiers', () => {
  const words = readWords(table);
  assert.equal(findWords('a.md', 'Whoever asks', words).length, 1);
  assert.equal(
    findWords('a.ts', "// whoever\nconst told = 'told'; /* x\n whom */ const untold = `a told b`;", words).length,
    4,
  );
  assert.deepEqual(findWords('a.ts', 'const told = whom(told);', words), []);
});
