/**
 * Splice time of a SCTE 35 section.
 * In: a splice_info_section. Out: its time. SCTE 35, 9.6 and 9.7.
 */
import { FormatError } from '../errors.ts';
import { parseSpliceSection } from '../scte35/section.ts';

const TABLE_ID = 0xfc;

/** Whether a section is a splice_info_section. */
export function isSplice(section: Uint8Array): boolean {
  return section[0] === TABLE_ID;
}

/**
 * The time a message is for, 33 bits of 90 kHz with pts_adjustment, or undefined without one: immediate,
 * cancelled, encrypted, of a command without a time, or malformed.
 *
 * @param section whole, with its CRC
 */
export function spliceTime(section: Uint8Array): number | undefined {
  try {
    const { command } = parseSpliceSection(section);
    return command.kind === 'insert' || command.kind === 'signal' ? command.pts : undefined;
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    return undefined;
  }
}
