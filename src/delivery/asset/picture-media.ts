/**
 * The media that a picture of an asset is decoded from.
 * In: an asset and an instant. Out: an init section with the segments from the last key frame on, or with
 * only that key frame.
 */

import { concatBytes } from '@oxbow/media/bytes';
import { FormatError } from '@oxbow/media/errors';
import type { Track, VideoTrack } from '@oxbow/media/frame';
import { readBoxHead } from '@oxbow/media/isobmff/box';
import { independentFlag } from '@oxbow/media/isobmff/commit-box';
import { printInit } from '@oxbow/media/isobmff/init';
import { addFragment, type SegmentSample } from '@oxbow/media/isobmff/segment-frames';
import type { AssetSegment, AssetTrackSegment } from '../../archive/asset-index.ts';
import type { RangeReader } from '../../archive/range-reader.ts';
import { OxbowError } from '../../lib/errors.ts';
import type { ServedAsset } from './served-asset.ts';

/** Tallest picture that posters are decoded from, where there is a choice: lines. */
const ENOUGH_LINES = 1080;
/** Decoding begins at most this many segments before the picture. */
const MAX_SEGMENTS = 20;
/** The start of a segment, in which its tables and often its key frame are. */
const START_BYTES = 64 * 1024;

interface PictureMedia {
  readonly track: VideoTrack;
  readonly bytes: Uint8Array;
  /** Seconds after the first key frame in it. */
  readonly atS: number;
}

/** Selects one of the video tracks. */
type ChoosePicture = (tracks: readonly VideoTrack[]) => VideoTrack | undefined;

/** The largest picture that is not larger than needed; the encoded ones have tone-mapped colours. */
export const choosePoster: ChoosePicture = (videos) => {
  const enough = videos.filter(({ rung, config }) => rung !== undefined && config.height <= ENOUGH_LINES);
  return enough.sort((a, b) => b.config.height - a.config.height)[0] ?? videos[0];
};

/** The smallest encoded picture: it is decoded in the shortest time. */
export const chooseTile: ChoosePicture = (videos) => {
  const encoded = videos.filter(({ rung }) => rung !== undefined);
  return encoded.sort((a, b) => a.config.height - b.config.height)[0] ?? videos[0];
};

/** The refusal of an asset without a picture. */
export function noPicture(): OxbowError {
  return new OxbowError('no-media', 'The asset has no picture.');
}

/** Length of an asset, µs: of its segments, where the library does not know it. */
export function lengthOf({ asset, index }: ServedAsset): number {
  if (asset.durationUs !== null && asset.durationUs > 0) return asset.durationUs;
  let us = 0;
  for (const { durationUs } of index) us += durationUs;
  return us;
}

/** The selected track of those of a set. */
export function pictureOf(tracks: readonly Track[], choose: ChoosePicture): VideoTrack | undefined {
  return choose(tracks.filter((track) => track.kind === 'video'));
}

/** How a picture is read. */
interface PictureReading {
  readonly choose: ChoosePicture;
  readonly reader: Pick<RangeReader, 'read'>;
  /** The last key frame before the instant is enough: little is read and decoded. */
  readonly keyFrame?: boolean;
}

/**
 * Reads the media of the picture at an instant.
 *
 * @throws OxbowError `no-media`
 */
export async function readPicture(
  { index }: ServedAsset,
  atUs: number,
  { choose, reader, keyFrame = false }: PictureReading,
): Promise<PictureMedia> {
  const around = segmentsAt(index, atUs);
  const track = pictureOf(around.at(-1)?.segment.init.tracks ?? [], choose);
  const media = track ? decodable(around, track) : [];
  if (!track || media.length === 0) throw noPicture();
  const init = printInit([track]);
  if (keyFrame && media.length === 1) {
    return { track, bytes: concatBytes([init, await readKeyFrame(media[0]!.stored, reader)]), atS: 0 };
  }
  const pieces: Uint8Array[] = [];
  for (const { stored } of media) pieces.push(await reader.read(stored.location, stored.offset, stored.length));
  return { track, bytes: concatBytes([init, ...pieces]), atS: Math.max(0, atUs - media[0]!.atUs) / 1e6 };
}

/** A segment and its position in the asset, µs. */
interface Placed {
  readonly segment: AssetSegment;
  readonly atUs: number;
}

/** The segment that is shown at an instant, after those that decoding may need. */
function segmentsAt(index: Iterable<AssetSegment>, us: number): Placed[] {
  const around: Placed[] = [];
  let atUs = 0;
  for (const segment of index) {
    if (atUs > us) break;
    around.push({ segment, atUs });
    if (around.length > MAX_SEGMENTS) around.shift();
    atUs += segment.durationUs;
  }
  return around;
}

/** The media of a track from the last key frame on. */
function decodable(around: readonly Placed[], track: Track) {
  const pictures = around.flatMap(({ segment: { tracks, init }, atUs }) => {
    const segment = tracks.find(({ trackId, length }) => trackId === track.id && length > 0);
    return segment && init.tracks.includes(track) ? [{ stored: segment, atUs }] : [];
  });
  const key = pictures.findLastIndex(({ stored: { flags } }) => (flags & independentFlag) !== 0);
  return key < 0 ? [] : pictures.slice(key);
}

/**
 * The start of a segment up to the end of its first frame; all of it where its tables are not as expected.
 */
async function readKeyFrame(
  { location, offset, length }: AssetTrackSegment,
  reader: Pick<RangeReader, 'read'>,
): Promise<Uint8Array> {
  const start = await reader.read(location, offset, Math.min(length, START_BYTES));
  const first = firstSample(start, length);
  const end = first ? Math.min(length, first.offset + first.length) : length;
  return end <= start.length ? start.subarray(0, end) : reader.read(location, offset, end);
}

function firstSample(start: Uint8Array, segmentLength: number): SegmentSample | undefined {
  try {
    const head = readBoxHead(start, 0);
    if (head?.type !== 'moof' || head.size > start.length) return undefined;
    const samples: SegmentSample[] = [];
    const moof = { type: 'moof', start: 0, body: head.headLength, end: head.size };
    addFragment(samples, start, moof, { moofAt: 0, segmentLength });
    return samples[0];
  } catch (error) {
    if (error instanceof FormatError) return undefined;
    throw error;
  }
}
