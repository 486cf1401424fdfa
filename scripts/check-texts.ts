/**
 * Checks the languages of the interface that are one file each (web/src/text/TAG.json) against English. Run
 * by itself it prints the missing keys with their English texts, ready to be pasted and translated; until
 * then pages show English.
 * In: the catalogues. Out: sentences; exit code 1 if there are any.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { alarmNames } from '../src/api/alarms/alarm-texts.ts';
import { emojis } from '../web/src/rooms/chat/emoji.ts';
import { root } from './source-files.ts';

type Texts = Readonly<Record<string, unknown>>;

const folder = join(root, 'web', 'src', 'text');
const read = (path: string): Texts => JSON.parse(readFileSync(path, 'utf8'));
const filesIn = (path: string) => readdirSync(path).filter((name) => name.endsWith('.json'));
/** The key with the name of the language. */
const NAME = 'language';

/** What a language has to have: the English texts by key, and the names of alarms and emoji. */
export function readEnglish(): ReadonlyMap<string, string> {
  const areas = filesIn(join(folder, 'en')).map((name) => read(join(folder, 'en', name)) as Record<string, string>);
  return new Map([
    ...areas.flatMap((area) => Object.entries(area)),
    ...Object.entries(alarmNames.en).map(([code, name]) => [`alarm.${code}`, name] as const),
    ...emojis.map(({ en }) => [`emoji.${en}`, en] as const),
  ]);
}

/** The languages of one file by tag. */
export function readFurther(): ReadonlyMap<string, Texts> {
  return new Map(filesIn(folder).map((name) => [basename(name, '.json'), read(join(folder, name))]));
}

/** The English texts that a language does not have, by key. */
export function missingTexts(texts: Texts, english = readEnglish()): ReadonlyMap<string, string> {
  return new Map([...english].filter(([key]) => !Object.hasOwn(texts, key)));
}

const placeholders = (text: string) => [...new Set(text.match(/\{\w+\}/g))].sort().join(' ');

/**
 * What is wrong with the texts that a language has: keys that English does not have, placeholders, plural
 * forms.
 */
export function wrongTexts(tag: string, texts: Texts, english = readEnglish()): readonly string[] {
  const at = (key: string, what: string) => `web/src/text/${tag}.json: ${key}: ${what}`;
  const problems = typeof texts[NAME] === 'string' ? [] : [at(NAME, 'the name of the language is missing')];
  if (Intl.PluralRules.supportedLocalesOf(tag).length === 0) problems.push(at(NAME, `${tag} is no BCP 47 tag`));
  for (const [key, value] of Object.entries(texts)) {
    const source = english.get(key);
    if (key === NAME) continue;
    if (source === undefined) problems.push(at(key, 'English has no such key'));
    else problems.push(...wrongText(tag, value, source).map((what) => at(key, what)));
  }
  return problems;
}

function wrongText(tag: string, value: unknown, source: string): readonly string[] {
  if (typeof value === 'string') return wrongForm(value, source);
  if (typeof value !== 'object' || value === null) return ['a text, or plural forms, is expected'];
  const { pluralCategories } = new Intl.PluralRules(tag).resolvedOptions();
  const forms = Object.keys(value).sort().join(', ');
  const expected = pluralCategories.toSorted().join(', ');
  if (!source.includes('{count}')) return ['plural forms need a text with {count}'];
  if (forms !== expected) return [`the plural forms are ${forms}; ${tag} has ${expected}`];
  return Object.values(value).flatMap((form) => wrongForm(String(form), source, true));
}

/** @param isForm a plural form may leave out `{count}` and what only other forms say */
function wrongForm(text: string, source: string, isForm = false): readonly string[] {
  if (text.trim() === '') return ['the text is empty'];
  const [own, expected] = [placeholders(text), placeholders(source)];
  const isRight = isForm ? own.split(' ').every((each) => expected.includes(each)) : own === expected;
  return isRight ? [] : [`the placeholders are ${own || 'none'}, in English ${expected || 'none'}`];
}

/** Every problem of every language; missing keys are one sentence for each language. */
export function checkTexts(): readonly string[] {
  const english = readEnglish();
  return [...readFurther()].flatMap(([tag, texts]) => {
    const { size } = missingTexts(texts, english);
    const list =
      size > 0
        ? [`web/src/text/${tag}.json: ${size} keys are missing; list them with bin/oxbow-node scripts/check-texts.ts`]
        : [];
    return [...wrongTexts(tag, texts, english), ...list];
  });
}

if (import.meta.main) {
  for (const [tag, texts] of readFurther()) {
    const missing = missingTexts(texts);
    if (missing.size > 0) console.log(`web/src/text/${tag}.json`);
    for (const [key, text] of missing) console.log(`  ${JSON.stringify(key)}: ${JSON.stringify(text)},`);
  }
  for (const problem of checkTexts()) console.error(problem);
  process.exit(checkTexts().length > 0 ? 1 : 0);
}
