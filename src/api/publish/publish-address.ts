/**
 * The addresses to which encoders publish, as their users enter them.
 * In: the host by which the user reaches this server, the ports that listen, a stream and a key. Out: fields
 * of OBS, URLs. Pure.
 */
import type { PublishAddresses } from './publish-shapes.ts';

/**
 * Ports on which protocol servers listen; undefined while a protocol is off. The servers set them when they
 * have opened.
 */
export interface PublishPorts {
  rtmp: number | undefined;
  rtmps: number | undefined;
  srt: number | undefined;
  /** Of bonded senders. */
  srtla?: number | undefined;
  /** Of HTTP, for WHIP. */
  http?: number | undefined;
  /** WebRTC is on: publishers send their offer to the HTTP port. */
  webrtc: number | undefined;
  /** Latency that SRT addresses request, ms. */
  srtLatencyMs: number;
  /** All SRT connections need a passphrase, unless their stream has one. */
  srtEncrypted: boolean;
}

/** The word in place of the passphrase in SRT addresses: it is never shown. */
const PASSPHRASE = 'PASSPHRASE';

/** The content of the addresses. */
export interface PublishTarget {
  /** Host name or address; IPv6 in brackets. */
  readonly host: string;
  /** Origin of the HTTP server, e.g. `https://tv.example`; undefined: WHIP is not printed. */
  readonly origin?: string | undefined;
  readonly ports: PublishPorts;
  readonly stream: string;
  /** The key, or a placeholder. */
  readonly key: string;
}

/** No protocol listens. */
export function noPublishPorts(): PublishPorts {
  return {
    rtmp: undefined,
    rtmps: undefined,
    srt: undefined,
    webrtc: undefined,
    srtLatencyMs: 120,
    srtEncrypted: false,
  };
}

/** Addresses of all protocols that listen. */
export function printPublishAddresses({ host, origin, ports, stream, key }: PublishTarget): PublishAddresses {
  const rtmp = (scheme: 'rtmp' | 'rtmps', port: number, usual: number) => {
    const server = `${scheme}://${host}${port === usual ? '' : `:${port}`}/live`;
    const streamKey = `${stream}?key=${key}`;
    return { server, streamKey, url: `${server}/${streamKey}` };
  };
  // FFmpeg and OBS read the latency of an SRT address in microseconds.
  const latency = ports.srtLatencyMs * 1000;
  const secret = ports.srtEncrypted ? `&passphrase=${PASSPHRASE}` : '';
  return {
    ...(ports.rtmp !== undefined && { rtmp: rtmp('rtmp', ports.rtmp, 1935) }),
    ...(ports.rtmps !== undefined && { rtmps: rtmp('rtmps', ports.rtmps, 443) }),
    ...(ports.webrtc !== undefined && origin !== undefined && { whip: `${origin}/whip/${stream}` }),
    ...(ports.srt !== undefined && {
      srt: `srt://${host}:${ports.srt}?streamid=publish:${stream}:${key}&latency=${latency}${secret}`,
    }),
    // Bonded senders have a field for the latency.
    ...(ports.srtla !== undefined && {
      srtla: `srtla://${host}:${ports.srtla}?streamid=publish:${stream}:${key}${secret}`,
    }),
  };
}
