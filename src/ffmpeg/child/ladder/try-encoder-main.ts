/**
 * Entry of the process that tries one encoder with real pictures, and measures its speed: drivers that are
 * installed without a device fail or crash here.
 * In: a trial on stdin. Out: an answer on stdout. Native code: child processes only.
 */
import { AV_LOG_FATAL, AV_PIX_FMT_NV12, AV_PIX_FMT_YUV420P } from 'node-av/constants';
import { Log, Frame as Picture } from 'node-av/lib';
import { messageOf } from '../../../lib/errors.ts';
import { isEmulated, readBehaviour } from '../../encoders/emulated-devices.ts';
import { MessageSplitter, messageKinds, parseJson, printAnswer } from '../../frame-protocol.ts';
import type { EncoderTrial, LadderVideoRendition } from '../../ladder-options.ts';
import { must } from '../native.ts';
import { writeBlocking } from './blocking-write.ts';
import { RungEncoder } from './rung-encoder.ts';
import { pixelFormatOf } from './upload.ts';

const MAX_MESSAGE_BYTES = 64 * 1024;
const BLACK_CHROMA = 128;

Log.setLevel(AV_LOG_FATAL);

/** Different pictures, so that there is something to encode. */
const PICTURES = 4;
/** Most pictures of a measurement: encoders are compared, not tested. */
const MAX_PICTURES = 240;

/** Pictures with a texture that moves. */
function openPicture(rung: LadderVideoRendition, number: number): Picture {
  const picture = new Picture();
  picture.alloc();
  picture.format = pixelFormatOf(rung) === 'nv12' ? AV_PIX_FMT_NV12 : AV_PIX_FMT_YUV420P;
  picture.width = rung.width;
  picture.height = rung.height;
  must(picture.getBuffer(0), 'allocating a picture');
  for (const [index, plane] of (picture.data ?? []).entries()) {
    if (index > 0) plane.fill(BLACK_CHROMA);
    else for (let i = 0; i < plane.length; i++) plane[i] = 16 + (((i + 8 * number) * 2654435761) >>> 25);
  }
  return picture;
}

/** The pictures that come out in a second; 0 if that is not measured. */
function tryRung({ rung, measureMs }: EncoderTrial): number {
  let count = 0;
  using encoder = new RungEncoder({ rung, matrix: 'bt709', threads: 1, deliver: () => void count++ });
  const pictures = Array.from({ length: measureMs > 0 ? PICTURES : 1 }, (_, number) => openPicture(rung, number));
  encoder.encode(pictures[0]!, 0, true);
  const startedMs = performance.now();
  let sent = 1;
  for (; sent < MAX_PICTURES && performance.now() - startedMs < measureMs; sent++) {
    encoder.encode(pictures[sent % PICTURES]!, sent, false);
  }
  encoder.finish();
  const tookS = (performance.now() - startedMs) / 1000;
  for (const picture of pictures) picture.free();
  if (count !== sent) throw new Error(`${count} pictures came out of ${sent}`);
  if (sent === 1) return 0;
  const speed = isEmulated(rung.hardware) ? readBehaviour(rung.device ?? '').speed : undefined;
  return speed ?? Math.round((sent - 1) / tookS);
}

const splitter = new MessageSplitter(MAX_MESSAGE_BYTES, (kind, payload) => {
  if (kind !== messageKinds.options) return;
  let ok = true;
  let said: string;
  try {
    said = String(tryRung(parseJson(payload) as EncoderTrial));
  } catch (error) {
    ok = false;
    said = messageOf(error);
  }
  writeBlocking(1, [printAnswer({ id: 0, ok, bytes: Buffer.from(said) })]);
});

process.stdin.on('data', (bytes: Uint8Array) => splitter.push(bytes));
process.stdin.on('end', () => process.exit(0));
