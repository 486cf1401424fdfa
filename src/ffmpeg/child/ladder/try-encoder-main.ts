/**
 * Entry of the process that tries one encoder with one real picture: drivers that are installed without a
 * device fail or crash here.
 * In: a rung on stdin. Out: an answer on stdout. Native code: child processes only.
 */
import { AV_LOG_FATAL, AV_PIX_FMT_NV12, AV_PIX_FMT_YUV420P } from 'node-av/constants';
import { Log, Frame as Picture } from 'node-av/lib';
import { messageOf } from '../../../lib/errors.ts';
import { MessageSplitter, messageKinds, parseJson, printAnswer } from '../../frame-protocol.ts';
import type { LadderVideoRendition } from '../../ladder-options.ts';
import { must } from '../native.ts';
import { writeBlocking } from './blocking-write.ts';
import { RungEncoder } from './rung-encoder.ts';
import { pixelFormatOf } from './upload.ts';

const MAX_MESSAGE_BYTES = 64 * 1024;
const BLACK_CHROMA = 128;

Log.setLevel(AV_LOG_FATAL);

function encodeOne(rung: LadderVideoRendition): void {
  let count = 0;
  using encoder = new RungEncoder({ rung, matrix: 'bt709', threads: 1, deliver: () => void count++ });
  using picture = new Picture();
  picture.alloc();
  picture.format = pixelFormatOf(rung) === 'nv12' ? AV_PIX_FMT_NV12 : AV_PIX_FMT_YUV420P;
  picture.width = rung.width;
  picture.height = rung.height;
  must(picture.getBuffer(0), 'allocating a picture');
  for (const [index, plane] of (picture.data ?? []).entries()) plane.fill(index === 0 ? 16 : BLACK_CHROMA);
  encoder.encode(picture, 0, true);
  encoder.finish();
  if (count !== 1) throw new Error(`${count} pictures came out of one`);
}

const splitter = new MessageSplitter(MAX_MESSAGE_BYTES, (kind, payload) => {
  if (kind !== messageKinds.options) return;
  let said = '';
  try {
    encodeOne(parseJson(payload) as LadderVideoRendition);
  } catch (error) {
    said = messageOf(error);
  }
  writeBlocking(1, [printAnswer({ id: 0, ok: said === '', bytes: Buffer.from(said) })]);
});

process.stdin.on('data', (bytes: Uint8Array) => splitter.push(bytes));
process.stdin.on('end', () => process.exit(0));
