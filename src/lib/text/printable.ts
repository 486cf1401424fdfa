/**
 * Text that someone else has chosen, for terminals and logs: without characters that move the cursor, change
 * colours, begin a line, or reverse the direction of the following text.
 * In: text. Out: the same with those characters as `\u{1b}`. Pure. ECMA-48 5.3; Unicode UAX 9.
 */

/** Controls, separators of lines, and marks of direction. Joiners stay: emoji and some scripts need them. */
const COMMANDS = /[\p{Cc}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/** JSON Schema pattern of a text of one line without such characters. */
export const ONE_LINE = '^[^\\u0000-\\u001f\\u007f-\\u009f\\u061c\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069]*$';

/** The text with such characters as escapes. */
export function printable(text: string): string {
  return text.replace(COMMANDS, (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`);
}
