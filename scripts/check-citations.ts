/**
 * Checks the citations in code and documentation: each names a page, a rule or a section that the reader can
 * open.
 * In: the text files of the tree. Out: problems, one sentence each.
 */
import { anchorsOf } from './check-links.ts';
import { layers } from './layers.ts';
import { listFiles, readSource } from './source-files.ts';

/** Files in which citations are checked. */
const TEXT = /\.(ts|mjs|js|svelte|css|html|md)$/;

/** `docs/media.md 14`, `docs/media.md 6 to 13, 15a and 17`. */
const RULES = /docs\/media\.md (\d+[a-z]?\b(?:(?:, and |, | and | to )\d+[a-z]?\b)*)/g;

/** `docs/architecture.md, Threads`: a page and one of its headings, up to the end of the sentence. */
const SECTION = /(docs\/[\w/-]+\.md), ([A-Z][\w -]*)/g;

/** Any page that is named by its path from the root. */
const PAGE = /(?<![\w/.-])docs\/[\w/-]+\.md\b/g;

/**
 * Sources that a reader cannot open, or that have another form: RFC 8216bis is the form of
 * draft-pantos-hls-rfc8216bis.
 */
const UNKNOWN = /\bMEDIA\.md|\bMEDIA,? \d|\bDESIGN(?:\.md)?,? (?:\d|[A-Z])|(?<!RFC |rfc)8216bis|(?<![/-])\brfc8216bis/g;

/**
 * Finds the citations of a file that lead nowhere.
 *
 * @param file path from the root, for the sentences
 * @param text content of the file
 * @param page content of a page by its path from the root; undefined if there is none
 */
export function findBrokenCitations(
  file: string,
  text: string,
  page: (path: string) => string | undefined,
): readonly string[] {
  const problems: string[] = [];
  const rules = anchorsOf(page('docs/media.md') ?? '');
  for (const [, numbers] of text.matchAll(RULES)) {
    for (const [number] of numbers!.matchAll(/\d+[a-z]?/g))
      if (!rules.has(number)) problems.push(`${file}: docs/media.md has no rule ${number}`);
  }
  for (const [, path, heading] of text.matchAll(SECTION)) {
    const cited = page(path!);
    const anchor = heading!.trim().toLowerCase().replaceAll(' ', '-');
    if (cited !== undefined && !anchorsOf(cited).has(anchor)) problems.push(`${file}: ${path} has no "${heading}"`);
  }
  for (const [path] of text.matchAll(PAGE))
    if (page(path) === undefined) problems.push(`${file}: ${path} does not exist`);
  for (const [citation] of text.matchAll(UNKNOWN))
    problems.push(
      `${file}: "${citation}" is no citation; use docs/media.md with a rule, a page of docs, or RFC 8216bis`,
    );
  return problems;
}

/** A file of code that is named by its path from the root. */
const CODE = /(?<![\w/.@-])(?:packages|src|web\/src|test|scripts|bench|bin)\/[\w./-]+\.(?:ts|svelte|mjs|js)\b/g;
const folders = ['media', 'wire', ...Object.keys(layers).filter((name) => !name.includes('.'))];
/** A file or folder that is named from a layer on: `http/routes/inspect`. */
const LAYERED = new RegExp(`(?<![\\w/.@-])(?:${folders.join('|')})/[a-z][\\w./-]*\\w`, 'g');

/**
 * Finds the files of code that a page, or the opening comment of a source, names and that are not there.
 *
 * @param file path from the root, for the sentences
 * @param exists whether a path from the root is a file or a folder
 */
export function findMissingFiles(file: string, text: string, exists: (path: string) => boolean): readonly string[] {
  const isPage = file.endsWith('.md');
  const prose = isPage ? text : (/^\s*\/\*\*[\s\S]*?\*\//.exec(text)?.[0] ?? '');
  const code = isPage ? [...text.matchAll(/`([^`\n]+)`/g)].map(([, inner]) => inner!).join('\n') : prose;
  const isThere = (path: string) => ['', '.ts', '.svelte', '.svelte.ts'].some((ending) => exists(path + ending));
  const named = [
    ...[...prose.matchAll(CODE)].map(([path]) => ({ path, places: [path] })),
    ...[...code.matchAll(LAYERED)].map(([path]) => ({
      path,
      places: [`src/${path}`, `web/src/${path}`, `packages/${path}`, path],
    })),
  ];
  return named
    .filter(({ places }) => !places.some(isThere))
    .map(({ path }) => `${file} names ${path}, which does not exist`);
}

/** Everything wrong in the tree, one sentence each. */
export function checkCitations(): readonly string[] {
  const files = listFiles();
  const paths = new Set(files);
  const pages = new Map(files.filter((path) => path.endsWith('.md')).map((path) => [path, readSource(path)]));
  const folders = new Set(files.flatMap((path) => [...path.matchAll(/\//g)].map(({ index }) => path.slice(0, index))));
  const exists = (path: string) => paths.has(path) || folders.has(path);
  const named = files
    .filter(
      (path) =>
        /^(?:packages|src)\/.*\.ts$/.test(path) || (path.endsWith('.md') && !/^docs\/decisions|^CHANGELOG/.test(path)),
    )
    .flatMap((path) => findMissingFiles(path, readSource(path), exists));
  const cited = files
    .filter((path) => TEXT.test(path) && !path.includes('check-citations') && !path.startsWith('test/checks/'))
    .flatMap((path) => findBrokenCitations(path, readSource(path), (cited) => pages.get(cited)));
  return [...cited, ...named];
}
