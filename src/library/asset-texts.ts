/**
 * The texts of an asset as they are stored: without control characters and marks of direction, within their
 * bounds.
 * In: texts of clients. Out: texts for the record. Texts of an upload are cut; the API refuses texts that are
 * too long.
 */
import { withoutDirections } from '../lib/text/clean-text.ts';

/** Characters of a title. */
const MAX_TITLE = 200;
/** Characters of a description. */
const MAX_DESCRIPTION = 5000;
/** Tags of an asset. */
const MAX_TAGS = 30;
/** Characters of a tag. */
const MAX_TAG = 50;
const MAX_FILENAME = 255;

/** One line: white space joined, control characters removed. */
function oneLine(text: string, max: number): string {
  const line = withoutDirections(text)
    .normalize('NFC')
    .replace(/[\s\p{Cc}\p{Cs}\u2028\u2029]+/gu, ' ')
    .trim();
  return cut(line, max).trim();
}

/** Cuts between characters, never within one. */
function cut(text: string, max: number): string {
  return text.length <= max ? text : text.slice(0, /[\uD800-\uDBFF]/.test(text[max - 1]!) ? max - 1 : max);
}

export function cleanTitle(title: string): string {
  return oneLine(title, MAX_TITLE);
}

/** The title of a file that has none: its name without path and ending. */
export function titleOfFile(filename: string): string {
  const stem = filename.replace(/\.[A-Za-z0-9]{1,5}$/, '');
  return cleanTitle((stem === '' ? filename : stem).replaceAll('_', ' '));
}

/** A description: lines are kept. */
export function cleanDescription(text: string): string {
  return cut(
    withoutDirections(text)
      .normalize('NFC')
      .replaceAll('\r\n', '\n')
      .replace(/[^\P{Cc}\n\t]|\p{Cs}/gu, '')
      .trim(),
    MAX_DESCRIPTION,
  );
}

/** Tags: one line each, none twice, in their order. */
export function cleanTags(tags: readonly string[]): string[] {
  const clean = tags.map((tag) => oneLine(tag, MAX_TAG)).filter((tag) => tag !== '');
  return [...new Set(clean)].slice(0, MAX_TAGS);
}

/** The name of a file without the folders that some clients send. */
export function cleanFilename(filename: string): string {
  return oneLine(filename.replace(/^.*[\\/]/s, ''), MAX_FILENAME);
}
