/**
 * FLV files made by ffmpeg, and what they contain.
 * In: arguments of ffmpeg, or the bytes of a file. Out: messages; what a demuxer makes of them.
 */
import { readFileSync } from 'node:fs';
import type { Frame, Track } from '../frame.ts';
import type { LeftOutTrack } from '../left-out.ts';
import { makeTs } from '../mpegts/media.fixture.ts';
import { createFlvDemuxer, type FlvDemuxer } from './demuxer.ts';
import { FLV_TYPE, type FlvMessage } from './message.ts';

const HEADER_BYTES = 9;
const TAG_BYTES = 11;

/** The tags of an FLV file. */
export function readFlv(file: Uint8Array): FlvMessage[] {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const messages: FlvMessage[] = [];
  for (let at = HEADER_BYTES + 4; at + TAG_BYTES <= file.length; ) {
    const type = file[at]! & 0x1f;
    const size = view.getUint32(at) & 0xffffff;
    const timestampMs = ((file[at + 7]! << 24) | (view.getUint32(at + 4) >>> 8)) >>> 0;
    const body = file.slice(at + TAG_BYTES, at + TAG_BYTES + size);
    messages.push({ type: type as FlvMessage['type'], timestampMs, body });
    at += TAG_BYTES + size + 4;
  }
  return messages;
}

/** An FLV file with these messages. */
export function printFlv(messages: readonly FlvMessage[]): Uint8Array {
  const parts: Uint8Array[] = [Uint8Array.of(0x46, 0x4c, 0x56, 1, 5, 0, 0, 0, HEADER_BYTES, 0, 0, 0, 0)];
  for (const { type, timestampMs, body } of messages) {
    const head = new Uint8Array(TAG_BYTES);
    const view = new DataView(head.buffer);
    view.setUint32(0, body.length);
    head[0] = type;
    view.setUint32(4, ((timestampMs & 0xffffff) << 8) | (timestampMs >>> 24));
    const tail = new Uint8Array(4);
    new DataView(tail.buffer).setUint32(0, TAG_BYTES + body.length);
    parts.push(head, body, tail);
  }
  return new Uint8Array(Buffer.concat(parts));
}

/** The messages of a file that ffmpeg makes, once per set of arguments. */
export function flvOf(args: readonly string[]): FlvMessage[] {
  return readFlv(readFileSync(makeTs(args, 'flv')));
}

/** What a demuxer says. */
export interface Demuxed {
  readonly tracks: (readonly Track[])[];
  readonly frames: Frame[];
  readonly damage: string[];
  leftOut: readonly LeftOutTrack[];
}

/** Passes one message to a demuxer. */
export function feed(demuxer: FlvDemuxer, { type, timestampMs, body }: FlvMessage): void {
  if (type === FLV_TYPE.audio) demuxer.audio(body, timestampMs);
  else if (type === FLV_TYPE.video) demuxer.video(body, timestampMs);
  else demuxer.data(body, timestampMs);
}

/** What a demuxer makes of messages. */
export function demux(messages: readonly FlvMessage[]): Demuxed {
  const out: Demuxed = { tracks: [], frames: [], damage: [], leftOut: [] };
  const demuxer = createFlvDemuxer({
    tracks: (tracks) => out.tracks.push(tracks),
    frame: (frame) => out.frames.push(frame),
    damage: (reason) => out.damage.push(reason),
    leftOut: (tracks) => {
      out.leftOut = tracks;
    },
  });
  for (const message of messages) feed(demuxer, message);
  demuxer.flush();
  return out;
}
