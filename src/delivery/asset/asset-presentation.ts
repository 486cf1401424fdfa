/**
 * Adapter from an asset to a presentation: all renditions that are complete, from its first segment to its
 * last.
 * In: the index of its segments. Out: delivery/format. docs/decisions/0030. Pure.
 */

import { captionsFrom } from '@oxbow/media/captions/caption-channel';
import type { Track } from '@oxbow/media/frame';
import { longestTargetS, PeakRate } from '@oxbow/media/peak-rate';
import type { Description, Presentation, PresentationSegment } from '@oxbow/media/presentation';
import { type Rendition, renditionsOf } from '@oxbow/media/rendition-set';
import type { Init } from '@oxbow/media/segment';
import type { AssetIndex, AssetSegment } from '../../archive/asset-index.ts';
import type { ServedAsset } from './served-asset.ts';

/** Track ids from here on are of encoded renditions. */
const FIRST_DERIVED_ID = 100;
/** TARGETDURATION of an asset whose segments are shorter, seconds. */
const LEAST_TARGET_S = 1;
const MUXED = /^a(v\d.*)$/;

/** A segment, and where its media is stored. */
type StoredSegment = PresentationSegment & Pick<AssetSegment, 'tracks'>;

/**
 * The presentation of an asset that has segments.
 *
 * @param only a rendition that is all that it has, also where it is no longer offered
 */
export function assetPresentation(
  { asset, index }: Pick<ServedAsset, 'asset' | 'index'>,
  only?: string,
): Presentation<StoredSegment> {
  let description: Description | undefined;
  return {
    describe() {
      description ??= { ...describe(index), captions: captionsFrom(asset.facts?.captions) };
      return description;
    },
    segments: { [Symbol.iterator]: () => present(index, only) },
    // Segments are named by their numbers, from 1 on. The list is complete: tools take one that does not
    // count from 0 for a live list.
    mediaSequence: 0,
    discontinuitySequence: 0,
    targetDurationS: LEAST_TARGET_S,
    ended: true,
    fixed: true,
    hasAllTexts: true,
    undated: asset.origin !== 'recording',
    dateRanges: [],
  };
}

function* present(index: AssetIndex, only: string | undefined): Generator<StoredSegment> {
  const inits = new Map<Init, Init>();
  for (const segment of index) {
    const init = inits.get(segment.init) ?? reduced(segment.init, only);
    inits.set(segment.init, init);
    yield { ...segment, init, lost: false, open: false };
  }
}

/** The configuration with the tracks of one rendition. */
function reduced(init: Init, only: string | undefined): Init {
  const rendition = only === undefined ? undefined : renditionIn(init, only);
  return rendition && rendition !== findIn(init.tracks, rendition.id) ? { ...init, tracks: rendition.tracks } : init;
}

/** Sums of a rendition. */
interface Sums {
  readonly peak: PeakRate;
  bytes: number;
}

/** Bit rates and frame rates over the whole asset. */
function describe(index: AssetIndex): Description {
  const targetS = longestTargetS(index, LEAST_TARGET_S);
  const sums = new Map<string, Sums>();
  const pictures = new Map<number, { samples: number; duration: number }>();
  let durationUs = 0;
  for (const segment of index) {
    durationUs += segment.durationUs;
    const bytesOf = new Map(segment.tracks.map(({ trackId, length }) => [trackId, length]));
    for (const { id, tracks } of renditionsOf(segment.init.tracks).all) {
      const bytes = tracks.reduce((sum, track) => sum + (bytesOf.get(track.id) ?? 0), 0);
      const total = sums.get(id) ?? { peak: new PeakRate(targetS), bytes: 0 };
      total.bytes += bytes;
      total.peak.add(segment.durationUs, bytes);
      sums.set(id, total);
    }
    for (const { trackId, samples, duration } of segment.tracks) {
      const total = pictures.get(trackId) ?? { samples: 0, duration: 0 };
      pictures.set(trackId, { samples: total.samples + samples, duration: total.duration + duration });
    }
  }
  return {
    tracks: index.tracks,
    bandwidthOf: ({ id }) => sums.get(id)?.peak.rate ?? 0,
    averageBandwidthOf: ({ id }) => (durationUs > 0 ? ((sums.get(id)?.bytes ?? 0) * 8e6) / durationUs : 0),
    frameRateOf({ tracks }) {
      const video = tracks.find(({ kind }) => kind === 'video');
      const total = video && pictures.get(video.id);
      if (!total || total.duration === 0) return undefined;
      return Math.round((total.samples * video.timescale * 1000) / total.duration) / 1000;
    },
  };
}

/**
 * A rendition by its id. One that was offered stays available when further renditions change how the tracks
 * are offered: of a second audio track, for instance, video and audio are no longer muxed.
 */
export function renditionIn({ tracks }: Init, id: string): Rendition | undefined {
  const offered = findIn(tracks, id) ?? findIn(sourceOf(tracks), id);
  if (offered) return offered;
  const video = MUXED.exec(id)?.[1];
  const picture = video === undefined ? undefined : findIn(tracks, video);
  const sound = tracks.find(({ kind }) => kind === 'audio');
  return picture && sound && { id, tracks: [...picture.tracks, sound] };
}

/**
 * The tracks of a download: the first picture, and every sound of the original or, without one, the first.
 */
export function bestOf({ tracks }: Init): readonly Track[] {
  const video = tracks.find(({ kind }) => kind === 'video');
  const sounds = tracks.filter(({ kind }) => kind === 'audio');
  const originals = sounds.filter(({ id }) => id < FIRST_DERIVED_ID);
  return [...(video ? [video] : []), ...(originals.length > 0 ? originals : sounds.slice(0, 1))];
}

function findIn(tracks: readonly Track[], id: string): Rendition | undefined {
  const { all, subtitles } = renditionsOf(tracks);
  return [...all, ...subtitles].find((rendition) => rendition.id === id);
}

/** The tracks of the original, one list for each set: `renditionsOf` remembers lists. */
const sources = new WeakMap<readonly Track[], readonly Track[]>();

function sourceOf(tracks: readonly Track[]): readonly Track[] {
  const originals = sources.get(tracks) ?? tracks.filter(({ id }) => id < FIRST_DERIVED_ID);
  sources.set(tracks, originals);
  return originals;
}
