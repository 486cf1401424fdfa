/**
 * The figures of an SRT connection as those of a publisher session.
 * In: SrtStats. Out: PublisherStats, changed in place. Pure.
 */
import type { SrtStats } from '../../wire/srt/srt.ts';
import type { PublisherStats } from '../publisher-stats.ts';

/** Copies the figures. */
export function updateStats(stats: PublisherStats, srt: SrtStats): void {
  stats.bytesIn = srt.receivedBytes;
  stats.rttMs = srt.rttMs;
  stats.packets = srt.received;
  stats.lost = srt.lost;
  stats.retransmitted = srt.retransmittedReceived;
  stats.dropped = srt.dropped + srt.undecryptable + srt.overflowed;
  stats.bufferMs = srt.bufferMs;
  stats.latencyMs = srt.latencyMs;
}
