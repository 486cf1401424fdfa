/**
 * The files that the checks look at, and the imports and exports of a source file.
 * In: the tree as git sees it (new files too). Out: paths from the root, import lines, export lines.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Root of the repository, absolute. */
export const root: string = join(import.meta.dirname, '..');

/** Every file that is tracked or new and not ignored, sorted, with `/` between folders. */
export function listFiles(): readonly string[] {
  const printed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  // Git lists new files first.
  return printed
    .split('\0')
    .filter((path) => path !== '' && existsSync(join(root, path)))
    .sort();
}

/** Text of a file given from the root. */
export function readSource(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}

/** Sources below a folder, without their tests. */
export function listSources(folder: string): readonly string[] {
  return listFiles().filter(
    (path) => path.startsWith(`${folder}/`) && /\.(ts|js|mjs|svelte)$/.test(path) && !isTest(path),
  );
}

/** Whether the file is a test or a suite that tests run. */
export function isTest(path: string): boolean {
  return /\.(test|contract|fixture)\.ts$/.test(path);
}

/** One import, export-from or import() of a file. */
interface ImportLine {
  readonly specifier: string;
  /** 1 for the first line. */
  readonly line: number;
  /** Vanishes when types are stripped. */
  readonly isType: boolean;
}

const IMPORT =
  /(?:^|[;\n{(=,>]|=> |\bawait |\breturn )\s*(?:(import|export)(\s+type)?\s[^;'"`]*?\bfrom\s*|import\s*\(\s*|import\s*)(['"])([^'"\n]+)\3/g;

/** Everything that a source text imports, comments left out. */
export function listImports(text: string): readonly ImportLine[] {
  const code = withoutComments(text);
  return [...code.matchAll(IMPORT)].map((match) => ({
    specifier: match[4]!,
    line: code.slice(0, match.index + match[0].length).split('\n').length,
    isType: match[2] !== undefined,
  }));
}

/**
 * Comments replaced by blanks, so that offsets and lines stay. Strings that hold comment signs are rare and
 * left alone.
 */
export function withoutComments(text: string): string {
  const blank = (comment: string) => comment.replace(/[^\n]/g, ' ');
  return text.replace(/\/\*[\s\S]*?\*\//g, blank).replace(/(^|[\s;{}(),])\/\/[^\n]*/g, blank);
}
