/**
 * The characters of CEA-608, and the rows of its preamble address codes.
 * In: byte pairs without parity. Out: characters and rows. Tables. ANSI/CTA-608-E, 8.4 and annex B; 47 CFR
 * 79.101.
 */

/** Codes 0x20 to 0x7f are ASCII but for these. */
const NOT_ASCII: Readonly<Record<number, string>> = {
  39: '’',
  42: 'á',
  92: 'é',
  94: 'í',
  95: 'ó',
  96: 'ú',
  123: 'ç',
  124: '÷',
  125: 'Ñ',
  126: 'ñ',
  127: '█',
};

/** Second byte 0x30 to 0x3f; the tenth is a transparent space. */
const SPECIAL = '®°½¿™¢£♪à èâêîôû';
/** Second byte 0x20 to 0x3f, after 0x12 and after 0x13. */
const EXTENDED = ['ÁÉÓÚÜü‘¡*’—©℠•“”ÀÂÇÈÊËëÎÏïÔÙùÛ«»', 'ÃãÍÌìÒòÕõ{}\\^_|~ÄäÖöß¥¤¦ÅåØø┌┐└┘'] as const;

/** Rows, 1 to 15, by the first byte's low 3 bits; the second byte's bit 0x20 selects the second one. */
const ROWS = [
  [11, 11],
  [1, 2],
  [3, 4],
  [12, 13],
  [14, 15],
  [5, 6],
  [7, 8],
  [9, 10],
] as const;

/** A character of the basic set, 0x20 to 0x7f. */
export function basicCharacter(code: number): string {
  return NOT_ASCII[code] ?? String.fromCharCode(code);
}

/** A special character, 0x30 to 0x3f. */
export function specialCharacter(code: number): string {
  return SPECIAL[code - 0x30] ?? ' ';
}

/**
 * An extended character, which replaces the one before it.
 *
 * @param set 0x12 or 0x13
 * @param code 0x20 to 0x3f
 */
export function extendedCharacter(set: number, code: number): string {
  return EXTENDED[set === 0x12 ? 0 : 1][code - 0x20] ?? ' ';
}

/**
 * Where a preamble address code puts the cursor.
 *
 * @param first without the bit of the channel, 0x10 to 0x17
 * @param second 0x40 to 0x7f
 * @returns row 1 to 15, column 0 to 28
 */
export function preambleAddress(first: number, second: number): { row: number; column: number } {
  const row = ROWS[first & 7]![second & 0x20 ? 1 : 0];
  return { row, column: second & 0x10 ? ((second & 0x0e) >> 1) * 4 : 0 };
}
