/**
 * Writes closed captions for tests: CEA-608 commands and text, CEA-708 service blocks, as SEI messages of
 * H.264 and HEVC.
 * In: texts. Out: byte pairs, triplets, NAL units, samples. Pure. ANSI/CTA-608-E, ANSI/CTA-708-E, ATSC A/53
 * Part 4, 6.2.3.
 */
import { escaped } from '../h264/nal.fixture.ts';
import { hasOddParity } from './services.ts';

/** Two bytes of one field, with parity. */
export type Pair = readonly [number, number];

const parity = (byte: number) => (hasOddParity(byte) ? byte : byte | 0x80);

/** A pair with parity from two codes of 7 bits. */
export function pair(first: number, second: number): Pair {
  return [parity(first), parity(second)];
}

/** A pair without content. */
export const NOTHING: Pair = pair(0, 0);

/** A control code of a channel, twice. */
export function control(first: number, second: number, channel: 1 | 2 = 1): Pair[] {
  const one = pair(channel === 2 ? first | 0x08 : first, second);
  return [one, one];
}

/** Commands of a channel (second byte after 0x14). */
export const COMMAND = {
  popOn: 0x20,
  rollUp2: 0x25,
  paintOn: 0x29,
  text: 0x2a,
  erase: 0x2c,
  carriageReturn: 0x2d,
  eraseHidden: 0x2e,
  endOfCaption: 0x2f,
} as const;

/** A command of a channel. */
export function command(name: keyof typeof COMMAND, channel: 1 | 2 = 1, field: 1 | 2 = 1): Pair[] {
  return control(field === 2 ? 0x15 : 0x14, COMMAND[name], channel);
}

/** ASCII text. */
export function characters(text: string): Pair[] {
  const codes = Array.from(text, (one) => one.charCodeAt(0));
  return Array.from({ length: Math.ceil(codes.length / 2) }, (_, i) => pair(codes[2 * i]!, codes[2 * i + 1] ?? 0));
}

/** A preamble address code of row 14 or 15, column 0. */
export function row(number: 14 | 15, channel: 1 | 2 = 1): Pair[] {
  return control(0x14, number === 15 ? 0x60 : 0x40, channel);
}

/** Prepares a pop-on caption in the last row and shows it. */
export function popOn(text: string, channel: 1 | 2 = 1, field: 1 | 2 = 1): Pair[] {
  return [
    ...command('popOn', channel, field),
    ...command('eraseHidden', channel, field),
    ...row(15, channel),
    ...characters(text),
    ...command('endOfCaption', channel, field),
  ];
}

/** Triplets of pairs of one field. */
export function tripletsOf(pairs: readonly Pair[], field: 1 | 2 = 1): Uint8Array {
  return Uint8Array.from(pairs.flatMap(([first, second]) => [field === 1 ? 0xfc : 0xfd, first, second]));
}

/** Triplets of one DTVCC packet with a block for each service. */
export function packetOf(blocks: readonly { service: number; data: readonly number[] }[]): Uint8Array {
  const body = blocks.flatMap(({ service, data }) =>
    service < 7 ? [(service << 5) | data.length, ...data] : [0xe0 | data.length, service, ...data],
  );
  if (body.length % 2 === 0) body.push(0);
  const bytes = [(body.length + 1) / 2, ...body];
  const triplets: number[] = [];
  for (let at = 0; at < bytes.length; at += 2) triplets.push(at === 0 ? 0xff : 0xfe, bytes[at]!, bytes[at + 1]!);
  return Uint8Array.from(triplets);
}

/** A SEI NAL unit with captions. */
export function captionNal(triplets: Uint8Array, codec: 'h264' | 'hevc' = 'h264'): Uint8Array {
  const count = triplets.length / 3;
  const payload = [0xb5, 0x00, 0x31, 0x47, 0x41, 0x39, 0x34, 0x03, 0xc0 | count, 0xff, ...triplets, 0xff];
  const rbsp = Uint8Array.from([4, payload.length, ...payload, 0x80]);
  return Uint8Array.from([...(codec === 'h264' ? [0x06] : [39 << 1, 1]), ...escaped(rbsp)]);
}

/**
 * A sample with captions before its first NAL unit that is not an access unit delimiter or a parameter set.
 */
export function withCaptions(sample: Uint8Array, triplets: Uint8Array, codec: 'h264' | 'hevc' = 'h264'): Uint8Array {
  const nal = captionNal(triplets, codec);
  let at = 0;
  while (at + 4 < sample.length && isBefore(sample[at + 4]!, codec)) {
    at += 4 + new DataView(sample.buffer, sample.byteOffset).getUint32(at);
  }
  const out = new Uint8Array(sample.length + 4 + nal.length);
  out.set(sample.subarray(0, at));
  new DataView(out.buffer).setUint32(at, nal.length);
  out.set(nal, at + 4);
  out.set(sample.subarray(at), at + 4 + nal.length);
  return out;
}

function isBefore(header: number, codec: 'h264' | 'hevc'): boolean {
  if (codec === 'h264') return [7, 8, 9].includes(header & 0x1f);
  return [32, 33, 34, 35].includes((header >> 1) & 0x3f);
}

/**
 * Distributes pairs over pictures, one pair of each field a picture, as encoders do at 30 pictures a second.
 *
 * @param at by number of a picture, what begins there
 */
export function captionsByPicture(
  pictures: number,
  at: Readonly<Record<number, { readonly pairs: readonly Pair[]; readonly field?: 1 | 2 }>>,
): Uint8Array[] {
  const queues: [Pair[], Pair[]] = [[], []];
  return Array.from({ length: pictures }, (_, picture) => {
    const begins = at[picture];
    if (begins) queues[(begins.field ?? 1) - 1]!.push(...begins.pairs);
    const one = tripletsOf([queues[0].shift() ?? NOTHING], 1);
    const two = tripletsOf([queues[1].shift() ?? NOTHING], 2);
    return Uint8Array.from([...one, ...two]);
  });
}

/**
 * Puts captions into a raw H.264 stream with one slice a picture and no B-frames.
 *
 * @param stream with start codes
 * @param byPicture triplets of each picture
 */
export function withCaptionsInStream(stream: Uint8Array, byPicture: readonly Uint8Array[]): Uint8Array {
  const out: number[] = [];
  let picture = 0;
  let begin = 0;
  for (let at = 0; at + 3 < stream.length; at++) {
    if (stream[at] !== 0 || stream[at + 1] !== 0 || stream[at + 2] !== 1) continue;
    const type = stream[at + 3]! & 0x1f;
    if (type !== 1 && type !== 5) continue;
    for (; begin < at; begin++) out.push(stream[begin]!);
    const triplets = byPicture[picture++];
    if (triplets) out.push(0, 0, 1, ...captionNal(triplets), 0);
  }
  for (; begin < stream.length; begin++) out.push(stream[begin]!);
  return Uint8Array.from(out);
}
