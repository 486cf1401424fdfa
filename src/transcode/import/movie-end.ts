/**
 * Whether an MP4 or QuickTime file ends before its index, which recorders write last: the usual broken
 * download.
 * In: ranges of a file. Out: a sentence for its owner. ISO/IEC 14496-12 4.2.
 */

/** Boxes that are looked at; an ordinary file has three to ten before its index. */
const MAX_BOXES = 64;
const HEAD_BYTES = 16;

/**
 * Looks for the index of a file that no demuxer could open.
 *
 * @param read reads up to this many bytes at an offset; fewer at the end of the file
 * @returns undefined if the file has its index, or is no list of boxes
 */
export async function movieEndsEarly(
  length: number,
  read: (offset: number, count: number) => Promise<Uint8Array>,
): Promise<string | undefined> {
  for (let at = 0, boxes = 0; boxes < MAX_BOXES; boxes++) {
    if (at >= length) return at === 0 ? undefined : MISSING;
    const head = await read(at, Math.min(HEAD_BYTES, length - at));
    if (head.length < 8) return MISSING;
    const view = new DataView(head.buffer, head.byteOffset, head.length);
    const type = String.fromCharCode(...head.subarray(4, 8));
    if (!/^[ -~]{4}$/.test(type)) return undefined;
    let bytes = view.getUint32(0);
    if (bytes === 1) {
      if (head.length < HEAD_BYTES) return MISSING;
      bytes = Number(view.getBigUint64(8));
    }
    // A size of 0: the box has the rest of the file.
    const end = bytes === 0 ? length : at + bytes;
    if (end < at + 8) return undefined;
    if (type === 'moov') return end > length ? 'The file ends early, within its index.' : undefined;
    at = Math.max(end, at + 8);
  }
  return undefined;
}

const MISSING = 'The file ends early: its index, which is at its end, is missing.';
