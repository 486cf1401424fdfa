/**
 * Entry of the process that converts the audio of one stream to AAC or Opus.
 * In: options with the tracks, then frames and marks on stdin; options again when the tracks change. Out:
 * converted frames and the marks on stdout.
 */

import { concatBytes } from '@oxbow/media/bytes';
import { AV_LOG_FATAL } from 'node-av/constants';
import { Log } from 'node-av/lib';
import type { TranscodeTrack } from '../audio-transcoder-options.ts';
import {
  MessageSplitter,
  messageKinds,
  parseFrame,
  parseJson,
  parseMark,
  printFrame,
  printMark,
  printMessage,
} from '../frame-protocol.ts';
import { AudioTranscode } from './audio/audio-transcode.ts';
import { OpusTranscode } from './audio/opus-transcode.ts';
import { leaveWithParent } from './parent.ts';

/** Largest accepted message: an access unit has a few kB. */
const MAX_MESSAGE_BYTES = 1024 * 1024;

Log.setLevel(AV_LOG_FATAL); // Messages of FFmpeg about damaged media are not logged.

let transcodes = new Map<number, AudioTranscode | OpusTranscode>();
let made: Uint8Array[] = [];

const splitter = new MessageSplitter(MAX_MESSAGE_BYTES, (kind, payload) => {
  switch (kind) {
    case messageKinds.options: {
      for (const transcode of transcodes.values()) transcode[Symbol.dispose]();
      const tracks = parseJson(payload) as readonly TranscodeTrack[];
      const deliver = (frame: Parameters<typeof printFrame>[0]) => made.push(printFrame(frame));
      const open = (track: TranscodeTrack) =>
        'output' in track ? new OpusTranscode(track, deliver) : new AudioTranscode(track, deliver);
      transcodes = new Map(tracks.map((track) => [track.id, open(track)]));
      break;
    }
    case messageKinds.frame: {
      const frame = parseFrame(payload);
      transcodes.get(frame.trackId)?.push(frame);
      break;
    }
    case messageKinds.mark: {
      const mark = parseMark(payload);
      if (mark.ends) for (const transcode of transcodes.values()) transcode.end();
      made.push(printMark(mark));
      break;
    }
  }
});

process.stdin.on('data', (bytes: Uint8Array) => {
  splitter.push(bytes);
  if (made.length > 0) process.stdout.write(concatBytes(made));
  made = [];
});
leaveWithParent();
process.stdout.write(printMessage(messageKinds.ready));
