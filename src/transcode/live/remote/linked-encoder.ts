/**
 * The encoder of a live stream at the other end of a link: the messages that a process gets over its pipe.
 * In: calls of LiveEncoder; messages of a worker. Out: messages to the worker; tracks, frames and marks.
 */
import type { VideoTrack } from '@oxbow/media/frame';
import {
  MessageSplitter,
  messageKinds,
  parseFrame,
  parseJson,
  parseMark,
  parseTracks,
  printCut,
  printFrame,
  printMark,
  printMessage,
  printTracks,
} from '../../../ffmpeg/frame-protocol.ts';
import type { EncoderFailure, EncoderOrder } from '../../../ffmpeg/ladder-options.ts';
import type { LiveEncoder, LiveEncoderOutput } from '../../../ffmpeg/live-ladder.ts';
import type { EncoderLink } from './remote-encoders.ts';

/** Larger than any picture, bytes: an intra picture of 8K has some MB. */
export const MAX_LINK_MESSAGE = 64 * 1024 * 1024;

/** Serializes a value as the payload of a message. */
export const printJson = (kind: number, value: unknown): Uint8Array =>
  printMessage(kind, Buffer.from(JSON.stringify(value)));

/** Receives the encoders that the worker has taken. */
export type OnOrders = (orders: readonly EncoderOrder[]) => void;

/** Opens the encoder at the other end. A message that is malformed ends the link. */
export function openLinkedEncoder(link: EncoderLink, output: LiveEncoderOutput, onOrders: OnOrders): LiveEncoder {
  const splitter = new MessageSplitter(MAX_LINK_MESSAGE, (kind, payload) => {
    if (kind === messageKinds.frame) output.frame(parseFrame(payload));
    else if (kind === messageKinds.mark) output.mark(parseMark(payload));
    else if (kind === messageKinds.encoder) onOrders(parseJson(payload) as EncoderOrder[]);
    else if (kind === messageKinds.encoderFailed) output.encoderFailed?.(parseJson(payload) as EncoderFailure);
    else if (kind === messageKinds.tracks) for (const track of parseTracks(payload)) output.track(track as VideoTrack);
  });
  link.onMessage = (message) => splitter.push(message);
  return {
    pid: 0,
    begin(source, options) {
      link.send(printTracks([source]));
      link.send(printJson(messageKinds.options, options));
    },
    enable: (trackIds) => link.send(printJson(messageKinds.enabled, trackIds)),
    cut: (at) => link.send(printCut(at)),
    send: (frame) => link.send(printFrame(frame)),
    use: (order) => link.send(printJson(messageKinds.encoder, order)),
    mark: (mark) => link.send(printMark(mark)),
    kill: (why) => link.close(why),
    ended: link.ended,
    async [Symbol.asyncDispose]() {
      link.close('closed');
      await link.ended;
    },
  };
}
