/**
 * Chooses how the sound of live streams becomes Opus: in a child process for each stream.
 * In: clock, log, metrics. Out: the function that opens a conversion, for WHEP viewers and WHIP relays.
 */

import type { OpenOpusConversion } from '@oxbow/media/rtp/send/opus-audio';
import { openAudioTranscoder } from '../../ffmpeg/audio-transcoder.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../observe/log.ts';
import type { Metrics } from '../../observe/metrics.ts';
import { ConversionReport } from '../stage/conversion-report.ts';
import { OpusConversion } from './opus-conversion.ts';

/** Returns the function that opens the conversion of one stream. */
export function createOpenOpus({
  clock,
  log,
  metrics,
}: {
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
}): OpenOpusConversion {
  return (name, deliver) => {
    const report = new ConversionReport('audio', { clock, log, metrics, name: () => name });
    return new OpusConversion({ open: openAudioTranscoder, clock, report }, deliver);
  };
}
