/**
 * What the connections of a call carry, and how loud each voice is, from two readings of their statistics.
 * In: reports of getStats. Out: rates, loss, levels. Pure. W3C webrtc-stats 8.
 */

/** The fields that are used of a report. */
interface CallReport {
  readonly type: string;
  readonly kind?: string;
  readonly trackIdentifier?: string;
  readonly bytesSent?: number;
  readonly bytesReceived?: number;
  readonly packetsReceived?: number;
  readonly packetsLost?: number;
  readonly totalAudioEnergy?: number;
  readonly totalSamplesDuration?: number;
}

/** Counters of all connections at one time. */
export interface CallReading {
  /** On a steady clock, ms. */
  readonly atMs: number;
  readonly sentBytes: number;
  readonly receivedBytes: number;
  readonly receivedPackets: number;
  readonly lostPackets: number;
  /** Energy and length, s, of the received sound, by track. */
  readonly sounds: ReadonlyMap<string, { readonly energy: number; readonly seconds: number }>;
}

/** What the connections carry. */
export interface CallFigures {
  readonly upKbps: number;
  readonly downKbps: number;
  /** Packets that were not received, percent. */
  readonly lossPercent: number;
}

/** The counters in some reports. */
export function readingOf(reports: Iterable<CallReport>, atMs: number): CallReading {
  let [sentBytes, receivedBytes, receivedPackets, lostPackets] = [0, 0, 0, 0];
  const sounds = new Map<string, { energy: number; seconds: number }>();
  for (const report of reports) {
    if (report.type === 'outbound-rtp') sentBytes += report.bytesSent ?? 0;
    if (report.type !== 'inbound-rtp') continue;
    receivedBytes += report.bytesReceived ?? 0;
    receivedPackets += report.packetsReceived ?? 0;
    lostPackets += report.packetsLost ?? 0;
    const { kind, trackIdentifier, totalAudioEnergy = 0, totalSamplesDuration = 0 } = report;
    if (kind === 'audio' && trackIdentifier !== undefined)
      sounds.set(trackIdentifier, { energy: totalAudioEnergy, seconds: totalSamplesDuration });
  }
  return { atMs, sentBytes, receivedBytes, receivedPackets, lostPackets, sounds };
}

/** Rates between two readings; counters that begin again, with a new connection, count as nothing. */
export function figuresBetween(before: CallReading, after: CallReading): CallFigures {
  const ms = Math.max(1, after.atMs - before.atMs);
  const grown = (counter: 'sentBytes' | 'receivedBytes' | 'receivedPackets' | 'lostPackets') =>
    Math.max(0, after[counter] - before[counter]);
  const expected = grown('receivedPackets') + grown('lostPackets');
  return {
    upKbps: (grown('sentBytes') * 8) / ms,
    downKbps: (grown('receivedBytes') * 8) / ms,
    lossPercent: expected === 0 ? 0 : (100 * grown('lostPackets')) / expected,
  };
}

/** How loud a track was between two readings, 0 to 1 (root mean square). */
export function levelBetween(before: CallReading, after: CallReading, track: string): number {
  const [from, to] = [before.sounds.get(track), after.sounds.get(track)];
  if (!from || !to || to.seconds <= from.seconds) return 0;
  return Math.sqrt(Math.max(0, to.energy - from.energy) / (to.seconds - from.seconds));
}

/** Louder than this is speech. */
const SPEECH_LEVEL = 0.01;
/** A pause between words that is shorter than this is part of the speech, ms. */
const PAUSE_MS = 700;

/** Who speaks, from how loud each one is. */
export class Speakers {
  readonly #heardMs = new Map<string, number>();

  /** Who speaks now. @param levels 0 to 1, by participant */
  next(levels: ReadonlyMap<string, number>, nowMs: number): ReadonlySet<string> {
    for (const [participant, level] of levels) if (level > SPEECH_LEVEL) this.#heardMs.set(participant, nowMs);
    for (const [participant, heardMs] of this.#heardMs)
      if (nowMs - heardMs > PAUSE_MS || !levels.has(participant)) this.#heardMs.delete(participant);
    return new Set(this.#heardMs.keys());
  }
}
