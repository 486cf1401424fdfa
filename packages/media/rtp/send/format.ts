/**
 * How the SDP describes a track that is sent: `a=rtpmap` and `a=fmtp`.
 * In: a track. Out: encoding name, clock rate, parameters. Pure. RFC 6184 8.1, RFC 7798 7.1, RTP Payload
 * Format For AV1 7.2, RFC 9628 6, RFC 7587 6.1.
 */

import { av1Codecs } from '../../av1/av1c.ts';
import { ByteReader } from '../../bytes.ts';
import type { AudioConfig, Track } from '../../frame.ts';
import { parseVpcC } from '../../vp9/vpcc.ts';
import { profileLevelId } from './profile-level-id.ts';

/** Clock rate of all video. */
const VIDEO_RATE = 90_000;
const OPUS_RATE = 48_000;

/** One format of an SDP. */
export interface RtpFormat {
  /** Encoding name of `a=rtpmap`. */
  readonly encoding: 'H264' | 'H265' | 'AV1' | 'VP9' | 'opus';
  /** Hz. */
  readonly clockRate: number;
  /** As `a=rtpmap` has it: always 2 for Opus (RFC 7587 7), absent for video. */
  readonly channels?: number;
  /** Value of `a=fmtp`: `name=value`, with `;` between them. */
  readonly parameters: string;
}

const NAMES: Readonly<Record<string, string>> = {
  aac: 'AAC',
  mp3: 'MP3',
  ac3: 'AC-3',
  eac3: 'Enhanced AC-3',
  flac: 'FLAC',
};

/**
 * The format of a track, or why WebRTC does not take it.
 *
 * @throws FormatError if the track's record is malformed
 */
export function formatOf(track: Track): RtpFormat | { readonly refused: string } {
  const { config } = track;
  const video = { clockRate: VIDEO_RATE } as const;
  switch (config.codec) {
    case 'h264':
      return { encoding: 'H264', ...video, parameters: h264Parameters(config.record) };
    case 'hevc':
      return { encoding: 'H265', ...video, parameters: hevcParameters(config.record) };
    case 'av1':
      return { encoding: 'AV1', ...video, parameters: av1Parameters(config.record) };
    case 'vp9':
      return { encoding: 'VP9', ...video, parameters: `profile-id=${parseVpcC(config.record).profile}` };
    case 'opus':
      return opusFormat(config);
    default:
      return { refused: refusal(track) };
  }
}

function refusal({ kind, config: { codec } }: Track): string {
  if (kind !== 'audio') return `Tracks of ${kind} (${codec}) cannot be sent over RTP.`;
  return `${NAMES[codec] ?? codec} cannot be played over WebRTC. Convert it to Opus first.`;
}

function h264Parameters(record: Uint8Array): string {
  return `level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=${profileLevelId(record)}`;
}

/** Profile, tier and level of the `hvcC`, ISO/IEC 14496-15 8.3.3.1. */
function hevcParameters(record: Uint8Array): string {
  const reader = new ByteReader(record, 'hvcC');
  reader.skip(1);
  const general = reader.u8();
  reader.skip(10); // compatibility flags, constraints
  const level = reader.u8();
  return `level-id=${level};profile-id=${general & 0x1f};tier-flag=${(general >> 5) & 1};tx-mode=SRST`;
}

function av1Parameters(record: Uint8Array): string {
  av1Codecs(record); // refuses a malformed record
  return `level-idx=${record[1]! & 0x1f};profile=${record[1]! >> 5};tier=${record[2]! >> 7}`;
}

function opusFormat({ channels }: AudioConfig): RtpFormat | { readonly refused: string } {
  if (channels > 2) {
    return { refused: `Opus with ${channels} channels cannot be played over WebRTC. Convert it to stereo first.` };
  }
  const stereo = channels === 2 ? ';stereo=1;sprop-stereo=1' : '';
  return { encoding: 'opus', clockRate: OPUS_RATE, channels: 2, parameters: `minptime=10;useinbandfec=1${stereo}` };
}
