/**
 * The subtitles of assets: those of originals, which imports store, and files that users add. Each is one
 * WebVTT file that oxbow writes; of ASS the script is stored next to it.
 * In: results of imports, files. Out: rows, tracks for delivery. docs/6-library/subtitles.md.
 */
import { randomBytes } from 'node:crypto';
import { FormatError } from '@oxbow/media/errors';
import type { TextTrack } from '@oxbow/media/frame';
import { FIRST_ADDED_ID } from '@oxbow/media/rendition-set';
import { parseSubtitleFile } from '@oxbow/media/subtitles/file';
import { printVtt } from '@oxbow/media/webvtt/print';
import { printTextHeader } from '@oxbow/media/webvtt/traits';
import type { Kysely, Selectable } from 'kysely';
import type { ImportedText } from '../../api/library/asset-facts.ts';
import { extraLocation } from '../../archive/asset-locations.ts';
import { type SegmentLocation, type SegmentStore, segmentLocation } from '../../archive/segment-store.ts';
import type { LeaseWrite } from '../../jobs/job.ts';
import { OxbowError } from '../../lib/errors.ts';
import type { AssetSubtitleTable, Tables } from '../../store/schema.ts';

export interface AssetSubtitle {
  readonly assetId: string;
  /** The track of the asset; its id is the same for good, and of no other one. */
  readonly track: TextTrack;
  /** `original`, or `upload`. */
  readonly origin: string;
  readonly isDefault: boolean;
  readonly isForced: boolean;
  readonly cues: number;
  /** Character set of the file that was uploaded; empty for those of originals. */
  readonly charset: string;
  readonly location: SegmentLocation;
  readonly scriptLocation: SegmentLocation | undefined;
}

/** A file that a user adds. */
interface NewSubtitle {
  readonly bytes: Uint8Array;
  /** BCP 47. */
  readonly language: string;
  readonly title: string;
  readonly isDefault: boolean;
  readonly isForced: boolean;
  /** As the client says; undefined: unknown. */
  readonly charset: string | undefined;
}

/** Dependencies of subtitles. */
interface SubtitlesOptions {
  readonly db: Kysely<Tables>;
  readonly segments: Pick<SegmentStore, 'put' | 'delete'>;
}

/** Most subtitles of an asset. */
const MAX_SUBTITLES = 100;
const TIMESCALE = 90_000;

/** Location of a file that an import stores; the token of its lease keeps files of different tries apart. */
export function importedLocation(
  assetId: string,
  stream: number,
  token: number,
  ending: 'vtt' | 'ass',
): SegmentLocation {
  return extraLocation(assetId, `text-${stream}-${token}.${ending}`);
}

/**
 * Writes the rows of an import, in place of those of an earlier one, in the transaction that ends its job.
 */
export async function keepImported(
  db: Parameters<LeaseWrite>[0],
  { assetId, token }: { readonly assetId: string; readonly token: number },
  texts: readonly ImportedText[],
): Promise<void> {
  await db.deleteFrom('asset_subtitle').where('asset_id', '=', assetId).where('origin', '=', 'original').execute();
  for (const { stream, language, title, isDefault, isForced, cues, hasScript } of texts.slice(0, MAX_SUBTITLES)) {
    await db
      .insertInto('asset_subtitle')
      .values({
        asset_id: assetId,
        origin: 'original',
        language,
        title: title.slice(0, 200),
        is_default: Number(isDefault),
        is_forced: Number(isForced),
        cues,
        charset: '',
        path: importedLocation(assetId, stream, token, 'vtt'),
        script_path: hasScript ? importedLocation(assetId, stream, token, 'ass') : null,
      })
      .execute();
  }
}

/** Reads and changes the subtitles of assets. */
export class Subtitles {
  readonly #options: SubtitlesOptions;

  constructor(options: SubtitlesOptions) {
    this.#options = options;
  }

  /** Those of assets, by asset, in the order in which they were added. */
  async of(assetIds: readonly string[]): Promise<ReadonlyMap<string, readonly AssetSubtitle[]>> {
    if (assetIds.length === 0) return new Map();
    const rows = await this.#options.db
      .selectFrom('asset_subtitle')
      .selectAll()
      .where('asset_id', 'in', [...assetIds])
      .orderBy('seq')
      .execute();
    return new Map(
      [...Map.groupBy(rows, ({ asset_id }) => asset_id)].map(([id, subtitleRows]) => [
        id,
        subtitleRows.map(subtitleOf),
      ]),
    );
  }

  /**
   * Adds a file, in place of an uploaded one with the same language, title and purpose.
   *
   * @throws OxbowError `unsupported-media` if it cannot be read, `limit-reached`
   */
  async add(
    assetId: string,
    { bytes, language, title, isDefault, isForced, charset }: NewSubtitle,
  ): Promise<AssetSubtitle> {
    const { db, segments } = this.#options;
    const file = parse(bytes, charset);
    const subtitles = (await this.of([assetId])).get(assetId) ?? [];
    const replaced = subtitles.filter(
      (subtitle) =>
        subtitle.origin === 'upload' &&
        subtitle.isForced === isForced &&
        subtitle.track.language === language &&
        subtitle.track.label === title,
    );
    if (subtitles.length - replaced.length >= MAX_SUBTITLES) {
      throw new OxbowError('limit-reached', `An asset has at most ${MAX_SUBTITLES} subtitles.`);
    }
    const name = `added-${randomBytes(8).toString('hex')}`;
    const path = extraLocation(assetId, `${name}.vtt`);
    const scriptPath = file.script === undefined ? null : extraLocation(assetId, `${name}.ass`);
    await segments.put(path, Buffer.from(printVtt({ header: 'WEBVTT', cues: file.cues }), 'utf8'));
    if (scriptPath) await segments.put(scriptPath, Buffer.from(file.script!, 'utf8'));
    const row = await db
      .insertInto('asset_subtitle')
      .values({
        asset_id: assetId,
        origin: 'upload',
        language,
        title,
        is_default: Number(isDefault),
        is_forced: Number(isForced),
        cues: file.cues.length,
        charset: file.charset,
        path,
        script_path: scriptPath,
      })
      .returningAll()
      .executeTakeFirstOrThrow();
    for (const { track } of replaced) await this.remove(assetId, track.id);
    return subtitleOf(row);
  }

  /** Removes one, with its files; false if there is none. */
  async remove(assetId: string, trackId: number): Promise<boolean> {
    const { db, segments } = this.#options;
    const row = await db
      .deleteFrom('asset_subtitle')
      .where('asset_id', '=', assetId)
      .where('seq', '=', trackId - FIRST_ADDED_ID)
      .returningAll()
      .executeTakeFirst();
    if (!row) return false;
    await segments.delete(segmentLocation(row.path));
    if (row.script_path !== null) await segments.delete(segmentLocation(row.script_path));
    return true;
  }
}

function parse(bytes: Uint8Array, charset: string | undefined): ReturnType<typeof parseSubtitleFile> {
  try {
    return parseSubtitleFile(bytes, charset);
  } catch (cause) {
    if (!(cause instanceof FormatError)) throw cause;
    throw new OxbowError('unsupported-media', `The file cannot be used as subtitles: ${cause.message}.`, {
      cause,
      extra: { hint: 'Send SubRip (.srt), WebVTT (.vtt) or SubStation Alpha (.ass) of at most 4 MiB.' },
    });
  }
}

function subtitleOf(row: Selectable<AssetSubtitleTable>): AssetSubtitle {
  const isDefault = row.is_default === 1;
  const isForced = row.is_forced === 1;
  const record = printTextHeader('WEBVTT', { isDefault, forced: isForced });
  return {
    assetId: row.asset_id,
    track: {
      id: FIRST_ADDED_ID + row.seq,
      kind: 'text',
      timescale: TIMESCALE,
      language: row.language,
      label: row.title,
      config: { codec: 'webvtt', record, codecs: 'wvtt' },
    },
    origin: row.origin,
    isDefault,
    isForced,
    cues: row.cues,
    charset: row.charset,
    location: segmentLocation(row.path),
    scriptLocation: row.script_path === null ? undefined : segmentLocation(row.script_path),
  };
}
