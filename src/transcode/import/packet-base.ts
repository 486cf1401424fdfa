/**
 * The common base of the tracks of video and audio packets.
 * In: streams of FFmpeg's demuxers. Out: fields of tracks.
 */

import type { Frame, Track } from '@oxbow/media/frame';
import type { DemuxPacket, DemuxStream } from '../../ffmpeg/demux.ts';

/** Converts the packets of one stream. */
export interface PacketTrack {
  readonly stream: DemuxStream;
  /** Id of the track. */
  readonly id: number;
  /** Undefined until a packet has shown its configuration. */
  readonly track: Track | undefined;
  /**
   * Takes a packet; frames come when their times are known.
   *
   * @throws FormatError if it is damaged; the next may be taken
   */
  take(packet: DemuxPacket): readonly Frame[];
  /** Takes the configuration that another conversion of the same stream has found. */
  adopt(other: PacketTrack): void;
  /** The frames that still wait for their times, at the end of the file. */
  end(): readonly Frame[];
}

/** Language and label of a track. */
export function trackBase({ language, title }: DemuxStream): { readonly language: string; readonly label: string } {
  const isTag = /^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8}){0,4}$/.test(language);
  return { language: isTag ? language : 'und', label: title.slice(0, 200) };
}

/** Decodes base64. */
export function bytesOfBase64(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'base64'));
}

/** Seconds of a time in ticks of a stream. */
export function secondsOf(ticks: number, { timeScale, timeStep }: DemuxStream): number {
  return (ticks * timeStep) / timeScale;
}
