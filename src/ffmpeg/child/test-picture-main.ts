/**
 * Entry of the process that draws, encodes and paces one test picture which is too large for the shared
 * process.
 * In: one message with options on stdin. Out: tracks, then frames on stdout, until stdin ends.
 */
import { AV_LOG_ERROR } from 'node-av/constants';
import { Log } from 'node-av/lib';
import { createSystemClock } from '../../lib/clock.ts';
import { MessageSplitter, messageKinds, parseJson } from '../frame-protocol.ts';
import type { TestPictureOptions } from '../test-picture-options.ts';
import { leaveWithParent } from './parent.ts';
import { createTestPicture } from './test-picture/test-picture.ts';

Log.setLevel(AV_LOG_ERROR);

const splitter = new MessageSplitter(64 * 1024, (kind, payload) => {
  if (kind !== messageKinds.options) return;
  createTestPicture(parseJson(payload) as TestPictureOptions, process.stdout, createSystemClock()).start();
});
process.stdin.on('data', (bytes: Uint8Array) => splitter.push(bytes));
leaveWithParent();
