/**
 * Entry of the shared process: it handles requests, one after the other, and runs a test picture between
 * them.
 * In: requests on stdin. Out: answers on stdout, and frames of the test picture, until stdin ends. A crash
 * fails one request.
 */
import { AV_LOG_FATAL } from 'node-av/constants';
import { getFFmpegInfo, Log } from 'node-av/lib';
import { createSystemClock } from '../../lib/clock.ts';
import { messageOf } from '../../lib/errors.ts';
import { collectGarbage, TIDY_AFTER_MS } from '../../lib/memory/heap.ts';
import { returnUnusedPages } from '../../lib/memory/unused-pages.ts';
import {
  MessageSplitter,
  messageKinds,
  type Operation,
  parseRequest,
  printAnswer,
  printMessage,
} from '../frame-protocol.ts';
import { soundLevel } from './audio/sound-level.ts';
import { soundLevels } from './audio/sound-levels.ts';
import { makeKeyPicture, readLuma } from './key-picture.ts';
import { leaveWithParent } from './parent.ts';
import { probe } from './probe.ts';
import { makeSheet, makeTile } from './sheet.ts';
import { makeStill } from './still.ts';
import { makeStillGop } from './still-gop.ts';
import { type ChildPicture, createTestPicture } from './test-picture/test-picture.ts';

Log.setLevel(AV_LOG_FATAL); // Messages of FFmpeg about damaged media are not logged.
setTimeout(collectGarbage, TIDY_AFTER_MS).unref();
returnUnusedPages();

let picture: ChildPicture | undefined;

const splitter = new MessageSplitter(128 * 1024 * 1024, (kind, payload) => {
  if (kind === messageKinds.end) endPicture();
  if (kind !== messageKinds.request) return;
  const before = process.cpuUsage();
  const { id, operation, bytes } = parseRequest(payload);
  let answer: { ok: boolean; bytes: Uint8Array };
  try {
    answer = { ok: true, bytes: answerTo(operation, bytes) };
  } catch (error) {
    answer = { ok: false, bytes: Buffer.from(messageOf(error)) };
  }
  const { user, system } = process.cpuUsage(before);
  process.stdout.write(printAnswer({ id, cpuUs: user + system, ...answer }));
  if (operation.what === 'test-picture' && answer.ok) picture?.start();
});

function endPicture(): void {
  picture?.[Symbol.dispose]();
  picture = undefined;
}

function answerTo(operation: Operation, bytes: Uint8Array): Uint8Array {
  switch (operation.what) {
    case 'version':
      return Buffer.from(`FFmpeg ${getFFmpegInfo().version}`);
    case 'probe':
      return Buffer.from(JSON.stringify(probe(bytes)));
    case 'still':
      return makeStill(bytes, operation.atS, operation.width);
    case 'key-picture':
      return makeKeyPicture(bytes, operation);
    case 'luma':
      return readLuma(bytes, operation);
    case 'sound-level':
      return Buffer.from(JSON.stringify(soundLevel(bytes, operation.seconds)));
    case 'sound-levels':
      return soundLevels(bytes, operation.maxSteps);
    case 'tile':
      return makeTile(bytes, operation);
    case 'sheet':
      return makeSheet(bytes, operation);
    case 'still-gop':
      return makeStillGop(operation.gop, bytes);
    case 'test-picture':
      endPicture();
      picture = createTestPicture(operation.picture, process.stdout, createSystemClock(), operation.after);
      return new Uint8Array();
  }
}

process.stdin.on('data', (bytes: Uint8Array) => splitter.push(bytes));
leaveWithParent();
process.stdout.write(printMessage(messageKinds.ready));
