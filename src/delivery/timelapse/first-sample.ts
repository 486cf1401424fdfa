/**
 * Finds the first sample of a stored segment from only its head.
 * In: the first bytes of a segment. Out: where the sample is, or how many bytes are needed. Pure.
 */
import { readBoxHead } from '@oxbow/media/isobmff/box';
import { addFragment, type SegmentSample } from '@oxbow/media/isobmff/segment-frames';

/** Enough for a box header. */
const HEAD_BYTES = 16;

/**
 * The first sample of a segment.
 *
 * @param head the first bytes
 * @param segmentLength bytes of the whole segment
 * @returns the sample; the number of bytes from the start that are needed; undefined if the segment has none
 * @throws FormatError if a box is malformed
 */
export function firstSampleOf(head: Uint8Array, segmentLength: number): SegmentSample | number | undefined {
  for (let at = 0; at < segmentLength; ) {
    const box = readBoxHead(head, at);
    if (!box)
      return Math.min(at + HEAD_BYTES, segmentLength) > head.length
        ? Math.min(at + HEAD_BYTES, segmentLength)
        : undefined;
    const end = at + box.size;
    if (end > segmentLength) return undefined;
    if (box.type === 'moof') {
      if (end > head.length) return end;
      const samples: SegmentSample[] = [];
      const moof = { type: 'moof', start: at, body: at + box.headLength, end };
      return addFragment(samples, head, moof, { moofAt: at, segmentLength }) ? samples[0] : undefined;
    }
    at = end;
  }
  return undefined;
}
