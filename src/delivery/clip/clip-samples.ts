/**
 * Reads the sample tables of a stored segment without its frames: from one movie fragment header to the next.
 * In: a range of a chunk file. Out: samples. ISO/IEC 14496-12, 8.8.
 */

import { FormatError } from '@oxbow/media/errors';
import { readBoxHead } from '@oxbow/media/isobmff/box';
import { addFragment, type SegmentSample } from '@oxbow/media/isobmff/segment-frames';
import type { RangeReader } from '../../archive/range-reader.ts';
import type { SegmentLocation } from '../../archive/segment-store.ts';

/** Bytes of one read; a small segment, such as audio, is read completely. */
const READ_BYTES = 4096;
const SMALL_BYTES = 64 * 1024;
/** Largest movie fragment header, bytes; a frame takes 16. */
const MAX_HEAD_BYTES = 2 * 1024 * 1024;

/**
 * The samples of one track's segment, in decode order.
 *
 * Rejects with what the reader does, and with FormatError if a box is malformed.
 *
 * @returns undefined unless the fragments are complete, in order, and of one track
 */
export async function readSamples(
  reader: Pick<RangeReader, 'read'>,
  location: SegmentLocation,
  { offset, length }: { readonly offset: number; readonly length: number },
): Promise<SegmentSample[] | undefined> {
  let window: Uint8Array = new Uint8Array(0);
  let windowAt = 0;
  const need = async (at: number, count: number): Promise<void> => {
    if (at >= windowAt && at + count <= windowAt + window.length) return;
    if (at + count > length) throw new FormatError('a box reaches past its segment', at);
    const wanted = length <= SMALL_BYTES ? length - at : Math.max(count, READ_BYTES);
    window = await reader.read(location, offset + at, Math.min(wanted, length - at));
    windowAt = at;
  };
  const samples: SegmentSample[] = [];
  for (let at = 0; at < length; ) {
    await need(at, Math.min(16, length - at));
    const head = readBoxHead(window, at - windowAt);
    if (!head) throw new FormatError('a box header ends early', at);
    if (head.type === 'moof') {
      if (head.size > MAX_HEAD_BYTES) throw new FormatError(`a moof of ${head.size} bytes`, at);
      await need(at, head.size);
      const start = at - windowAt;
      const moof = { type: 'moof', start, body: start + head.headLength, end: start + head.size };
      if (!addFragment(samples, window, moof, { moofAt: at, segmentLength: length })) return undefined;
    }
    at += head.size;
  }
  return samples.length > 0 ? samples : undefined;
}
