/**
 * Reads samples of timed text of MP4 files (`tx3g`, `text`): the text, with bold, italics and underline of
 * its runs.
 * In: a sample. Out: the text of a cue; empty where nothing is shown. Pure. 3GPP TS 26.245 5.17.
 */
import { FormatError } from '../errors.ts';
import { escapeText, joinLines } from './cue-text.ts';

const MAX_BYTES = 16 * 1024;
const MAX_RUNS = 100;
const FACES = ['b', 'i', 'u'] as const;
/** Characters from, to; bits of the face. */
type Run = readonly [from: number, to: number, face: number];

/**
 * The text of a sample for a cue of WebVTT.
 *
 * @throws FormatError if it is truncated or too long
 */
export function parseTx3g(sample: Uint8Array): string {
  const { text, length } = textIn(sample);
  const view = new DataView(sample.buffer, sample.byteOffset, sample.length);
  return styled([...text], runsOf(view, 2 + length));
}

/** The text of a sample as it is. Throws as `parseTx3g`. */
export function plainTx3g(sample: Uint8Array): string {
  return textIn(sample).text;
}

/** @returns the text, and its length in bytes */
function textIn(sample: Uint8Array): { readonly text: string; readonly length: number } {
  if (sample.length < 2) throw new FormatError('a text sample without a length', 0);
  const length = sample[0]! * 256 + sample[1]!;
  if (2 + length > sample.length || length > MAX_BYTES) throw new FormatError('a text sample ends early', 2);
  const bytes = new Uint8Array(sample.subarray(2, 2 + length));
  const [a, b] = bytes;
  const label = a === 0xfe && b === 0xff ? 'utf-16be' : a === 0xff && b === 0xfe ? 'utf-16le' : 'utf-8';
  return { text: new TextDecoder(label).decode(bytes), length };
}

function runsOf(view: DataView, from: number): Run[] {
  const runs: Run[] = [];
  for (let at = from; at + 10 <= view.byteLength; ) {
    const size = view.getUint32(at);
    if (size < 8) break;
    const isStyles = view.getUint32(at + 4) === 0x7374796c; // styl
    const count = isStyles ? Math.min(MAX_RUNS, view.getUint16(at + 8)) : 0;
    for (let i = 0; i < count && at + 10 + 12 * (i + 1) <= view.byteLength; i++) {
      const run = at + 10 + 12 * i;
      runs.push([view.getUint16(run), view.getUint16(run + 2), view.getUint8(run + 6) & 7]);
    }
    at += size;
  }
  return runs;
}

/** @param characters code points, which runs count */
function styled(characters: readonly string[], runs: readonly Run[]): string {
  let out = '';
  let at = 0;
  const put = (to: number, face: number) => {
    const text = escapeText(characters.slice(at, to).join(''));
    const tags = FACES.filter((_, bit) => (face >> bit) & 1);
    const hasText = text.trim() !== '';
    out += hasText ? tags.map((tag) => `<${tag}>`).join('') : '';
    out += text;
    out += hasText
      ? tags
          .toReversed()
          .map((tag) => `</${tag}>`)
          .join('')
      : '';
    at = Math.max(at, to);
  };
  for (const [from, to, face] of runs) {
    if (from < at || to <= from || from > characters.length) continue;
    if (from > at) put(from, 0);
    put(Math.min(to, characters.length), face);
  }
  if (at < characters.length) put(characters.length, 0);
  return joinLines(out.replaceAll('\0', '').split(/\r\n|\r|\n/));
}
