/**
 * A Multivariant Playlist as the checker reads it.
 * In: text and URL. Out: Variant Streams and Renditions with their attributes. Never throws. RFC 8216bis
 * 4.4.6.
 */
import { integer, type Line, type Lines, readLines } from './lines.ts';

/** A Variant Stream. */
export interface TextVariant {
  readonly line: number;
  /** Empty where no URI follows. */
  readonly uri: string;
  readonly attributes: Line['attributes'];
}

/** A Multivariant Playlist. */
export interface MultivariantText {
  readonly url: string;
  readonly text: string;
  readonly read: Lines;
  readonly version: number;
  readonly variants: readonly TextVariant[];
  /** EXT-X-MEDIA. */
  readonly renditions: readonly Line[];
}

/** Reads a Multivariant Playlist. */
export function readMultivariant(url: string, text: string): MultivariantText {
  const read = readLines(text);
  const { lines } = read;
  const variants: TextVariant[] = [];
  for (const [index, line] of lines.entries()) {
    if (line.tag !== 'EXT-X-STREAM-INF') continue;
    const next = lines[index + 1];
    const uri = next && next.tag === undefined ? next.text : '';
    variants.push({ line: line.number, uri, attributes: line.attributes });
  }
  const version = integer(lines.find(({ tag }) => tag === 'EXT-X-VERSION')?.value ?? '1');
  const renditions = lines.filter(({ tag }) => tag === 'EXT-X-MEDIA');
  return { url, text, read, version, variants, renditions };
}

/** Whether a text is a Multivariant Playlist. */
export function isMultivariant(text: string): boolean {
  return /^#EXT-X-(STREAM-INF|MEDIA|I-FRAME-STREAM-INF):/m.test(text);
}
