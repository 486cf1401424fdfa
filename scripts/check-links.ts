/**
 * Checks the documentation as a reader meets it: every relative link leads somewhere, and every page can be
 * reached from the README.
 * In: the Markdown files of the tree. Out: problems, one sentence each.
 */
import { posix } from 'node:path';
import { listFiles, readSource } from './source-files.ts';

/** A relative link of a page. */
interface Link {
  /** Path from the root, or the page itself for a link within it. */
  readonly target: string;
  /** Without `#`; empty for the whole page. */
  readonly anchor: string;
}

const LINK = /\]\(([^)\s]+)\)/g;

/** Code is text to be copied: what looks like a link there is none. */
function withoutCode(markdown: string): string {
  return markdown.replace(/^```[\s\S]*?^```/gm, '').replace(/`[^`\n]*`/g, '');
}

/** The relative links of a page, in order. */
export function linksOf(page: string, markdown: string): readonly Link[] {
  return [...withoutCode(markdown).matchAll(LINK)]
    .map(([, address]) => address!)
    .filter((address) => !/^[a-z]+:/i.test(address))
    .map((address) => {
      const [file = '', anchor = ''] = address.split('#');
      const target = file === '' ? page : posix.normalize(posix.join(posix.dirname(page), file));
      return { target, anchor };
    });
}

/** The anchors of a page: its headings, as GitHub makes them, and `<a id="…">`. */
export function anchorsOf(markdown: string): ReadonlySet<string> {
  const anchors = new Set<string>();
  for (const [, heading] of markdown.replace(/^```[\s\S]*?^```/gm, '').matchAll(/^#+ +(.+)$/gm)) {
    const slug = heading!
      .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replace(/\s/g, '-');
    let anchor = slug;
    for (let i = 1; anchors.has(anchor); i++) anchor = `${slug}-${i}`;
    anchors.add(anchor);
  }
  for (const [, id] of markdown.matchAll(/<a id="([^"]+)"><\/a>/g)) anchors.add(id!);
  return anchors;
}

/**
 * Problems of the links of a set of pages.
 *
 * @param pages Markdown by path from the root; `README.md` is where readers begin
 * @param exists whether a path is a file or a folder of the tree
 */
export function findBrokenLinks(pages: ReadonlyMap<string, string>, exists: (path: string) => boolean): string[] {
  const problems: string[] = [];
  const reached = new Set(['README.md']);
  for (const page of reached) {
    const markdown = pages.get(page);
    if (markdown === undefined) continue;
    for (const { target, anchor } of linksOf(page, markdown)) {
      reached.add(target);
      const text = pages.get(target);
      if (!exists(target)) problems.push(`${page}: ${target} does not exist`);
      else if (anchor !== '' && text !== undefined && !anchorsOf(text).has(anchor))
        problems.push(`${page}: ${target} has no heading #${anchor}`);
    }
  }
  for (const page of pages.keys()) if (!reached.has(page)) problems.push(`${page}: no link leads here from README.md`);
  return problems;
}

/** Everything wrong, one sentence each. */
export function checkLinks(): readonly string[] {
  const files = listFiles();
  const pages = files.filter((path) => path.endsWith('.md') && !path.endsWith('0000-template.md'));
  const folders = new Set(files.flatMap((path) => path.split('/').map((_, i, parts) => parts.slice(0, i).join('/'))));
  const paths = new Set(files);
  return findBrokenLinks(
    new Map(pages.map((path) => [path, readSource(path)])),
    (path) => paths.has(path) || folders.has(path.replace(/\/$/, '')),
  );
}
