/**
 * Prints XML elements, dates and durations.
 * In: names and values. Out: text. XML 1.0 2.4 and 3.1; XML Schema part 2 3.2.6 and 3.2.7. Pure.
 */

/** Attributes by name; those without a value are left out. */
export type Attributes = Readonly<Record<string, string | number | undefined>>;

const SPECIAL: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
/** Characters that no XML document may have. */
const FORBIDDEN = /[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu;

/**
 * An element.
 *
 * @param content elements, or text that is to be escaped
 */
export function element(name: string, attributes: Attributes, content: readonly string[] | string = []): string {
  let head = `<${name}`;
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== undefined) head += ` ${key}="${escapeText(String(value))}"`;
  }
  if (typeof content === 'string') return `${head}>${escapeText(content)}</${name}>`;
  return content.length === 0 ? `${head}/>` : `${head}>\n${content.join('\n')}\n</${name}>`;
}

function escapeText(text: string): string {
  return text.replace(FORBIDDEN, ' ').replace(/[&<>"]/g, (c) => SPECIAL[c]!);
}

/**
 * An xs:dateTime in UTC.
 *
 * @param us µs since 1970
 */
export function printDateTime(us: number): string {
  const whole = Math.floor(us / 1e6);
  return new Date(whole * 1000).toISOString().replace('.000Z', `${fraction(us - whole * 1e6)}Z`);
}

/**
 * An xs:duration in seconds.
 *
 * @param us µs, 0 or more
 */
export function printDuration(us: number): string {
  const whole = Math.floor(us / 1e6);
  return `PT${whole}${fraction(us - whole * 1e6)}S`;
}

/** The decimals of a second; empty where there are none. */
function fraction(us: number): string {
  const digits = String(Math.round(us)).padStart(6, '0').replace(/0+$/, '');
  return digits === '' ? '' : `.${digits}`;
}
