/**
 * Every file of packages, src and scripts opens with a comment; a docblock says more than the name below it;
 * comments end by column 110.
 * In: the sources. Out: problems, one sentence each.
 */
import { isTest, listFiles, readSource } from './source-files.ts';

const MAX_COLUMN = 110;

/** Everything that is wrong with comments, one sentence each. */
export function checkComments(): readonly string[] {
  return listFiles()
    .filter((path) => /^(packages|src|scripts|web\/src|test|bench)\/.*\.(ts|js|mjs|svelte)$/.test(path))
    .flatMap((path) => {
      const text = readSource(path);
      if (text.startsWith('// Made by ')) return []; // generated
      const mustOpen = /^(packages|src|scripts)\//.test(path) && !isTest(path);
      return [
        ...(mustOpen && !opensWithComment(text) ? [`${path}:1: the file has no opening comment`] : []),
        ...listRepetitions(text).map(
          ({ line, name }) => `${path}:${line}: the docblock only repeats ${name}; say more or remove it`,
        ),
        ...listWide(text).map((line) => `${path}:${line}: the comment goes beyond column ${MAX_COLUMN}`),
      ];
    });
}

function opensWithComment(text: string): boolean {
  return /^(#![^\n]*\n)?\s*(\/\*\*|\/\/|<!--)/.test(text);
}

/** A docblock, and the line that follows it. */
const DOCBLOCK = /^[ \t]*\/\*\*(?<said>(?:(?!\*\/)[\s\S])*)\*\/[ \t]*\n(?<next>[^\n]*)/gm;
const NAME =
  /^\s*(?:(?:export|declare|default|async|abstract|readonly|static|get|set|public|function\*?|class|const|let|interface|type)\s+)*\*?#?(?<name>[A-Za-z_$][\w$]*)/;
const EMPTY_WORDS = new Set(
  'a an the of it its this that these is are be was were for to in on at by with and or as from where which there here one each every all any own has have had'.split(
    ' ',
  ),
);

/** Docblocks whose words are all in the name that they describe: `The rows.` on `rows`. */
export function listRepetitions(text: string): readonly { readonly line: number; readonly name: string }[] {
  return [...text.matchAll(DOCBLOCK)].flatMap((match) => {
    const { said, next } = match.groups as { said: string; next: string };
    const name = NAME.exec(next)?.groups?.name;
    if (name === undefined || /[@`\d]/.test(said)) return [];
    const named = new Set(wordsOf(name.replace(/([a-z0-9])([A-Z])|([A-Z]+)([A-Z][a-z])/g, '$1$3 $2$4')).map(stemOf));
    const words = wordsOf(said).filter((word) => !EMPTY_WORDS.has(word.toLowerCase()));
    if (words.length === 0 || !words.every((word) => named.has(stemOf(word)))) return [];
    return [{ line: text.slice(0, match.index).split('\n').length, name }];
  });
}

const wordsOf = (text: string): string[] => text.match(/[A-Za-z]+/g) ?? [];

/** The part of an English word that its forms share, roughly. */
function stemOf(word: string): string {
  return word
    .toLowerCase()
    .replace(/ies$/, 'y')
    .replace(/(?:es|s|ed|ing|er|or)$/, '')
    .replace(/e$/, '')
    .replace(/(.)\1$/, '$1');
}

/**
 * Lines of comments that go beyond the limit, unless they are one word, such as an address, a row of a table,
 * or what a linter reads.
 */
export function listWide(text: string): readonly number[] {
  return text
    .split('\n')
    .flatMap((line, index) =>
      line.length > MAX_COLUMN &&
      /^\s*(?:\/\*\*?|\*|\/\/) *[^\s|]+ \S/.test(line) &&
      !/biome-ignore|svelte-ignore/.test(line)
        ? [index + 1]
        : [],
    );
}
