/**
 * Entry of the process that answers questions about bytes, one after the other.
 * In: requests on stdin. Out: answers on stdout, until stdin ends. A crash here costs one request.
 */
import { AV_LOG_FATAL } from 'node-av/constants';
import { getFFmpegInfo, Log } from 'node-av/lib';
import { messageOf } from '../../lib/errors.ts';
import {
  MessageSplitter,
  messageKinds,
  parseRequest,
  printAnswer,
  printMessage,
  type Question,
} from '../frame-protocol.ts';
import { leaveWithParent } from './parent.ts';
import { probe } from './probe.ts';
import { makeStill } from './still.ts';

Log.setLevel(AV_LOG_FATAL); // What FFmpeg says about damaged media is no news here.

const splitter = new MessageSplitter(128 * 1024 * 1024, (kind, payload) => {
  if (kind !== messageKinds.request) return;
  const { id, question, bytes } = parseRequest(payload);
  let answer: { ok: boolean; bytes: Uint8Array };
  try {
    answer = { ok: true, bytes: answerTo(question, bytes) };
  } catch (error) {
    answer = { ok: false, bytes: Buffer.from(messageOf(error)) };
  }
  process.stdout.write(printAnswer({ id, ...answer }));
});

function answerTo(question: Question, bytes: Uint8Array): Uint8Array {
  switch (question.what) {
    case 'version':
      return Buffer.from(`FFmpeg ${getFFmpegInfo().version}`);
    case 'probe':
      return Buffer.from(JSON.stringify(probe(bytes)));
    case 'still':
      return makeStill(bytes, question.atS, question.width);
  }
}

process.stdin.on('data', (bytes: Uint8Array) => splitter.push(bytes));
leaveWithParent();
process.stdout.write(printMessage(messageKinds.ready));
