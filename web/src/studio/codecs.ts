/**
 * What a publisher in the browser offers: codecs that the server takes, and stereo sound.
 * In: the codecs of a browser, an offer. Out: codecs in the order of preference, an offer. Pure. RFC 7587 7,
 * RFC 9429 4.2.6.
 */

/** Video by preference. VP8 is the last: the server has to convert it. */
const PREFERRED = ['video/h264', 'video/av1', 'video/vp9', 'video/vp8'];
/** Not separate codecs: they repair losses. */
const REPAIR = ['video/rtx', 'video/red', 'video/ulpfec', 'video/flexfec-03'];
/** Opus at this rate is transparent for speech and good for music, bits per second. */
const SOUND_BITRATE = 128_000;

/** A codec, as `RTCRtpSender.getCapabilities` lists it. */
interface Codec {
  readonly mimeType: string;
  readonly sdpFmtpLine?: string | undefined;
}

/** The codecs to offer, the best first; empty if the browser has none that the server takes. */
export function orderedCodecs<T extends Codec>(codecs: readonly T[]): T[] {
  const typeOf = ({ mimeType }: Codec) => mimeType.toLowerCase();
  // Other packetization modes of H.264 and profiles of VP9 with more than 8 bits are not taken by oxbow.
  const isUsable = ({ sdpFmtpLine = '', ...codec }: Codec) =>
    (typeOf(codec) !== 'video/h264' || sdpFmtpLine.includes('packetization-mode=1')) &&
    (typeOf(codec) !== 'video/vp9' || !/profile-id=[1-9]/.test(sdpFmtpLine));
  const chosen = PREFERRED.flatMap((type) => codecs.filter((codec) => typeOf(codec) === type && isUsable(codec)));
  return chosen.length === 0 ? [] : [...chosen, ...codecs.filter((codec) => REPAIR.includes(typeOf(codec)))];
}

/**
 * An offer whose Opus is stereo and good enough for music: the server's answer repeats these parameters, and
 * the browser follows it.
 */
export function withStereo(sdp: string): string {
  const [, type] = /^a=rtpmap:(\d+) opus\//im.exec(sdp) ?? [];
  if (type === undefined || /^a=fmtp:\d+ .*\bstereo=/m.test(sdp)) return sdp;
  return sdp.replace(
    new RegExp(`^(a=fmtp:${type} [^\r\n]*)`, 'm'),
    `$1;stereo=1;sprop-stereo=1;maxaveragebitrate=${SOUND_BITRATE}`,
  );
}
