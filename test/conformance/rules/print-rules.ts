/**
 * Writes the rules into docs/4-watch/conformance.md again: `node test/conformance/rules/print-rules.ts`.
 * In: the rulebook. Out: the page.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { printRulebook } from './rulebook.ts';

const page = join(import.meta.dirname, '..', '..', '..', 'docs', '4-watch', 'conformance.md');
const text = await readFile(page, 'utf8');
const rules = `<!-- rules -->\n${printRulebook()}<!-- end of rules -->`;
await writeFile(
  page,
  text.replace(/<!-- rules -->\n[\s\S]*<!-- end of rules -->/, () => rules),
);
