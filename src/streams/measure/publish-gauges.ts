/**
 * Metrics of what the publishers of streams send.
 * In: the measurement of each stream at a scrape, its samples. Out: gauges and counters by stream.
 */
import type { Metrics } from '../../observe/metrics.ts';
import { advise } from './advice.ts';
import type { Sample } from './figures.ts';
import type { StreamMeasure } from './stream-measure.ts';

/** Sets the gauges of a stream; those that do not apply have no series. */
export function readPublisher(metrics: Metrics, stream: string, { figures }: Pick<StreamMeasure, 'figures'>): void {
  const set = (gauge: Metrics['publishRtt'], labels: Record<string, string>, value: number | undefined) =>
    value === undefined ? gauge.remove(labels) : gauge.set(labels, value);
  const video = figures?.video;
  set(metrics.publishMediaRate, { stream, kind: 'video' }, video && video.bitrate / 8);
  set(metrics.publishMediaRate, { stream, kind: 'audio' }, figures?.audio && figures.audio.bitrate / 8);
  set(metrics.publishFrameRate, { stream }, video?.frameRate);
  set(metrics.publishKeyFrameInterval, { stream }, video?.keyFrameIntervalS);
  const rttMs = figures?.link.rttMs;
  set(metrics.publishRtt, { stream }, rttMs === undefined ? undefined : rttMs / 1000);
  const findings = figures && advise(figures);
  for (const severity of ['warn', 'bad'] as const) {
    const count = findings?.filter((finding) => finding.severity === severity).length;
    set(metrics.publishFindings, { stream, severity }, count);
  }
}

/** Counts what one second of a publisher brought. */
export function countSample(metrics: Metrics, stream: string, sample: Sample): void {
  const { bytesIn, packets, lost, retransmitted, dropped, settledFrames, lateBytes, links = [] } = sample;
  if (bytesIn > 0) metrics.publishBytes.inc({ stream }, bytesIn);
  if (settledFrames !== undefined) metrics.publishSettled.inc({ stream }, settledFrames);
  if (lateBytes !== undefined) metrics.publishLateBytes.inc({ stream }, lateBytes);
  for (const [result, count] of Object.entries({ received: packets, lost, retransmitted, dropped })) {
    if (count !== undefined) metrics.publishPackets.inc({ stream, result }, count);
  }
  for (const { number, bytes, packets, lost } of links) {
    const link = String(number);
    metrics.publishLinkBytes.inc({ stream, link }, bytes);
    metrics.publishLinkPackets.inc({ stream, link, result: 'received' }, packets);
    metrics.publishLinkPackets.inc({ stream, link, result: 'lost' }, lost);
  }
}
