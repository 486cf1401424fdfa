/**
 * A film in the library, as an upload and its import leave it: real media in chunk files, with an encoded
 * rendition beside the source.
 * In: a database, a store. Out: an asset that is ready. Used by tests only.
 */

import type { Frame, Track, VideoTrack } from '@oxbow/media/frame';
import { printInit } from '@oxbow/media/isobmff/init';
import type { SegmentGroup } from '@oxbow/media/segment';
import type { Kysely } from 'kysely';
import { assetChunkLocation, originalLocation } from '../archive/asset-locations.ts';
import { openChunkWriter } from '../archive/chunk-writer.ts';
import { groupsOf, makeSource, temporaryFolder } from '../archive/media.fixture.ts';
import { MemorySegmentStore } from '../archive/memory-segment-store.fixture.ts';
import { packSegments } from '../archive/segment-index.ts';
import type { SegmentStore } from '../archive/segment-store.ts';
import type { Tables } from '../store/schema.ts';
import type { NewAsset } from './asset.ts';
import type { ProcessedAssets } from './processed-assets.ts';
import type { UploadedAssets } from './uploaded-assets.ts';

/** Where a film is stored. */
export interface FilmPlace {
  readonly db: Kysely<Tables>;
  readonly segments: SegmentStore;
  readonly uploaded: UploadedAssets;
  readonly processed: ProcessedAssets;
}

/** What a film is made of. */
export interface FilmPlan extends Partial<NewAsset> {
  /** Whole seconds; default 4. */
  readonly seconds?: number;
  /** Names of encoded renditions, e.g. `90`: the picture of the source again. */
  readonly rungs?: readonly string[];
}

/** The media of a film, made once for all tests of a process. */
const sources = new Map<number, Promise<{ readonly tracks: readonly Track[]; readonly frames: readonly Frame[] }>>();

async function sourceOf(seconds: number) {
  await using folder = await temporaryFolder();
  const { tracks, frames } = await makeSource(folder.path, 'h264', seconds);
  return { tracks, frames };
}

/** Adds a film; resolves with its id. */
export async function addFilm({ db, segments, uploaded, processed }: FilmPlace, plan: FilmPlan = {}): Promise<string> {
  const { seconds = 4, rungs = [], owner = 'admin', filename = 'Film — 1.mp4', length = 6, ...texts } = plan;
  const making = sources.get(seconds) ?? sourceOf(seconds);
  sources.set(seconds, making);
  const source = await making;
  const id = await uploaded.begin({ owner, filename, length, ...texts });
  await segments.put(originalLocation(id), new TextEncoder().encode('filmed'));
  await uploaded.complete(id, { bytes: 6, sha256: 'ab'.repeat(32) });
  await processed.describe(id, { contentType: 'video/mp4', durationUs: seconds * 1e6, facts: { container: 'mp4' } });
  const groups = groupsOf(source, { offsetS: 0, startUs: 0, firstMsn: 1 });
  await addRendition({ db, segments }, id, 'source', source.tracks, groups);
  for (const [i, rung] of rungs.entries()) await addRung({ db, segments }, id, rung, 101 + i, source);
  await processed.mediaChanged(id);
  return id;
}

/** Adds an encoded rendition to a film. */
export async function addRung(
  { db, segments }: Pick<FilmPlace, 'db' | 'segments'>,
  id: string,
  rung: string,
  trackId = 101,
  source?: { readonly tracks: readonly Track[]; readonly frames: readonly Frame[] },
): Promise<void> {
  const { tracks, frames } = source ?? (await sources.get(4)!);
  const first = tracks[0] as VideoTrack;
  const track: VideoTrack = { ...first, id: trackId, rung };
  const own = frames.filter((frame) => frame.trackId === first.id).map((frame) => ({ ...frame, trackId }));
  const groups = groupsOf({ tracks: [track], frames: own }, { offsetS: 0, startUs: 0, firstMsn: 1 });
  await addRendition({ db, segments }, id, `v-${rung}`, [track], groups);
}

async function addRendition(
  { db, segments }: Pick<FilmPlace, 'db' | 'segments'>,
  id: string,
  rendition: string,
  tracks: readonly Track[],
  groups: readonly SegmentGroup[],
): Promise<void> {
  const row = { asset_id: id, id: rendition, state: 'done', progress: 1, failure: null, plan: '{}' };
  await db
    .insertInto('asset_rendition')
    .values({ ...row, init: printInit(tracks) })
    .execute();
  // Two chunk files, so that the index of an asset joins them.
  const half = Math.ceil(groups.length / 2);
  for (const part of [groups.slice(0, half), groups.slice(half)]) {
    if (part.length === 0) continue;
    const { location, bytes, committed } = await sealed(part);
    const path = assetChunkLocation(id, rendition, part[0]!.msn, 1);
    await segments.put(path, bytes);
    const last = committed.at(-1)!;
    await db
      .insertInto('asset_chunk')
      .values({
        asset_id: id,
        rendition,
        first_msn: part[0]!.msn,
        last_msn: last.msn,
        start_us: part[0]!.startUs,
        end_us: last.startUs + last.durationUs,
        path,
        size: bytes.length,
        fence: 1,
        segments: packSegments(committed),
      })
      .execute();
    await segments.delete(location);
  }
}

/** A chunk file in its own store. */
async function sealed(groups: readonly SegmentGroup[]) {
  const store = new MemorySegmentStore();
  const [first] = groups;
  const run = { id: 0, utcOffsetUs: 0, clock: 'source' as const };
  await using writer = await openChunkWriter({
    store,
    utcMs: 0,
    msn: first!.msn,
    streamId: 'job',
    init: first!.init,
    previousMsn: 0,
    sync: 'off',
  });
  for (const group of groups) await writer.append({ ...group, run, discontinuity: false });
  const { location, length, groups: committed } = await writer.seal();
  return { location, committed, bytes: await store.read(location, { offset: 0, length }) };
}
