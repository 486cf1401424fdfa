/**
 * Reads the address of a source as a person writes it: completes it, or says which kind oxbow cannot fetch.
 * In: any text. Out: an address to probe, or the kind of address with what to do instead. The interface has
 * separate texts per kind. Pure.
 */

/** A source that cannot be pulled: a protocol, a file of this computer, or not an address at all. */
export type UnsupportedKind = 'rtmp' | 'webrtc' | 'file' | 'scheme' | 'text';

/** An address, or its kind where oxbow cannot pull it. */
export type PastedAddress =
  | { readonly url: string }
  | { readonly unsupported: UnsupportedKind /** Without the colon; may be empty. */; readonly scheme: string };

const kinds: Readonly<Record<string, UnsupportedKind>> = {
  rtmp: 'rtmp',
  rtmps: 'rtmp',
  rtmpt: 'rtmp',
  whip: 'webrtc',
  whep: 'webrtc',
  webrtc: 'webrtc',
  'whip+http': 'webrtc',
  'whip+https': 'webrtc',
  file: 'file',
};

/**
 * Reads a text. White space around it is removed, and `https://` is added to `cam.example/live.m3u8`. Whether
 * an address with a supported protocol is valid in detail is left to the probe.
 */
export function readPastedAddress(text: string): PastedAddress {
  const address = text.trim();
  if (/^(\/|~\/|\.{1,2}\/|[a-z]:[\\/]|\\\\)/i.test(address)) return { unsupported: 'file', scheme: '' };
  const scheme = /^([a-z][a-z0-9+.-]*):\/\/./i.exec(address)?.[1]?.toLowerCase();
  if (scheme !== undefined) {
    if (/^(https?|rtsps?|udp|srt|sdp|whep\+https?)$/.test(scheme)) return { url: address };
    return { unsupported: kinds[scheme] ?? 'scheme', scheme };
  }
  const isHost = /^[a-z0-9-]+(\.[a-z0-9-]+)*\.[a-z]{2,}(:\d+)?(\/\S*)?$/i.test(address);
  const isServer = /^(localhost|\d{1,3}(\.\d{1,3}){3}|\[[0-9a-f:]+\])(:\d+)?\/\S+$/i.test(address);
  if (/^[^\s/]+\.(mp4|mkv|mov|m4v|ts|m3u8|webm|avi)$/i.test(address)) return { unsupported: 'file', scheme: '' };
  if (isHost) return { url: `https://${address}` };
  if (isServer) return { url: `http://${address}` };
  return { unsupported: 'text', scheme: '' };
}

/** One kind of address in words: its name, and what to do instead. */
interface Advice {
  readonly message: (scheme: string) => string;
  readonly hint: string;
}

const advice: Readonly<Record<UnsupportedKind, Advice>> = {
  rtmp: {
    message: () => 'oxbow does not fetch RTMP, it receives it',
    hint: 'Point the encoder at oxbow: `oxbow stream key NAME` prints its server and stream key.',
  },
  webrtc: {
    message: () => 'oxbow reads WebRTC by WHEP',
    hint: 'Write the address as whep+https://HOST/PATH. To publish over WHIP, `oxbow stream key NAME` prints the address.',
  },
  file: {
    message: () => 'a file on this computer is not a stream',
    hint: 'Add it to the library: `oxbow upload FILE`. A file on a web server is recorded by its http or https address.',
  },
  scheme: {
    message: (scheme) => `oxbow does not support ${scheme.slice(0, 20)}: addresses`,
    hint: 'Use the address of an HLS playlist, an MP4 file or a page (http, https), of a camera (rtsp), of a WHEP server (whep+https), or of MPEG-TS (srt, udp).',
  },
  text: {
    message: () => 'this is not an address',
    hint: 'Write the complete address, such as https://cam.example/live.m3u8.',
  },
};

/** The kind in plain English, for errors of the API and of the command line. */
export function explainUnsupported(kind: UnsupportedKind, scheme: string): { message: string; hint: string } {
  const { message, hint } = advice[kind];
  return { message: message(scheme), hint };
}
