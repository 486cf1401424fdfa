/**
 * Cues as samples of a text track.
 * In: cues, or a sample. Out: a sample, or its cues; a sample cut in two. Pure. ISO/IEC 14496-30, 6.4 to 6.6.
 *
 * A sample has the cues that are shown until the next sample; a longer cue is in several samples. The
 * standard boxes have no start and end of a cue, which HLS requires (RFC 8216bis 3.1.4). oxbow adds them in a
 * last box, which other readers skip: `uuid`, 16 bytes of user type, i64 ticks from the cue's start to the
 * sample's, i64 ticks from the sample's end to the cue's.
 */
import { ByteReader } from '../bytes.ts';
import { FormatError } from '../errors.ts';
import type { Frame } from '../frame.ts';
import { type Box, BoxWriter, findBox, readBoxes } from '../isobmff/box.ts';

export interface SampleCue {
  readonly id: string;
  readonly settings: string;
  readonly text: string;
  /** From the cue's start to the sample's, ticks, 0 or more. */
  readonly before: number;
  /** From the sample's end to the cue's, ticks; negative for a cue that arrived after its end. */
  readonly after: number;
}

const USER_TYPE = Uint8Array.from([
  0x6f, 0x78, 0x62, 0x6f, 0x77, 0xcc, 0x4d, 0x5e, 0xa1, 0xb0, 0x8d, 0x4c, 0x1e, 0x7a, 0x5f, 0x02,
]);
/** Cues that are shown at a time. */
const MAX_CUES = 100;
const MAX_TEXT_BYTES = 64 * 1024;
const TIMES_BYTES = 8 + 16 + 16;

/** A sample in which nothing is shown. */
export const emptySample: Uint8Array = Uint8Array.from([0, 0, 0, 8, 0x76, 0x74, 0x74, 0x65]);

/** Writes a sample; `emptySample` where there is no cue. */
export function printSample(cues: readonly SampleCue[]): Uint8Array {
  if (cues.length === 0) return emptySample;
  const encoder = new TextEncoder();
  const texts = cues.map(({ id, settings, text }) => [id, settings, text].map((field) => encoder.encode(field)));
  const room = texts.reduce(
    (sum, fields) => sum + 8 + TIMES_BYTES + fields.reduce((size, field) => size + 8 + field.length, 0),
    0,
  );
  const writer = new BoxWriter(new Uint8Array(room));
  cues.forEach(({ before, after }, i) => {
    const vttc = writer.open('vttc');
    ['iden', 'sttg', 'payl'].forEach((type, k) => {
      const text = texts[i]![k]!;
      if (text.length === 0 && type !== 'payl') return;
      const box = writer.open(type);
      writer.raw(text);
      writer.close(box);
    });
    const times = writer.open('uuid');
    writer.raw(USER_TYPE);
    writer.u64(before);
    writer.u64(after);
    writer.close(times);
    writer.close(vttc);
  });
  return writer.bytes.subarray(0, writer.offset);
}

/**
 * The cues of a sample; other boxes are skipped.
 *
 * @throws FormatError if a box is malformed, or a bound is passed
 */
export function parseSample(sample: Uint8Array): SampleCue[] {
  const cues: SampleCue[] = [];
  for (const box of readBoxes(sample)) {
    if (box.type !== 'vttc') continue;
    if (cues.length === MAX_CUES) throw new FormatError('too many cues in a sample', box.start);
    const boxes = readBoxes(sample, box.body, box.end);
    const text = (type: string) => textOf(sample, findBox(boxes, type));
    cues.push({ id: text('iden'), settings: text('sttg'), text: text('payl'), ...timesOf(sample, boxes) });
  }
  return cues;
}

function textOf(bytes: Uint8Array, box: Box | undefined): string {
  if (!box) return '';
  if (box.end - box.body > MAX_TEXT_BYTES) throw new FormatError('the text of a cue is too long', box.start);
  return new TextDecoder().decode(new Uint8Array(bytes.subarray(box.body, box.end)));
}

function timesOf(bytes: Uint8Array, boxes: readonly Box[]): Pick<SampleCue, 'before' | 'after'> {
  const box = boxes.find(
    ({ type, start, body, end }) =>
      type === 'uuid' && end - start === TIMES_BYTES && USER_TYPE.every((byte, i) => bytes[body + i] === byte),
  );
  if (!box) return { before: 0, after: 0 };
  const reader = new ByteReader(bytes, 'times of a cue', box.body + 16, box.end);
  return { before: Math.max(0, reader.i64()), after: reader.i64() };
}

/** Whether nothing is shown. */
export function isEmptySample(sample: Uint8Array): boolean {
  try {
    return !readBoxes(sample).some(({ type }) => type === 'vttc');
  } catch (error) {
    if (error instanceof FormatError) return true;
    throw error;
  }
}

/**
 * Cuts a frame of a text track in two; its cues stand in both, and tell in both when they begin and end.
 *
 * @param at ticks, after the frame's pts and before its end
 */
export function cutTextFrame(frame: Frame, at: number): [Frame, Frame] {
  const { pts, duration, data } = frame;
  const end = pts + duration;
  const cues = cuesOf(data);
  const part = (from: number, to: number): Frame => ({
    ...frame,
    dts: from,
    pts: from,
    duration: to - from,
    data: cues
      ? printSample(cues.map((cue) => ({ ...cue, before: cue.before + from - pts, after: cue.after + end - to })))
      : data,
  });
  return [part(pts, at), part(at, end)];
}

/**
 * Moves a frame that arrived after its end; its cues keep their times.
 *
 * @param to ticks, after the frame's pts
 * @param duration ticks
 */
export function moveTextFrame(frame: Frame, to: number, duration: number): Frame {
  const { pts, data } = frame;
  const cues = cuesOf(data);
  const behind = pts + frame.duration - to - duration;
  const moved = cues?.map((cue) => ({ ...cue, before: cue.before + to - pts, after: cue.after + behind }));
  return { ...frame, dts: to, pts: to, duration, data: moved ? printSample(moved) : data };
}

function cuesOf(data: Uint8Array): SampleCue[] | undefined {
  try {
    return parseSample(data);
  } catch (error) {
    if (error instanceof FormatError) return undefined;
    throw error;
  }
}
