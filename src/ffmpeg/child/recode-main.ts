/**
 * Entry of the process that re-encodes a few pictures, so that a recording can be cut between two key frames.
 * In: options, frames in decode order and an end message on stdin. Out: the new codec configuration and
 * frames, then an answer, on stdout.
 */

import type { Frame } from '@oxbow/media/frame';
import { AV_LOG_FATAL } from 'node-av/constants';
import { Log } from 'node-av/lib';
import { messageOf } from '../../lib/errors.ts';
import {
  MessageSplitter,
  messageKinds,
  parseFrame,
  parseJson,
  parseTracks,
  printAnswer,
  printFrame,
  printTracks,
} from '../frame-protocol.ts';
import { type RecodeOptions, recodeLimits } from '../recode-options.ts';
import { leaveWithParent } from './parent.ts';
import { recodePictures } from './recode-pictures.ts';

Log.setLevel(AV_LOG_FATAL); // Messages of FFmpeg about damaged media are not logged.

let options: RecodeOptions | undefined;
const frames: Frame[] = [];
const splitter = new MessageSplitter(recodeLimits.maxInputBytes + 1024, (kind, payload) => {
  if (kind === messageKinds.options) options = readOptions(payload);
  else if (kind === messageKinds.frame) frames.push(parseFrame(payload));
  else if (kind === messageKinds.end) run();
});
process.stdin.on('data', (bytes: Uint8Array) => splitter.push(bytes));
leaveWithParent();

function readOptions(payload: Uint8Array): RecodeOptions {
  const { track, ...options } = parseJson(payload) as Omit<RecodeOptions, 'track'> & { track: unknown };
  const [parsed] = parseTracks(Buffer.from(JSON.stringify([track])));
  if (parsed?.kind !== 'video') throw new Error('only video is re-encoded');
  return { ...options, track: parsed };
}

function run(): void {
  let said = '';
  try {
    if (!options) throw new Error('frames came before the options');
    const made = recodePictures(options, frames);
    process.stdout.write(printTracks([made.track]));
    for (const frame of made.frames) process.stdout.write(printFrame(frame));
  } catch (error) {
    said = messageOf(error);
  }
  process.stdout.write(printAnswer({ id: 0, ok: said === '', bytes: Buffer.from(said) }));
}
