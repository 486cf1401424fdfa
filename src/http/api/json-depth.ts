/**
 * A ceiling on how deep a JSON body may be nested, looked at before it is parsed.
 * In: text. Out: nothing, or a FormatError with the offset of the bracket too many.
 */
import { FormatError } from '../../lib/errors.ts';

/**
 * @param most levels of arrays and objects
 * @throws FormatError when the text goes deeper; text that is no JSON is left to the parser
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
