import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { brokenAnswers } from '../broken-answers.ts';
import { brokenDateRanges } from '../broken-date-ranges.ts';
import { brokenMedia } from '../broken-media.ts';
import { brokenTexts } from '../broken-text.ts';
import { printFindings } from '../checker.ts';
import { printRulebook, rulebook } from './rulebook.ts';

const rules = rulebook.flatMap((chapter) => chapter.rules);
const cases = [...brokenTexts, ...brokenDateRanges, ...brokenMedia, ...brokenAnswers];
const page = join(import.meta.dirname, '..', '..', '..', 'docs', '4-watch', 'conformance.md');

suite('the checker can fail', () => {
  test('every rule has a unique name, a section, a sentence, and a broken case', () => {
    const ids = rules.map(({ id }) => id);
    assert.deepEqual(
      ids.filter((id, i) => ids.indexOf(id) !== i),
      [],
    );
    for (const { id, section, says } of rules) {
      assert.match(id, /^[a-z0-9-]+$/);
      assert.match(section, /\d/, id);
      assert.match(says, /^[A-Z_].*\.$/, id);
    }
    const shown = new Set(cases.map(({ rule }) => rule));
    assert.deepEqual(
      ids.filter((id) => !shown.has(id)),
      [],
      'rules without a broken case',
    );
    assert.deepEqual(
      [...shown].filter((id) => !ids.includes(id)),
      [],
      'cases of no rule',
    );
  });

  for (const [i, { rule, also = [], run }] of cases.entries()) {
    test(`a case of ${rule} is found, and nothing else (${i + 1})`, async () => {
      const { good, bad } = await run();
      assert.ok(!good.some((finding) => finding.rule === rule), `the good one is found:\n${printFindings(good)}`);
      const known = new Set(good.map((finding) => `${finding.rule} ${finding.where}`));
      const found = bad.filter((finding) => !known.has(`${finding.rule} ${finding.where}`));
      const names = [...new Set(found.map((finding) => finding.rule))].sort();
      assert.deepEqual(names, [...new Set([rule, ...also])].sort(), printFindings(found));
    });
  }
});

test('the conformance page lists every rule', async () => {
  const text = await readFile(page, 'utf8');
  const [, listed] = /<!-- rules -->\n([\s\S]*)<!-- end of rules -->/.exec(text) ?? [];
  assert.equal(listed, printRulebook(), 'run node test/conformance/rules/print-rules.ts');
});
