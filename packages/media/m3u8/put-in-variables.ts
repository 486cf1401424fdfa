/**
 * Puts the values of variables into the text of a playlist, which then has no variables.
 * In: the text of an M3U8 file, values of the Multivariant Playlist and the URL. Out: the text, and its
 * variables. Pure. RFC 8216bis 4.3 and 4.4.2.3.
 */
import { FormatError } from '../errors.ts';
import { parseAttributes } from './attributes.ts';
import { type VariableSources, Variables } from './variables.ts';

const DEFINE = '#EXT-X-DEFINE:';

/**
 * Removes EXT-X-DEFINE and puts the values in, in URI lines and tags. A playlist without variables stays as
 * it is.
 *
 * @throws FormatError as `Variables`; for a value with a quote or a line break
 */
export function putInVariables(
  text: string,
  sources: VariableSources,
): { readonly text: string; readonly variables: ReadonlyMap<string, string> } {
  const variables = new Variables(sources);
  if (!text.includes(DEFINE)) return { text, variables: variables.values };
  const lines: string[] = [];
  let offset = 0;
  for (const line of text.split('\n')) {
    const content = line.trim();
    if (content.startsWith(DEFINE)) {
      const at = offset;
      const list = content.slice(DEFINE.length);
      const attributes = parseAttributes(list, 'EXT-X-DEFINE', at, (value) => variables.substitute(value, at));
      variables.define(attributes, at);
    } else {
      const isText = content.startsWith('#EXTINF:') || (content.startsWith('#') && !content.startsWith('#EXT'));
      const filled = isText ? line : variables.substitute(line, offset);
      if (filled.split('"').length !== line.split('"').length || /[\r\n]/.test(filled.trimEnd()))
        throw new FormatError('the value of a variable has a quote or a line break', offset);
      lines.push(filled);
    }
    offset += line.length + 1;
  }
  return { text: lines.join('\n'), variables: variables.values };
}
