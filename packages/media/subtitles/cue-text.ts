/**
 * The text of a cue with nothing in it but what WebVTT allows: pages show it, so no other tag comes through.
 * In: text of any format, with any tags. Out: WebVTT cue text; only settings of known names. Pure. W3C
 * WebVTT 4.2.2 and 4.4.
 */

const TAG = /<(\/?[A-Za-z][^<>\n]{0,200}|\d\d[\d:.]{1,20})>|[<>&]/g;
const CLOSING = /^\/(b|i|u|ruby|rt|c|v|lang)$/i;
const OPENING = /^(b|i|u|ruby|rt|c|v|lang)((?:\.[\w-]{1,32}){0,4})(?:[ \t]+([^<>&\n]{1,100}))?$/i;
const TIMESTAMP = /^(?:\d{2,3}:)?\d\d:\d\d\.\d{3}$/;
const REFERENCE = /^&(?:amp|lt|gt|nbsp|lrm|rlm);/;
const CHARACTER = /&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|(quot|apos));/gi;
/** Control characters but line ends and tabs. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is removed
const CONTROL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/g;
const MAX_LINES = 20;

const SETTING =
  /^(?:vertical:(?:rl|lr)|line:-?\d{1,4}(?:\.\d{1,4})?%?(?:,(?:start|center|end))?|position:\d{1,3}(?:\.\d{1,4})?%(?:,(?:line-left|center|line-right))?|size:\d{1,3}(?:\.\d{1,4})?%|align:(?:start|center|end|left|right))$/;

/** Characters with no meaning in WebVTT. */
export function escapeText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/**
 * Keeps the tags of WebVTT (`b`, `i`, `u`, `ruby`, `rt`, `c`, `v`, `lang`, timestamps) and its character
 * references. Other tags are removed, other characters with a meaning are escaped. The result has no empty
 * line and no arrow.
 */
export function safeCueText(text: string): string {
  const plain = text.replace(CONTROL, '').replaceAll(CHARACTER, (_, decimal, hex, name) => {
    if (name !== undefined) return name.toLowerCase() === 'quot' ? '"' : "'";
    const code = decimal === undefined ? Number.parseInt(hex, 16) : Number(decimal);
    return code >= 32 && code <= 0x10ffff ? escapeText(String.fromCodePoint(code)) : '';
  });
  const safe = plain.replaceAll(TAG, (whole, tag: string | undefined, at: number) => {
    if (tag !== undefined) return safeTag(tag.trim());
    if (whole === '<') return '&lt;';
    if (whole === '>') return '&gt;';
    return REFERENCE.test(plain.slice(at, at + 8)) ? '&' : '&amp;';
  });
  return joinLines(safe.split(/\r\n|\r|\n/));
}

/** Lines without empty ones, at most 20. */
export function joinLines(lines: readonly string[]): string {
  return lines
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .slice(0, MAX_LINES)
    .join('\n');
}

function safeTag(tag: string): string {
  const closing = CLOSING.exec(tag);
  if (closing) return `</${closing[1]!.toLowerCase()}>`;
  if (TIMESTAMP.test(tag)) return `<${tag}>`;
  const [, name = '', classes = '', annotation] = OPENING.exec(tag) ?? [];
  const kind = name.toLowerCase();
  if (kind === '') return '';
  if (kind === 'v' || kind === 'lang')
    return annotation === undefined ? '' : `<${kind}${classes} ${annotation.trim()}>`;
  return `<${kind}${classes}>`;
}

/** The settings of a cue that have a known name and value. */
export function safeSettings(settings: string): string {
  return settings
    .split(/[ \t]+/)
    .filter((setting) => SETTING.test(setting))
    .slice(0, 6)
    .join(' ');
}

/**
 * Settings of an alignment as SSA and ASS number it: like the keys of a number pad, 2 is the middle at the
 * bottom.
 *
 * @param pad 1 to 9
 */
export function alignmentSettings(pad: number): string {
  const column = (pad - 1) % 3;
  const row = Math.floor((pad - 1) / 3);
  return [
    ...(row === 1 ? ['line:50%'] : row === 2 ? ['line:0'] : []),
    ...(column === 0 ? ['position:0%', 'align:start'] : column === 2 ? ['position:100%', 'align:end'] : []),
  ].join(' ');
}
