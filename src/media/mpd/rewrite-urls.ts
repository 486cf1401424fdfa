/**
 * Replaces the addresses in a DASH manifest and leaves every other character as it is.
 * In: the text of an MPD. Out: the text with other addresses. Pure. ISO 23009-1 5.6 (BaseURL), 5.3.9 (templates).
 */
import { FormatError } from '../../lib/errors.ts';
import { escapeXml, unescapeXml } from '../xml-text.ts';

/** Longest manifest, characters. */
export const MAX_MPD = 8 * 1024 * 1024;

/** Elements whose content is an address. */
const ELEMENT = /(<(BaseURL|Location|PatchLocation)(?:\s[^<>]*)?>)([^<]*)(<\/\2>)/g;
/** Attributes that are addresses or templates of them. */
const ATTRIBUTE = /(\s(?:media|initialization|sourceURL|index|bitstreamSwitching|xlink:href)=)("[^"<]*"|'[^'<]*')/g;

/**
 * Replaces the content of BaseURL, Location and PatchLocation, and the addresses in attributes.
 *
 * @param replace gets an address and whether it is a base, without entities; templates keep `$Number$` and the like
 * @throws FormatError if the text is no MPD, or longer than MAX_MPD
 */
export function rewriteMpdUrls(text: string, replace: (url: string, isBase: boolean) => string): string {
  if (text.length > MAX_MPD) throw new FormatError(`the manifest is longer than ${MAX_MPD} characters`, MAX_MPD);
  if (!/<(?:\w+:)?MPD[\s>]/.test(text.slice(0, 64 * 1024)))
    throw new FormatError('not a DASH manifest: it has no MPD element', 0);
  return text
    .replace(ELEMENT, (_, start: string, name: string, content: string, end: string) => {
      const url = unescapeXml(content).trim();
      return url === '' ? start + content + end : start + escapeXml(replace(url, name === 'BaseURL')) + end;
    })
    .replace(ATTRIBUTE, (whole, start: string, value: string) => {
      const url = unescapeXml(value.slice(1, -1));
      return url === '' ? whole : `${start}"${escapeXml(replace(url, false))}"`;
    });
}
