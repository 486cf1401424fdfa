/**
 * Splits a playlist into lines, within bounds.
 * In: the text of an M3U8 file. Out: its tags and URIs with their offsets; comments and blank lines left out.
 * Pure. RFC 8216bis 4.1.
 */
import { FormatError } from '../errors.ts';

/** Longest text, characters: a day of segments of 2 s, each with its date, takes about 4 MiB. */
export const MAX_TEXT = 8 * 1024 * 1024;
/** Most lines, blank ones counted. */
export const MAX_LINES = 200_000;
/** Longest line, characters; also the longest after variables were put in. */
export const MAX_LINE = 16 * 1024;

/** The most frequent tags of a long playlist; recognized without splitting the line or creating a string. */
const FREQUENT = ['#EXTINF', '#EXT-X-PROGRAM-DATE-TIME', '#EXT-X-PART'] as const;

/** One line with content. */
export interface Line {
  /** Characters from the start of the text. */
  readonly offset: number;
  /** The tag's name with its `#`, or '' for a URI. */
  readonly tag: string;
  /** Text after the tag's colon, or the URI; without white space at the ends. */
  readonly value: string;
}

/**
 * Splits at LF or CRLF, steps over a byte order mark, and checks that the first line is EXTM3U.
 *
 * @param behind characters and, at least, lines before `text` in its playlist, which were split earlier
 * @throws FormatError when EXTM3U is missing, or a bound is passed
 */
export function splitLines(text: string, behind = { characters: 0, lines: 0 }): Line[] {
  const { characters } = behind;
  if (characters + text.length > MAX_TEXT)
    throw new FormatError(`the playlist is longer than ${MAX_TEXT} characters`, MAX_TEXT);
  const lines: Line[] = [];
  let at = characters === 0 && text.charCodeAt(0) === 0xfeff ? 1 : 0;
  let count = behind.lines;
  while (at < text.length) {
    const lineFeed = text.indexOf('\n', at);
    const end = lineFeed < 0 ? text.length : lineFeed;
    const offset = characters + at;
    if (end - at > MAX_LINE)
      throw new FormatError(`a line of the playlist is longer than ${MAX_LINE} characters`, offset);
    count += 1;
    if (count > MAX_LINES) throw new FormatError(`the playlist has more than ${MAX_LINES} lines`, offset);
    const line = text.slice(at, end).trim();
    if (count === 1 && line !== '#EXTM3U')
      throw new FormatError('not a playlist: the first line is not #EXTM3U', offset);
    if (line.startsWith('#EXT')) {
      const colon = line.indexOf(':');
      const tag = FREQUENT.find((name) => name.length === colon && line.startsWith(name));
      if (tag) lines.push({ offset, tag, value: line.slice(colon + 1).trim() });
      else if (colon < 0) lines.push({ offset, tag: line, value: '' });
      else lines.push({ offset, tag: line.slice(0, colon), value: line.slice(colon + 1).trim() });
    } else if (line !== '' && !line.startsWith('#')) {
      lines.push({ offset, tag: '', value: line });
    }
    at = end + 1;
  }
  if (count === 0) throw new FormatError('the playlist is empty', 0);
  return lines;
}
