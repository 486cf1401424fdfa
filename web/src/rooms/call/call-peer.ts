/**
 * What of RTCPeerConnection a call uses, and how its connections send: codecs, rates, silence.
 * In: a track and the mode of the call. Out: parameters of senders. W3C webrtc-pc; RFC 7587 7.
 */
import type { CallSource } from '../../../../src/api/room/call-shapes.ts';

/** The sources, in the order of the media descriptions of each connection. */
export const sources = ['microphone', 'camera', 'screen'] as const satisfies readonly CallSource[];

/** What this person sends; null: nothing. */
export type OwnTracks = Readonly<Record<CallSource, MediaStreamTrack | null>>;

/** Something that is received. */
export interface Incoming {
  /** The participant. */
  readonly from: string;
  readonly source: CallSource;
  readonly receiver: RTCRtpReceiver;
}

/** The kind of media of a source. */
export function kindOf(source: CallSource): 'audio' | 'video' {
  return source === 'microphone' ? 'audio' : 'video';
}

/** How a picture is sent: bits per second, pictures per second, and by how much it is made smaller. */
interface Sending {
  readonly maxBitrate: number;
  readonly maxFramerate: number;
  readonly scaleResolutionDownBy: number;
}

const rates = {
  mesh: { camera: { lines: 360, bits: 700_000, frames: 24 }, screen: { lines: 1080, bits: 1_500_000, frames: 10 } },
  forwarded: { camera: { lines: 180, bits: 300_000, frames: 15 }, screen: { lines: 720, bits: 800_000, frames: 8 } },
} as const;

/**
 * How much a picture may take: in a mesh it is sent to three others, in a forwarded call up to eight are
 * received.
 *
 * @param height of the track, pixels; 0: not known
 */
export function sendingOf(source: 'camera' | 'screen', mode: 'mesh' | 'forwarded', height: number): Sending {
  const { lines, bits, frames } = rates[mode][source];
  return { maxBitrate: bits, maxFramerate: frames, scaleResolutionDownBy: Math.max(1, height / lines) };
}

/** Sends a track on a connection, or nothing; a connection that has been closed meanwhile is left alone. */
export async function sendTrack(
  sender: RTCRtpSender,
  source: CallSource,
  track: MediaStreamTrack | null,
  mode: 'mesh' | 'forwarded',
): Promise<void> {
  try {
    await sender.replaceTrack(track);
    if (!track || source === 'microphone') return;
    const parameters = sender.getParameters();
    const sending = sendingOf(source, mode, track.getSettings().height ?? 0);
    for (const encoding of parameters.encodings) Object.assign(encoding, sending);
    await sender.setParameters(parameters);
  } catch (error) {
    if (!(error instanceof DOMException)) throw error;
  }
}

/** The codecs of calls; the browser offers many more, and each makes the offer longer. */
export function limitCodecs(transceiver: RTCRtpTransceiver, kind: 'audio' | 'video'): void {
  const names = kind === 'audio' ? ['audio/opus'] : ['video/vp8', 'video/rtx'];
  const codecs = RTCRtpReceiver.getCapabilities(kind)?.codecs ?? [];
  transceiver.setCodecPreferences(codecs.filter(({ mimeType }) => names.includes(mimeType.toLowerCase())));
}

/** A description whose sender wants no packets of silence: who listens costs almost nothing. RFC 7587 7.1. */
export function withoutSilence(sdp: string): string {
  const opus = /^a=rtpmap:(\d+) opus\//im.exec(sdp)?.[1];
  if (opus === undefined || sdp.includes('usedtx=')) return sdp;
  return sdp.replace(new RegExp(`^a=fmtp:${opus} .*$`, 'gm'), (line) => `${line.trimEnd()};usedtx=1`);
}
