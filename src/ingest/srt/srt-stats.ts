/**
 * The figures of an SRT connection as those of a publisher session.
 * In: SrtStats. Out: PublisherStats, changed in place. Pure.
 */
import type { SrtLink, SrtStats } from '@oxbow/wire/srt/srt';
import type { PublisherStats } from '../publisher-stats.ts';

/** Copies the figures. @param links of a bonded publisher */
export function updateStats(stats: PublisherStats, srt: SrtStats, links?: readonly SrtLink[]): void {
  stats.links = links;
  stats.bytesIn = srt.receivedBytes;
  stats.rttMs = srt.rttMs;
  // A packet that is out of order is missing for a moment and not lost, and a repaired one is lost although
  // it came.
  stats.packets = Math.max(stats.packets ?? 0, srt.received - srt.repaired);
  stats.lost = Math.max(stats.lost ?? 0, srt.repaired + srt.dropped);
  stats.retransmitted = srt.retransmittedReceived;
  stats.dropped = srt.dropped + srt.undecryptable + srt.overflowed;
  stats.bufferMs = srt.bufferMs;
  stats.latencyMs = srt.latencyMs;
}
