/**
 * Decodes the bytes of a text file whose character set may be unknown.
 * In: bytes, the declared character set. Out: text and the name of the character set. Pure. WHATWG Encoding.
 */
import { FormatError } from '../errors.ts';

interface DecodedText {
  readonly text: string;
  /** Name in the Encoding standard, e.g. `utf-8`, `gb18030`. */
  readonly charset: string;
}

/** Share of the bytes above 127 that must be in pairs of two, for a text to count as Chinese. */
const PAIRED_SHARE = 0.9;

/**
 * A byte order mark counts first, then `declared`, then UTF-8 where the bytes are valid. Otherwise
 * the text counts as GBK where nearly all bytes above 127 come in pairs from 0xA1 on, and as windows-1252
 * where they do not.
 *
 * @param declared name of a character set; undefined: unknown
 * @throws FormatError if `declared` is no known name
 */
export function decodeText(bytes: Uint8Array, declared?: string): DecodedText {
  const [a, b, c] = bytes;
  if (a === 0xef && b === 0xbb && c === 0xbf) return decodeAs(bytes, 'utf-8');
  if (a === 0xff && b === 0xfe) return decodeAs(bytes, 'utf-16le');
  if (a === 0xfe && b === 0xff) return decodeAs(bytes, 'utf-16be');
  if (declared !== undefined) return decodeAs(bytes, declared);
  if (isUtf8(bytes)) return decodeAs(bytes, 'utf-8');
  return decodeAs(bytes, looksLikeGbk(bytes) ? 'gb18030' : 'windows-1252');
}

function decodeAs(bytes: Uint8Array, label: string): DecodedText {
  let decoder: InstanceType<typeof TextDecoder>;
  try {
    decoder = new TextDecoder(label);
  } catch {
    throw new FormatError(`unknown character set ${label.slice(0, 40)}`, 0);
  }
  return { text: decoder.decode(bytes), charset: decoder.encoding };
}

function isUtf8(bytes: Uint8Array): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false; // the decoder throws for invalid bytes
  }
}

function looksLikeGbk(bytes: Uint8Array): boolean {
  let high = 0;
  let paired = 0;
  for (let i = 0; i < bytes.length; i++) {
    if (bytes[i]! < 0x80) continue;
    const isPair = bytes[i]! >= 0xa1 && bytes[i]! <= 0xfe && (bytes[i + 1] ?? 0) >= 0xa1;
    high += isPair ? 2 : 1;
    if (!isPair) continue;
    paired += 2;
    i++;
  }
  return high > 0 && paired >= PAIRED_SHARE * high;
}
