/**
 * Keeps ranges of recordings as assets, without copying a byte: the asset lists the segments of the
 * recording's chunk files, and a pin keeps retention from deleting them.
 * In: a stream, a range. Out: an asset that is ready. docs/6-library/assets.md.
 */

import { type CaptionChannel, mergeCaptions } from '@oxbow/media/captions/caption-channel';
import type { Track } from '@oxbow/media/frame';
import type { CommittedGroup } from '@oxbow/media/isobmff/commit-box';
import { printInit } from '@oxbow/media/isobmff/init';
import type { Init } from '@oxbow/media/segment';
import type { WatchRuleLists } from '../../api/access/watch-rules-shapes.ts';
import type { NewRecordedAsset } from '../../api/library/asset-shapes.ts';
import { packSegments } from '../../archive/segment-index.ts';
import { parseRange } from '../../delivery/address-time.ts';
import { segmentsOver } from '../../delivery/past/past.ts';
import type { StoredSegment } from '../../delivery/past/past-presentation.ts';
import type { AssetRecord } from '../../library/asset-record.ts';
import type { AssetTrash } from '../../library/asset-trash.ts';
import { Assets } from '../../library/assets.ts';
import type { PinTable } from '../../recording/pin-table.ts';
import type { RecordingReader } from '../../recording/recording-reader.ts';
import type { Catalog } from '../catalog.ts';

/** A new asset. Its rules are those of the stream, unless it has its own; null: the setting `watchRules`. */
type RecordedAsset = Omit<NewRecordedAsset, 'watchRules'> & { readonly watchRules?: WatchRuleLists | null | undefined };

/** What it works with. */
interface RecordedAssetsOptions {
  readonly catalog: Pick<Catalog, 'get'>;
  readonly pins: PinTable;
  readonly assets: Assets;
  readonly trash: Pick<AssetTrash, 'removed'>;
}

/** Assets of recordings. */
export class RecordedAssets {
  readonly #options: RecordedAssetsOptions;

  constructor(options: RecordedAssetsOptions) {
    this.#options = options;
  }

  /**
   * Creates an asset of the segments that overlap a range, from the key frame before its start.
   *
   * @throws OxbowError `stream-unknown`, `bad-time`, `no-media`, `gone`, `window-too-long`, `limit-reached`
   *   for too many pins
   */
  async create({ watchRules, ...asset }: RecordedAsset, owner: string): Promise<AssetRecord> {
    const { catalog, pins, assets } = this.#options;
    const stream = catalog.get(asset.stream);
    const streamId = stream.definition.id;
    const range = parseRange(encodeURIComponent(asset.from), encodeURIComponent(asset.to));
    const id = Assets.newId();
    const { fromUs, toUs } = extentOf(await segmentsOver(stream.served, range));
    // Pinned first, then read again: retention deletes nothing that is read then.
    const pin = await pins.add(streamId, { fromUs, toUs, text: asset.title || stream.name, asset: id });
    try {
      const segments = await segmentsOver(stream.served, range);
      const extent = extentOf(segments);
      return await assets.addRecorded({
        ...asset,
        watchRules: (watchRules === undefined ? stream.definition.watchRules : watchRules) ?? undefined,
        encryption: stream.definition.encryption,
        id,
        owner,
        recording: { stream: stream.name, streamId, pin: pin.id, ...extent },
        durationUs: segments.reduce((sum, { durationUs }) => sum + durationUs, 0),
        facts: {
          tracks: (segments[0]?.init?.tracks ?? []).map(factsOf),
          ...captionsOf(stream.served.recording, segments),
        },
        ...mediaOf(segments),
      });
    } catch (error) {
      await pins.remove(streamId, pin.id, id);
      throw error;
    }
  }

  /**
   * Removes the pins of assets that are gone, from now on and those that a process left. Returns how to stop.
   *
   * @param owns whether this process owns a stream
   */
  async follow(
    failed: (error: unknown) => void,
    owns: (streamId: string) => Promise<boolean> = async () => true,
  ): Promise<() => void> {
    const { pins, assets, trash } = this.#options;
    const stop = trash.removed.subscribe(({ id, recording }) => {
      if (recording) pins.remove(recording.streamId, recording.pin, id).catch(failed);
    });
    for (const { streamId, pin } of pins.ofAssets()) {
      if (!(await assets.find(pin.asset)) && (await owns(streamId))) await pins.remove(streamId, pin.id, pin.asset);
    }
    return stop;
  }
}

/** Closed captions of the runs; nothing where one is not known. */
function captionsOf(recording: Pick<RecordingReader, 'captionsOf'>, segments: readonly StoredSegment[]) {
  const runs = Array.from(new Set(segments.map(({ run }) => run)), (run) => recording.captionsOf(run));
  const captions = runs.reduce<readonly CaptionChannel[]>((sum, channels) => mergeCaptions(sum, channels ?? []), []);
  return captions.length > 0 || runs.every((channels) => channels !== undefined) ? { captions } : {};
}

function extentOf(segments: readonly StoredSegment[]): { fromUs: number; toUs: number } {
  const last = segments.at(-1)!;
  return { fromUs: segments[0]!.startUs, toUs: last.startUs + last.durationUs };
}

/**
 * Renditions and chunks: a rendition for each codec configuration, a chunk for each stored file and
 * rendition.
 */
function mediaOf(segments: readonly StoredSegment[]) {
  const names = new Map<Init, string>();
  const chunks: { rendition: string; path: string; segments: StoredSegment[] }[] = [];
  for (const segment of segments) {
    const { init, location } = segment;
    if (!init) continue;
    const rendition = names.get(init) ?? (names.size === 0 ? 'source' : `source-${names.size + 1}`);
    names.set(init, rendition);
    const chunk = chunks.at(-1);
    if (chunk?.rendition === rendition && chunk.path === location) chunk.segments.push(segment);
    else chunks.push({ rendition, path: location, segments: [segment] });
  }
  return {
    renditions: Array.from(names, ([init, id]) => ({ id, init: printInit(init.tracks) })),
    chunks: chunks.map(({ segments: chunkSegments, ...chunk }) => ({
      ...chunk,
      first_msn: chunkSegments[0]!.msn,
      last_msn: chunkSegments.at(-1)!.msn,
      start_us: chunkSegments[0]!.startUs,
      end_us: chunkSegments.at(-1)!.startUs + chunkSegments.at(-1)!.durationUs,
      size: chunkSegments.reduce((sum, { tracks }) => tracks.reduce((bytes, { length }) => bytes + length, sum), 0),
      segments: packSegments(chunkSegments.map(groupOf)),
    })),
  };
}

/** A segment as the index packs it. Its discontinuities follow from its neighbours. */
function groupOf({ msn, run, utcOffsetUs, startUs, durationUs, discontinuity, tracks }: StoredSegment): CommittedGroup {
  const group = { msn, run, utcOffsetUs, startUs, durationUs, discontinuity, tracks };
  return { ...group, clock: 'source', discontinuitySequence: 0, gaps: [] };
}

/** A track as api/asset-facts describes those of originals. */
function factsOf({ id, kind, config, language, label }: Track): Readonly<Record<string, unknown>> {
  const size = kind === 'video' && 'width' in config ? { width: config.width, height: config.height } : {};
  const sound = 'channels' in config ? { channels: config.channels, sampleRate: config.sampleRate } : {};
  return { trackId: id, kind, codec: config.codec, codecs: config.codecs, language, title: label, ...size, ...sound };
}
