/**
 * Creates the sessions of WebRTC, before their port is open: HTTP is open first, and answers `webrtc-off` until then.
 * In: settings, PublishAccess. Out: WebRtcServer.
 */
import { openAudioTranscoder } from '../ffmpeg/audio-transcoder.ts';
import type { PublishAccess } from '../ingest/publish-access.ts';
import type { OpenOpusConversion } from '../ingest/webrtc/opus-audio.ts';
import { WebRtcServer } from '../ingest/webrtc/webrtc-server.ts';
import { ConversionReport } from '../transcode/audio/conversion-report.ts';
import { OpusConversion } from '../transcode/audio/opus-conversion.ts';
import type { AppContext } from './parts.ts';

/** Creates the server; openIngest lets it listen. */
export function createWebRtc({ config, clock, log, metrics }: AppContext, access: PublishAccess): WebRtcServer {
  const { webrtcAddresses: addresses, webrtcMaxSessions: maxSessions, hls } = config;
  const keyIntervalMs = hls.segmentDuration;
  const openOpus: OpenOpusConversion = (name, deliver) => {
    const report = new ConversionReport({ clock, log, metrics, name: () => name });
    return new OpusConversion({ open: openAudioTranscoder, clock, report }, deliver);
  };
  return new WebRtcServer({ access, addresses, maxSessions, keyIntervalMs, openOpus, clock, log, metrics });
}
