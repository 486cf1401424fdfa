/**
 * Entry of the process that describes a file of the parent and sends its packets.
 * In: the length of the file, then the streams to send, on stdin; bytes on descriptor 3. Out: a description
 * and packets on stdout.
 *
 * Everything blocks: reads wait for the parent, writes for the pipe.
 */
import { writevSync } from 'node:fs';
import { AV_LOG_FATAL, AVERROR_EOF } from 'node-av/constants';
import { Log } from 'node-av/lib';
import { messageOf } from '../../lib/errors.ts';
import { demuxKinds } from '../demux-shape.ts';
import { MessageSplitter, messageKinds, parseJson, printMessage } from '../frame-protocol.ts';
import { describe, readPackets } from './demux.ts';
import type { MediaInput } from './media-input.ts';
import { must } from './native.ts';
import { openStreamInput } from './stream-input.ts';

const MAX_MESSAGE_BYTES = 64 * 1024;
/**
 * Enough for containers that describe their streams late; less than FFmpeg's 5 MB for each of thousands of
 * streams.
 */
const OPTIONS = { probesize: '5000000', analyzeduration: '5000000', max_streams: '64' };

Log.setLevel(AV_LOG_FATAL); // Messages of FFmpeg about damaged media are not logged.

let input: MediaInput | undefined;

/** Writes to stdout; process.stdout would queue bytes that the pipe does not take. */
function send(pieces: readonly Uint8Array[]): void {
  let left = pieces.filter(({ length }) => length > 0);
  while (left.length > 0) {
    let written = writevSync(1, left.slice(0, 512));
    while (left[0] && written >= left[0].length) {
      written -= left[0].length;
      left = left.slice(1);
    }
    if (written > 0) left = [left[0]!.subarray(written), ...left.slice(1)];
  }
}

function open(length: number): void {
  input = openStreamInput(length, OPTIONS);
  must(input.format.findStreamInfoSync(null), 'reading stream info');
  send([printMessage(demuxKinds.info, Buffer.from(JSON.stringify(describe(input.format))))]);
}

function end(why: string): void {
  send([printMessage(demuxKinds.end, Buffer.from(why))]);
}

const splitter = new MessageSplitter(MAX_MESSAGE_BYTES, (kind, payload) => {
  try {
    if (kind === messageKinds.options) open((parseJson(payload) as { length: number }).length);
    if (kind !== demuxKinds.select || !input) return;
    const result = readPackets(input.format, parseJson(payload) as readonly number[], send);
    if (result !== AVERROR_EOF) must(result, 'reading packets');
    end('');
  } catch (error) {
    end(messageOf(error));
  }
});

process.stdin.on('data', (bytes: Uint8Array) => splitter.push(bytes));
process.stdin.on('end', () => process.exit(0));
send([printMessage(messageKinds.ready)]);
