/**
 * MPEG-1 and MPEG-2 video with the rules of NAL units: what follows each start code is one of them, and a
 * picture begins with its header.
 * In: units from the start code value on. Out: the role of each, the configuration. ISO/IEC 13818-2, 6.2 and
 * 6.3.
 */
import type { NalList } from '../../h264/annexb.ts';
import { MPEG2_CODE, mpeg2Config, mpeg2FieldOf, parseMpeg2Picture } from '../../mpeg2/sequence.ts';
import type { ParameterSet, PictureHead, VideoCodec } from './video-codec.ts';

/** The bytes of a sequence header that its configuration depends on: the rest may change with each group. */
const SET_BYTES = 5;

/** Units that are parsed, by their start code value. */
export const mpeg2Codec: VideoCodec = {
  name: 'MPEG-2',
  spsType: MPEG2_CODE.sequence,
  ppsType: MPEG2_CODE.sequence,
  neededTypes: [MPEG2_CODE.sequence],
  type: (first) => first,
  role(type) {
    if (type === MPEG2_CODE.picture) return 'slice';
    if (type === MPEG2_CODE.sequence) return 'kept set';
    return type === MPEG2_CODE.end ? 'drop' : 'other';
  },
  set: (nal): ParameterSet => ({ type: MPEG2_CODE.sequence, id: 0, nal: nal.subarray(0, SET_BYTES) }),
  config: ([sequence]) => mpeg2Config(sequence!.nal),
  isKey(bytes, list, continues) {
    const picture = find(bytes, list, MPEG2_CODE.picture);
    if (picture < 0) return continues;
    // A decoder begins with a sequence header.
    return (
      find(bytes, list, MPEG2_CODE.sequence) >= 0 &&
      parseMpeg2Picture(bytes, list.starts[picture]!, list.ends[picture]!)?.type === 'I'
    );
  },
  beginsUnit: (type) => type === MPEG2_CODE.sequence || type === MPEG2_CODE.group,
  startsPicture: () => true,
  continues: (type) => type > MPEG2_CODE.picture && type <= MPEG2_CODE.lastSlice,
  orderStep: 1,
  pictures: () => ({ fields: true, orderBits: 0, read: readHead }),
};

function find(bytes: Uint8Array, list: NalList, type: number): number {
  for (let i = 0; i < list.count; i++) if (bytes[list.starts[i]!] === type) return i;
  return -1;
}

/**
 * The picture coding extension follows the header, behind a start code or, in a sample, its length: zeros and
 * one byte.
 */
function readHead(bytes: Uint8Array, start: number, end: number): PictureHead | undefined {
  const picture = parseMpeg2Picture(bytes, start, end);
  if (!picture) return undefined;
  let at = end;
  while (bytes[at] === 0) at++;
  return {
    idr: picture.type === 'I',
    order: undefined,
    field: mpeg2FieldOf(bytes, at + 1),
    frameNum: picture.temporalReference,
    reference: picture.type !== 'B',
  };
}
