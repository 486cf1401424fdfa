/**
 * Checks the tree as a whole: no two paths that differ only in case, no file too long and no folder too full
 * to read in one sitting, a page that lists every file of the media path, and one form of decisions.
 * In: the list of files. Out: problems, one sentence each.
 */
import { posix } from 'node:path';
import { isTest, listFiles, readSource } from './source-files.ts';

const MAX_LINES = 600;
/** Files side by side in a folder of code, tests not counted. */
const MAX_FILES = 25;
/** The page that walks the files of the media path. */
const FILES_PAGE = 'docs/files.md';
const WALKED = /^(?:src\/(?:ingest\/pull|live|packager|recording|delivery)|web\/src\/player)\/.*\.ts$/;

/** Everything wrong, one sentence each. */
export function checkTree(): readonly string[] {
  const files = listFiles();
  const page = readSource(FILES_PAGE);
  const decisions = files.filter((path) => /^docs\/decisions\/\d{4}-/.test(path));
  return [
    ...findCaseTwins(files),
    ...findLongFiles(),
    ...findFullFolders(files),
    ...findUnlisted(files, page),
    ...decisions.flatMap((path) => findOtherForm(path, readSource(path))),
  ];
}

/**
 * Paths, folders too, that are one and the same on a file system that does not tell upper from lower case.
 */
export function findCaseTwins(files: readonly string[]): readonly string[] {
  const seen = new Map<string, string>();
  const problems = new Set<string>();
  for (const file of files) {
    const pieces = file.split('/');
    for (let length = 1; length <= pieces.length; length++) {
      const path = pieces.slice(0, length).join('/');
      const twin = seen.get(path.toLowerCase());
      if (twin !== undefined && twin !== path) problems.add(`${twin} and ${path} differ only in case`);
      else seen.set(path.toLowerCase(), path);
    }
  }
  return [...problems];
}

/** Folders of code with so many files side by side that a reader needs a map. */
export function findFullFolders(files: readonly string[]): readonly string[] {
  const counts = new Map<string, number>();
  for (const path of files) {
    if (!/^(packages|src|web\/src|test|bench|scripts)\//.test(path) || !/\.(ts|svelte)$/.test(path) || isTest(path))
      continue;
    counts.set(posix.dirname(path), (counts.get(posix.dirname(path)) ?? 0) + 1);
  }
  return [...counts]
    .filter(([, count]) => count > MAX_FILES)
    .map(
      ([folder, count]) => `${folder}: ${count} files side by side, the limit is ${MAX_FILES}; sort them into folders`,
    );
}

/** Files of the media path that its page does not name. */
export function findUnlisted(files: readonly string[], page: string): readonly string[] {
  return files
    .filter((path) => WALKED.test(path) && !isTest(path) && !page.includes(`(../${path})`))
    .map((path) => `${FILES_PAGE} does not list ${path}`);
}

/** Sections of a decision that its template does not have, or in another order. */
export function findOtherForm(path: string, page: string): readonly string[] {
  const sections = [...page.matchAll(/^## (.+)$/gm)].map(([, title]) => title!);
  const isGood = /^Question,Decision(?:,Why)?,Consequences$/.test(sections.join(','));
  return isGood
    ? []
    : [`${path} has the sections ${sections.join(', ') || 'none'}; docs/decisions/0000-template.md has others`];
}

function findLongFiles(): readonly string[] {
  return listFiles()
    .filter((path) => /^(packages|src|scripts|bin|web|test|bench)\//.test(path) && /\.(ts|js|mjs|svelte)$/.test(path))
    .flatMap((path) => {
      const text = readSource(path);
      if (text.startsWith('// Made by ')) return []; // generated
      const count = text.trimEnd().split('\n').length;
      return count > MAX_LINES ? [`${path}: ${count} lines, the limit is ${MAX_LINES}; cut it in two`] : [];
    });
}
