/**
 * Chooses how the sound of live streams becomes Opus: in a child process for each stream.
 * In: the context. Out: what opens a conversion, for WHEP viewers and WHIP relays.
 */

import type { AppContext } from '../../features/core.ts';
import { openAudioTranscoder } from '../../ffmpeg/audio-transcoder.ts';
import type { OpenOpusConversion } from '../../media/rtp/send/opus-audio.ts';
import { OpusConversion } from '../../transcode/audio/opus-conversion.ts';
import { ConversionReport } from '../../transcode/stage/conversion-report.ts';

/** Returns what opens the conversion of one stream. */
export function createOpenOpus({
  clock,
  log,
  metrics,
}: Pick<AppContext, 'clock' | 'log' | 'metrics'>): OpenOpusConversion {
  return (name, deliver) => {
    const report = new ConversionReport('audio', { clock, log, metrics, name: () => name });
    return new OpusConversion({ open: openAudioTranscoder, clock, report }, deliver);
  };
}
