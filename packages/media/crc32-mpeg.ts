/**
 * CRC-32/MPEG-2, which ends every PSI section.
 * In: bytes. Out: the remainder. ISO/IEC 13818-1, Annex A.
 */

const TABLE = Int32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte << 24;
  for (let bit = 0; bit < 8; bit++) remainder = remainder < 0 ? (remainder << 1) ^ 0x04c11db7 : remainder << 1;
  return remainder;
});

/**
 * CRC-32/MPEG-2 of `bytes[from, to)`: 0 over a section with its own CRC, unsigned 32 bits.
 */
export function crc32Mpeg(bytes: Uint8Array, from = 0, to: number = bytes.length): number {
  let crc = -1;
  for (let at = from; at < to; at++) crc = (crc << 8) ^ TABLE[(crc >>> 24) ^ bytes[at]!]!;
  return crc >>> 0;
}
