import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { suite, test } from 'node:test';
import { need } from '../../../test/fixtures/need.ts';
import { createProgram } from '../verbs/verbs.ts';
import { completionScript } from './completion.ts';
import { manualPage } from './manual.ts';
import { verbTree } from './verb-tree.ts';

const program = createProgram(() => {});
const verbs = verbTree(program);

suite('the command line in other forms', () => {
  test('every verb and every option is in the completion of each shell', () => {
    const scripts = { bash: completionScript('bash', verbs), fish: completionScript('fish', verbs) };
    assert.ok(completionScript('zsh', verbs).endsWith(scripts.bash));
    for (const { path, options } of verbs) {
      for (const word of path) for (const script of Object.values(scripts)) assert.ok(script.includes(word), word);
      for (const { long } of options) {
        if (!long) continue;
        assert.ok(scripts.bash.includes(` ${long}`) || scripts.bash.includes(`'${long}`), long);
        assert.ok(scripts.fish.includes(`-l ${long.slice(2)}`), long);
      }
    }
  });

  test('bash completes verbs, verbs within verbs, and options', { skip: need('bash') }, () => {
    const complete = (...words: string[]) => {
      const list = words.map((word) => `'${word}'`).join(' ');
      const call = `COMP_WORDS=(oxbow ${list}); COMP_CWORD=${words.length}; _oxbow; echo "\${COMPREPLY[*]}"`;
      return execFileSync('bash', ['-c', `${completionScript('bash', verbs)}\n${call}`], { encoding: 'utf8' }).trim();
    };
    assert.equal(complete('stat'), 'status');
    assert.equal(complete('stream', 'l'), 'list');
    assert.equal(complete('stream', 'list', '--js'), '--json');
    assert.equal(complete('export', 'door', '--dur'), '--duration');
    assert.equal(complete('upload', 'film.m'), '', 'files are left to the shell');
  });

  test('the manual page has every verb, its options but for the settings that have a page, and the exit codes', () => {
    const page = manualPage(verbs);
    assert.match(page, /^\.TH OXBOW 1 /);
    for (const { path, verbs: within } of verbs.slice(1)) {
      if (within.length === 0) assert.ok(page.includes(`.SS "oxbow ${path.join(' ')} `), path.join(' '));
    }
    assert.match(page, /\\fB\\-o, \\-\\-output <FILE>\\fR\n/);
    assert.match(page, /\.SH EXIT STATUS/);
    assert.doesNotMatch(page, /^[.'](?!TH |SH |SS |TP|B )/m, 'no line of text begins like a request');
    assert.ok(page.length < 80_000, `${page.length}`);
  });
});
