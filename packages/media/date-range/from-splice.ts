/**
 * SCTE 35 commands as date ranges: a break as one range from its out to its in point, everything else as a
 * command.
 * In: a splice_info_section and its time of arrival. Out: date ranges, computed without other sections.
 * Pure. RFC 8216bis 4.4.5.1.1; ANSI/SCTE 35, 10.3.3.1.
 */
import { FormatError } from '../errors.ts';
import { parseSpliceSection, type SpliceCommand } from '../scte35/section.ts';

/** One event of a section. */
export interface SpliceEvent {
  /** `out` begins what the `in` of the same key ends. */
  readonly role: 'out' | 'in' | 'command';
  /**
   * Names the event while it lasts, e.g. `splice-1207959694` or `segment-12-48`; empty for a command that
   * names none.
   */
  readonly key: string;
  /** Ticks of 90 kHz, 33 bits; undefined for the arrival of the section. */
  readonly pts?: number;
  /** Planned, seconds. */
  readonly durationS?: number;
}

/** segmentation_type_ids at which the network is left; the next number is where it comes back. */
const OUT_TYPES: ReadonlySet<number> = new Set([...[0x22, 0x30, 0x32, 0x34, 0x36, 0x38, 0x3a, 0x3c, 0x3e, 0x44, 0x46]]);

/**
 * The events of a section; none for what says nothing (splice_null, bandwidth_reservation) and for what is
 * cancelled.
 *
 * @param bytes the section; one that cannot be read is a command without a name
 */
export function eventsOfSplice(bytes: Uint8Array): SpliceEvent[] {
  try {
    const { command, segmentations } = parseSpliceSection(bytes);
    if (command.kind === 'null' || command.kind === 'reservation') return [];
    if (command.kind === 'insert') return command.cancelled ? [] : [ofInsert(command)];
    const pts = command.kind === 'signal' ? command.pts : undefined;
    const at = pts !== undefined && { pts };
    if (segmentations.length === 0) return [{ role: 'command', key: '', ...at }];
    return segmentations
      .filter(({ cancelled }) => !cancelled)
      .map(({ eventId, type, duration }) => {
        const planned = duration !== undefined && { durationS: duration / 90_000 };
        if (OUT_TYPES.has(type)) return { role: 'out', key: `segment-${eventId}-${type}`, ...at, ...planned };
        if (OUT_TYPES.has(type - 1)) return { role: 'in', key: `segment-${eventId}-${type - 1}`, ...at };
        return { role: 'command', key: `segment-${eventId}-${type}`, ...at, ...planned };
      });
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    return [{ role: 'command', key: '' }];
  }
}

function ofInsert({ eventId, out, pts, duration }: Extract<SpliceCommand, { kind: 'insert' }>): SpliceEvent {
  return {
    role: out ? 'out' : 'in',
    key: `splice-${eventId}`,
    ...(pts !== undefined && { pts }),
    ...(out && duration !== undefined && { durationS: duration / 90_000 }),
  };
}
