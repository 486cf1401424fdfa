/**
 * Takes the chunk files that workers send: scans them, and lists them in the index of their asset.
 * In: a stored output of a job that still holds its lease. Out: rows of `asset_chunk` and `asset_rendition`.
 * docs/decisions/0030.
 */

import { FormatError } from '@oxbow/media/errors';
import type { Track } from '@oxbow/media/frame';
import { parseInit, printInit } from '@oxbow/media/isobmff/init';
import { type ScannedChunk, scanChunk } from '../../archive/chunk-reader.ts';
import { packSegments } from '../../archive/segment-index.ts';
import { type SegmentStore, segmentLocation } from '../../archive/segment-store.ts';
import type { StoredOutput } from '../../jobs/remote-kind.ts';
import { OxbowError } from '../../lib/errors.ts';

/** Which chunk file an output is expected to be. */
interface ExpectedChunk {
  readonly assetId: string;
  readonly rendition: string;
  readonly firstMsn: number;
  /** The first file of a rendition replaces everything that an earlier try has left of it. */
  readonly replaces: boolean;
  /** Time of its media clock at the start of the asset, µs; undefined where the job does not say it. */
  readonly clockStartUs?: number | undefined;
}

/**
 * Lists a chunk file, in place of those of earlier tries with the same segments.
 *
 * @throws OxbowError `bad-request` if it is not the expected file; `lease-lost`
 */
export async function acceptChunk(
  output: StoredOutput,
  { assetId, rendition, firstMsn, replaces, clockStartUs }: ExpectedChunk,
  segments: SegmentStore,
): Promise<void> {
  const location = segmentLocation(output.location);
  const scanned = await scan(segments, output);
  const { state, head, groups, tracks, length } = scanned;
  const [first] = groups;
  const last = groups.at(-1);
  if (state !== 'sealed' || !first || !last || first.msn !== firstMsn) throw refused(output, 'it is not complete');
  // A worker that writes several renditions of an asset at once keeps them apart by name.
  const owners = [assetId, `${assetId}-${rendition}`];
  if (head.rendition !== rendition || !owners.includes(head.streamId))
    throw refused(output, 'it is of another rendition');
  if (clockStartUs !== undefined && groups.some(({ utcOffsetUs }) => utcOffsetUs !== -clockStartUs))
    throw refused(output, 'its media clock is another one; update the worker to the version of the server');
  const init = printInit(tracks);
  const row = {
    last_msn: last.msn,
    start_us: first.startUs,
    end_us: last.startUs + last.durationUs,
    path: location,
    size: length,
    fence: output.job.token,
    segments: packSegments(groups),
  };
  let old: { readonly path: string }[] = [];
  await output.whileLeased(async (db) => {
    const asset = await db.selectFrom('asset').select('id').where('id', '=', assetId).executeTakeFirst();
    if (!asset) throw new OxbowError('asset-unknown', `There is no asset ${assetId}.`);
    const renditionRow = await db
      .selectFrom('asset_rendition')
      .select('init')
      .where('asset_id', '=', assetId)
      .where('id', '=', rendition)
      .executeTakeFirst();
    if (renditionRow?.init && !replaces && Buffer.compare(renditionRow.init, init) !== 0) {
      throw mismatch(output, parseInit(renditionRow.init), tracks);
    }
    const rows = db
      .deleteFrom('asset_chunk')
      .where('asset_id', '=', assetId)
      .where('rendition', '=', rendition)
      .$if(!replaces, (query) => query.where('first_msn', '<=', last.msn).where('last_msn', '>=', firstMsn));
    old = await rows.returning('path').execute();
    await db
      .insertInto('asset_chunk')
      .values({ asset_id: assetId, rendition, first_msn: firstMsn, ...row })
      .execute();
    const rendered = {
      asset_id: assetId,
      id: rendition,
      state: 'running',
      progress: 0,
      failure: null,
      plan: '{}',
      init,
    };
    await db
      .insertInto('asset_rendition')
      .values(rendered)
      .onConflict((conflict) =>
        conflict.columns(['asset_id', 'id']).doUpdateSet({ init, state: 'running', failure: null }),
      )
      .execute();
  });
  for (const { path } of old) if (path !== location) await segments.delete(segmentLocation(path));
}

async function scan(segments: SegmentStore, output: StoredOutput): Promise<ScannedChunk> {
  try {
    return await scanChunk(segments, segmentLocation(output.location));
  } catch (error) {
    if (error instanceof FormatError) throw refused(output, error.message, error);
    throw error;
  }
}

/** A player decodes all pieces of a rendition with one configuration. */
function mismatch(output: StoredOutput, expected: readonly Track[], tracks: readonly Track[]): OxbowError {
  const kinds = (all: readonly Track[]) => all.map(({ config: { codec } }) => codec).join();
  if (kinds(expected) !== kinds(tracks)) return refused(output, 'its tracks differ from those of the other files');
  return new OxbowError('encoder-mismatch', `The output ${output.name} is of another encoder than the other files.`);
}

function refused({ name }: StoredOutput, why: string, cause?: unknown): OxbowError {
  return new OxbowError('bad-request', `The output ${name} is not the expected chunk file: ${why}.`, { cause });
}
