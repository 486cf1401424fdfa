/**
 * Replaces the addresses in a playlist and leaves every other character as it is.
 * In: the text of an M3U8 file. Out: the text with other URIs. Pure. RFC 8216bis 4.1, 4.2.
 */
import { FormatError } from '../errors.ts';
import { MAX_LINE, MAX_LINES, MAX_TEXT } from './lines.ts';

/**
 * Attributes whose value is an address (EXT-X-MAP, -KEY, -MEDIA, -PART, -PRELOAD-HINT, -RENDITION-REPORT,
 * -DATERANGE …).
 */
const ADDRESSES: ReadonlySet<string> = new Set(['URI', 'X-ASSET-URI', 'X-ASSET-LIST']);
/**
 * One attribute; a quoted value is consumed as one, so that nothing inside it is taken for an attribute. A
 * name starts where it can.
 */
const ATTRIBUTE = /(?<![A-Z0-9-])([A-Z0-9-]+)=("[^"]*"|[^",]*)/g;

/**
 * Replaces every URI line and every attribute that is an address.
 *
 * @param replace returns the text in place of a URI; a `"`, CR or LF in it is a bug
 * @throws FormatError if the text is no playlist, or a bound of lines.ts is passed
 */
export function rewriteUris(text: string, replace: (uri: string) => string): string {
  if (text.length > MAX_TEXT) throw new FormatError(`the playlist is longer than ${MAX_TEXT} characters`, MAX_TEXT);
  const lines = text.split('\n');
  if (lines.length > MAX_LINES) throw new FormatError(`the playlist has more than ${MAX_LINES} lines`, 0);
  if (lines[0]!.replace(/^\ufeff/, '').trim() !== '#EXTM3U') {
    throw new FormatError('not a playlist: the first line is not #EXTM3U', 0);
  }
  return lines
    .map((line) => {
      if (line.length > MAX_LINE) throw new FormatError(`a line is longer than ${MAX_LINE} characters`, 0);
      const content = line.trim();
      if (content === '') return line;
      if (!content.startsWith('#')) return replace(content);
      return content.startsWith('#EXT') && content.includes('="') ? rewriteTag(content, replace) : line;
    })
    .join('\n');
}

function rewriteTag(line: string, replace: (uri: string) => string): string {
  const colon = line.indexOf(':');
  const attributes = line.slice(colon + 1).replace(ATTRIBUTE, (whole, name: string, value: string) => {
    if (!ADDRESSES.has(name) || !value.startsWith('"') || value.length < 3) return whole;
    return `${name}="${replace(value.slice(1, -1))}"`;
  });
  return line.slice(0, colon + 1) + attributes;
}
