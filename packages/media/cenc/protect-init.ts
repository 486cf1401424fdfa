/**
 * Makes an init section one of encrypted tracks.
 * In: an init section as `printInit` writes it, the key of each track, pssh boxes. Out: a new init section.
 * Pure. ISO/IEC 14496-12, 8.12; ISO/IEC 23001-7, 8.1 and 8.2.
 */
import { concatBytes } from '../bytes.ts';
import { FormatError } from '../errors.ts';
import { type Box, BoxWriter, fourccAt, needBox, readBoxes, u32At } from '../isobmff/box.ts';
import { CBCS, type ContentKey, VIDEO_PATTERN } from './protection.ts';

/** Bytes from the start of a sample entry to its first box (ISO 14496-12, 12.1.3 and 12.2.3). */
const VIDEO_ENTRY = 86;

/** What goes into an init section. */
export interface InitProtection {
  /** The key of a track, by its id; undefined leaves the track clear. */
  readonly keyOf: (trackId: number) => Pick<ContentKey, 'kid' | 'iv'> | undefined;
  /** Complete boxes for the end of the moov. */
  readonly pssh: readonly Uint8Array[];
}

/**
 * The init section with `encv` or `enca` in place of the sample entries of encrypted tracks.
 *
 * @throws FormatError if it is malformed
 */
export function protectInit(init: Uint8Array, { keyOf, pssh }: InitProtection): Uint8Array {
  return concatBytes(
    readBoxes(init).map((box) => {
      if (box.type !== 'moov') return init.subarray(box.start, box.end);
      const children = readBoxes(init, box.body, box.end).map((child) =>
        child.type === 'trak' ? protectTrak(init, child, keyOf) : init.subarray(child.start, child.end),
      );
      return wrap('moov', [...children, ...pssh]);
    }),
  );
}

function protectTrak(init: Uint8Array, trak: Box, keyOf: InitProtection['keyOf']): Uint8Array {
  const tkhd = needBox(readBoxes(init, trak.body, trak.end), 'tkhd', trak);
  const idAt = tkhd.body + (init[tkhd.body] === 1 ? 20 : 12);
  if (idAt + 4 > tkhd.end) throw new FormatError("'tkhd' ends early", tkhd.start);
  const key = keyOf(u32At(init, idAt));
  return key ? inPath(init, trak, ['mdia', 'minf', 'stbl', 'stsd'], key) : init.subarray(trak.start, trak.end);
}

/** Writes a container again, with another stsd at the end of the path. */
function inPath(
  init: Uint8Array,
  parent: Box,
  path: readonly string[],
  key: Pick<ContentKey, 'kid' | 'iv'>,
): Uint8Array {
  const [type, ...rest] = path;
  if (type === undefined) return protectStsd(init, parent, key);
  const children = readBoxes(init, parent.body, parent.end).map((child) =>
    child.type === type ? inPath(init, child, rest, key) : init.subarray(child.start, child.end),
  );
  return wrap(parent.type, children);
}

function protectStsd(init: Uint8Array, stsd: Box, key: Pick<ContentKey, 'kid' | 'iv'>): Uint8Array {
  const entries = readBoxes(init, stsd.body + 8, stsd.end).map((entry) => {
    // The fixed part of a video entry is longer than that of audio, whose channel count is in these bytes.
    const isVideo = hasVideoBoxes(init, entry);
    const pattern = isVideo ? VIDEO_PATTERN : { crypt: 0, skip: 0 };
    const sinf = printSinf(fourccAt(init, entry.start + 4), key, pattern);
    return wrap(isVideo ? 'encv' : 'enca', [init.subarray(entry.body, entry.end), sinf]);
  });
  return wrap('stsd', [init.subarray(stsd.body, stsd.body + 8), ...entries]);
}

const VIDEO_ENTRIES: ReadonlySet<string> = new Set(['avc1', 'avc3', 'hvc1', 'hev1']);

function hasVideoBoxes(init: Uint8Array, entry: Box): boolean {
  if (!VIDEO_ENTRIES.has(fourccAt(init, entry.start + 4))) return false;
  if (entry.end - entry.start < VIDEO_ENTRY) throw new FormatError(`'${entry.type}' ends early`, entry.start);
  return true;
}

/** Protection Scheme Information: the original format, the scheme, the key. */
function printSinf(
  format: string,
  { kid, iv }: Pick<ContentKey, 'kid' | 'iv'>,
  pattern: { readonly crypt: number; readonly skip: number },
): Uint8Array {
  const writer = new BoxWriter(new Uint8Array(128));
  const sinf = writer.open('sinf');
  const frma = writer.open('frma');
  writer.fourcc(format);
  writer.close(frma);
  const schm = writer.openFull('schm', 0, 0);
  writer.fourcc(CBCS);
  writer.u32(0x00010000); // version 1.0
  writer.close(schm);
  const schi = writer.open('schi');
  const tenc = writer.openFull('tenc', 1, 0);
  writer.u8(0);
  writer.u8(pattern.crypt * 16 + pattern.skip);
  writer.u8(1); // default_isProtected
  writer.u8(0); // default_Per_Sample_IV_Size
  writer.raw(kid);
  writer.u8(iv.length);
  writer.raw(iv);
  writer.close(tenc);
  writer.close(schi);
  writer.close(sinf);
  return writer.bytes.slice(0, writer.offset);
}

function wrap(type: string, children: readonly Uint8Array[]): Uint8Array {
  const head = new BoxWriter(new Uint8Array(8));
  head.u32(8 + children.reduce((sum, { length }) => sum + length, 0));
  head.fourcc(type);
  return concatBytes([head.bytes, ...children]);
}
