/**
 * Init sections, segments, subtitles and files of the renditions of an asset.
 * In: an asset and a name in it. Out: Reply. Bytes never change under the same address.
 */
import { crc32 } from 'node:zlib';
import type { Track } from '@oxbow/media/frame';
import { isSubtitle, type Rendition } from '@oxbow/media/rendition-set';
import type { Init } from '@oxbow/media/segment';
import type { AssetSegment } from '../../archive/asset-index.ts';
import { originalLocation } from '../../archive/asset-locations.ts';
import { readIntact, type SummedRange } from '../../archive/integrity/read-intact.ts';
import type { RangeReader } from '../../archive/range-reader.ts';
import { OxbowError } from '../../lib/errors.ts';
import { lengthOf, storedBody } from '../body-parts.ts';
import { FilePlanner } from '../clip/file-plan.ts';
import { emptyText } from '../empty-text.ts';
import type { ContentKey } from '../encryption/content-keys.ts';
import { etagOf, initReply } from '../live/live.ts';
import { firstOf } from '../past/past-presentation.ts';
import type { Reply } from '../reply.ts';
import { storedReply } from '../stored-segment.ts';
import { subtitlesReply } from '../subtitles.ts';
import { bytesReply, caching, contentTypes } from '../text-reply.ts';
import { assertPlayable } from './asset-lists.ts';
import { bestOf, renditionIn } from './asset-presentation.ts';
import type { AssetTexts } from './asset-texts.ts';
import type { ServedAsset } from './served-asset.ts';

/** `best.mp4`: the best picture with all its sounds. */
const BEST = 'best';
/** Segments of a file that are planned together. */
const PORTION = 1_024;
/** A `sidx` counts its segments in 16 bits (ISO/IEC 14496-12, 8.16.3). */
const MAX_SEGMENTS = 65_535;

/** Names a segment of a rendition. */
interface SegmentName {
  readonly rendition: string;
  readonly msn: number;
}

/** An init section by its number. @throws OxbowError `not-found` */
export function answerAssetInit(
  { index }: ServedAsset,
  { rendition, init: number }: { readonly rendition: string; readonly init: number },
  key?: ContentKey,
): Reply {
  const init = index.init(number);
  if (!init) throw new OxbowError('not-found', `The asset has no init section ${number}.`);
  return initReply(renditionOf(init, rendition).tracks, `${rendition}-init-${number}`, key);
}

/** The tracks of a rendition in a segment. @throws OxbowError `not-found` */
export function assetTracks(served: ServedAsset, { rendition, msn }: SegmentName): readonly Track[] {
  const { init } = segmentOf(served, msn);
  return init ? renditionOf(init, rendition).tracks : [];
}

/** A segment by its MSN. @throws OxbowError `not-found` */
export async function answerAssetSegment(
  served: ServedAsset,
  name: SegmentName,
  { reader, texts }: { readonly reader: Pick<RangeReader, 'shared'>; readonly texts: AssetTexts },
): Promise<Reply> {
  const segment = segmentOf(served, name.msn);
  const beside = await texts.fragment(served, segment, name.rendition);
  if (beside) {
    return bytesReply(beside.bytes, contentTypes.segment, caching.forever, etagOf(nameOf(name), [crc32(beside.bytes)]));
  }
  const stored = storedOf(segment, name.rendition);
  const media = new Map(stored.map((track) => [track.trackId, { media: track, crc: track.crc }]));
  const text = emptyText({ ...segment, tracks: media }, name);
  if (text) return bytesReply(text.bytes, contentTypes.segment, caching.forever, etagOf(nameOf(name), [text.crc]));
  if (stored.length === 0) throw new OxbowError('not-found', `Segment ${name.msn} has no ${name.rendition}.`);
  const body = await storedBody(stored, reader);
  const etag = etagOf(
    nameOf(name),
    stored.map(({ crc }) => crc),
  );
  return { contentType: contentTypes.segment, cacheControl: caching.forever, length: lengthOf(body), body, etag };
}

/**
 * A segment as its file has it.
 *
 * @param name.offset in the file when the segment was listed, bytes
 * @throws OxbowError `not-found`
 */
export function answerStoredAssetSegment(
  served: ServedAsset,
  name: SegmentName & { readonly offset: number },
  { reader }: { readonly reader: Pick<RangeReader, 'shared'> },
): Reply {
  const ranges = storedOf(segmentOf(served, name.msn), name.rendition);
  if (ranges.length === 0) throw new OxbowError('not-found', `Segment ${name.msn} has no ${name.rendition}.`);
  const crcs = ranges.map(({ crc }) => crc);
  return storedReply({ ranges, offset: name.offset, etag: `${etagOf(nameOf(name), crcs)}-stored` }, reader);
}

/** The stored media of a rendition in a segment, track by track. */
function storedOf({ init, tracks }: AssetSegment, rendition: string): AssetSegment['tracks'][number][] {
  return renditionOf(init, rendition).tracks.flatMap(
    ({ id }) => tracks.find(({ trackId, length }) => trackId === id && length > 0) ?? [],
  );
}

/** A segment of subtitles as WebVTT. @throws OxbowError `not-found` */
export async function answerAssetSubtitles(
  served: ServedAsset,
  { rendition, msn }: SegmentName,
  { reader, texts }: { readonly reader: Pick<RangeReader, 'read'>; readonly texts: AssetTexts },
): Promise<Reply> {
  const segment = segmentOf(served, msn);
  const { init, tracks, startUs, durationUs, utcOffsetUs } = segment;
  renditionOf(init, rendition);
  const beside = await texts.fragment(served, segment, rendition);
  const media = new Map<number, { media: Uint8Array | SummedRange; crc: number }>(
    tracks.filter(({ length }) => length > 0).map((track) => [track.trackId, { media: track, crc: track.crc }]),
  );
  if (beside) media.set(beside.track.id, { media: beside.bytes, crc: 0 });
  return subtitlesReply({ init, tracks: media, startUs, durationUs, utcOffsetUs }, rendition, msn, reader);
}

/**
 * A rendition as one MP4 file.
 * @throws OxbowError `not-found`, `asset-unfinished`, `unsupported-media`, `window-too-long`
 */
export function answerAssetFile(served: ServedAsset, renditionId: string, reader: Pick<RangeReader, 'read'>): Reply {
  assertPlayable(served);
  if (isSubtitle(renditionId)) throw new OxbowError('not-found', 'Subtitles are not available as MP4.');
  const init = firstOf(served.index)!.init;
  const tracks = renditionId === BEST ? bestOf(init) : renditionOf(init, renditionId).tracks;
  const from = (first: number) => groupsFrom(served, tracks, first);
  const planner = new FilePlanner<AssetSegment, number>(tracks, {
    reopen: async (first) => ({ [Symbol.iterator]: () => from(first) }),
    read: (_, segment) => readIntact(reader, segment),
  });
  let count = 0;
  for (const group of from(0)) {
    if (group.init !== init) {
      throw new OxbowError(
        'unsupported-media',
        'The codec configuration changes within the asset; download parts of the recording instead.',
      );
    }
    if (count % PORTION === 0) planner.begin(count);
    planner.add(group);
    if (++count > MAX_SEGMENTS)
      throw new OxbowError('window-too-long', 'The asset has too many segments for one file.');
  }
  return {
    ...planner.finish(),
    contentType: contentTypes.mp4,
    cacheControl: caching.past,
    filename: `${served.asset.title}.mp4`,
  };
}

/** The segments of an asset from the one with the index `first`, with the media of some tracks. */
function* groupsFrom({ index }: ServedAsset, tracks: Rendition['tracks'], first: number): Generator<AssetSegment> {
  const isOwn = (id: number) => tracks.some((track) => track.id === id);
  let at = 0;
  for (const segment of index) {
    if (at++ < first) continue;
    yield { ...segment, tracks: segment.tracks.filter(({ trackId }) => isOwn(trackId)) };
  }
}

/** The file as it was uploaded. @throws OxbowError `not-found`, `asset-unfinished` */
export function answerAssetOriginal({ asset }: ServedAsset): Reply {
  const { id, origin, bytes, sha256, state, filename, contentType } = asset;
  if (origin !== 'upload') throw new OxbowError('not-found', 'The asset is part of a recording and has no original.');
  if (bytes === null || sha256 === null || state === 'uploading') {
    throw new OxbowError('asset-unfinished', `The asset is ${state}; its original is not complete.`);
  }
  return {
    contentType: /^(?:video|audio)\/[\w.+-]+$/.test(contentType) ? contentType : 'application/octet-stream',
    cacheControl: caching.none,
    length: bytes,
    body: [{ location: originalLocation(id), offset: 0, length: bytes }],
    etag: sha256,
    filename: filename || asset.title,
  };
}

function nameOf({ rendition, msn }: SegmentName): string {
  return `${rendition}-${msn}`;
}

function segmentOf({ index }: ServedAsset, msn: number): AssetSegment {
  const segment = index.find(msn);
  if (!segment) throw new OxbowError('not-found', `The asset has no segment ${msn}.`);
  return segment;
}

function renditionOf(init: Init, id: string): Rendition {
  const rendition = renditionIn(init, id);
  if (!rendition) throw new OxbowError('not-found', `The asset has no rendition ${id}.`);
  return rendition;
}
