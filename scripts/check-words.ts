/**
 * Checks the language of what people read: documentation, comments, messages and texts of the interface use
 * plain words.
 * In: the text files of the tree, the table of CONTRIBUTING.md (section Language). Out: sentences about what
 * is wrong.
 */
import { listFiles, readSource } from './source-files.ts';

/** The table row lists words; each is refused as a whole word, in any case. */
const ROW = /^\| ([^|]+) \|/gm;

/**
 * The words that CONTRIBUTING.md refuses.
 *
 * @param contributing text of CONTRIBUTING.md
 */
export function readWords(contributing: string): readonly string[] {
  const table = contributing.split('<!-- words:')[1]?.split('\n\n')[0] ?? '';
  return [...table.matchAll(ROW)]
    .flatMap(([, cell]) => cell!.split(/[;,]/))
    .map((word) => word.trim())
    .filter((word) => word !== '' && word !== 'do not write' && !word.startsWith('---'));
}

/** Comments, strings and template texts of a source file, everything else blank; lines stay in place. */
function readable(file: string, text: string): string {
  if (/\.(md|json)$/.test(file)) return text;
  let kept = '';
  let end = 0;
  for (const match of text.matchAll(
    /\/\*[\s\S]*?\*\/|<!--[\s\S]*?-->|(?<![:\w])\/\/[^\n]*|'[^'\n]*'|"[^"\n]*"|`[^`]*`/g,
  )) {
    kept += text.slice(end, match.index).replace(/[^\n]/g, ' ') + match[0];
    end = match.index + match[0].length;
  }
  return kept;
}

/**
 * Finds refused words in one file.
 *
 * @param file path from the root; its ending decides what is read: all of a page, the comments and strings of
 *   a source
 * @param words as `readWords` returns them
 */
export function findWords(file: string, text: string, words: readonly string[]): readonly string[] {
  const pattern = new RegExp(`(?<![\\w-])(?:${words.join('|')})(?![\\w-])`, 'gi');
  return readable(file, text)
    .split('\n')
    .flatMap((line, index) =>
      [...line.matchAll(pattern)].map(([word]) => `${file}:${index + 1}: "${word}" (see CONTRIBUTING.md, Language)`),
    );
}

/** Everything wrong in the tree, one sentence each. */
export function checkWords(): readonly string[] {
  const words = readWords(readSource('CONTRIBUTING.md'));
  return listFiles()
    .filter((path) => /\.(ts|mjs|js|svelte|md)$/.test(path) || /^web\/src\/text\/en\//.test(path))
    .filter((path) => !/^(CONTRIBUTING\.md|scripts\/check-words\.ts|test\/checks\/words\.test\.ts)$/.test(path))
    .flatMap((path) => findWords(path, readSource(path), words));
}
