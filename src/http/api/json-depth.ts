/**
 * Limits how deeply a JSON body is nested, before it is parsed.
 * In: text. Out: nothing, or a FormatError with the offset of the first bracket that is too deep.
 */
import { FormatError } from '@oxbow/media/errors';

/**
 * Checks the nesting of arrays and objects. Ignores other syntax errors: the parser reports them.
 *
 * @param most levels of arrays and objects
 * @throws FormatError if the text is nested more deeply
 */
export function checkJsonDepth(text: string, most: number): void {
  let depth = 0;
  let inString = false;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (inString) {
      if (code === 0x5c) at++;
      else if (code === 0x22) inString = false;
    } else if (code === 0x22) inString = true;
    else if (code === 0x5b || code === 0x7b) {
      if (++depth > most) throw new FormatError(`The body is nested more than ${most} levels deep.`, at);
    } else if (code === 0x5d || code === 0x7d) depth--;
  }
}
