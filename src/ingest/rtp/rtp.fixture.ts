/**
 * A publisher session that collects, and packets of one sender for the tests of RTP ingest.
 * In: an SDP, a manual clock. Out: packets; what was published. Used by tests only.
 */

import type { Frame, Track } from '@oxbow/media/frame';
import type { LeftOutTrack } from '@oxbow/media/left-out';
import { PPS, printSlice, printSps } from '@oxbow/media/mpegts/packets.fixture';
import { printRtp } from '@oxbow/media/rtp/packet';
import { printSenderReport } from '@oxbow/media/rtp/rtcp';
import { parseRtpMedia } from '@oxbow/media/rtp/rtp-media';
import { createManualClock } from '../../lib/clock.ts';
import type { OxbowError } from '../../lib/errors.ts';
import type { RunStart } from '../../live/input.ts';
import type { Publisher } from '../publisher.ts';
import { createPublisherStats } from '../publisher-stats.ts';

const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64');

/** H.264 on payload type 96 and Opus on 97, as ffmpeg describes them. */
export const avSdp = [
  ...['v=0', 'o=- 0 0 IN IP4 127.0.0.1', 's=-', 'c=IN IP4 127.0.0.1', 't=0 0'],
  ...['m=video 5004 RTP/AVPF 96', 'a=rtpmap:96 H264/90000', 'a=rtcp-fb:96 nack', 'a=rtcp-fb:96 nack pli'],
  `a=fmtp:96 packetization-mode=1;sprop-parameter-sets=${base64(printSps())},${base64(PPS)}`,
  ...['m=audio 5006 RTP/AVP 97', 'a=rtpmap:97 opus/48000/2', ''],
].join('\r\n');

/** MPEG-TS alone. */
export const tsSdp =
  'v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=video 5004 RTP/AVP 33\r\n';

/** Media of an SDP. */
export const mediaOf = (sdp: string) => parseRtpMedia(sdp).media;

/** What was published. */
export interface Published {
  readonly starts: (readonly Track[])[];
  /** Runs of an input that is no publisher session. */
  readonly runs: RunStart[];
  readonly frames: Frame[];
  readonly damage: string[];
  readonly leftOut: (readonly LeftOutTrack[])[];
  readonly absent: string[];
  /** Details and reasons of the end. */
  readonly ends: { readonly detail: string; readonly isOver: boolean; readonly reason: OxbowError | undefined }[];
}

/** A publisher session that collects, with a manual clock. */
export function openPublisher() {
  const clock = createManualClock(1_790_000_000_000);
  const published: Published = { starts: [], runs: [], frames: [], damage: [], leftOut: [], absent: [], ends: [] };
  const ended = new AbortController();
  const publisher = {
    connection: { protocol: 'rtp', remote: '', isOver: false, stats: createPublisherStats() },
    signal: ended.signal,
    startRun: (run: RunStart) => published.runs.push(run),
    startTracks: (tracks: readonly Track[]) => published.starts.push(tracks),
    publish: (frame: Frame) => published.frames.push(frame),
    damage: (reason: string) => published.damage.push(reason),
    leftOut: (tracks: readonly LeftOutTrack[]) => published.leftOut.push(tracks),
    absent: (cause: string, detail: string) => published.absent.push(`${cause}: ${detail}`),
    flush: () => {},
    close(detail: string, reason?: OxbowError) {
      if (ended.signal.aborted) return;
      published.ends.push({ detail, isOver: this.connection.isOver, reason });
      ended.abort(reason);
    },
  };
  return { clock, published, publisher: publisher as unknown as Publisher };
}

/** The sender of a picture: 90 kHz. */
export const VIDEO_SSRC = 0x1111;
/** The sender of sound: 48 kHz. */
export const AUDIO_SSRC = 0x2222;

/** A picture as one packet, 40 ms after the one before. */
export function picture(n: number, { key = n % 25 === 0, ssrc = VIDEO_SSRC } = {}): Uint8Array {
  const payload = printSlice(key);
  return printRtp({ payloadType: 96, marker: true, sequence: n & 0xffff, timestamp: n * 3600, ssrc, payload });
}

/** 20 ms of sound. */
export function sound(n: number): Uint8Array {
  const payload = Uint8Array.of(0xfc, n >> 8, n & 0xff);
  return printRtp({
    payloadType: 97,
    marker: false,
    sequence: n & 0xffff,
    timestamp: n * 960,
    ssrc: AUDIO_SSRC,
    payload,
  });
}

/** A sender report: picture or sound of this number is of this moment. */
export function report(ssrc: number, timestamp: number, utcMs: number): Uint8Array {
  return printSenderReport({ ssrc, utcMs, timestamp, packets: 1, bytes: 1 }, 'camera');
}
