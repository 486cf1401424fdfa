/**
 * The kinds of jobs that make the media of an asset: what their workers read and write, and what
 * follows their ends.
 * In: jobs, stored outputs. Out: RemoteKind `import` and `encode`. docs/6-library/processing.md.
 */

import { FormatError } from '@oxbow/media/errors';
import { fileBounds } from '@oxbow/media/subtitles/bounds';
import { parseVtt } from '@oxbow/media/webvtt/parse';
import { type ImportedText, type ImportLoss, type ImportResult, importLosses } from '../../api/library/asset-facts.ts';
import { assetChunkLocation, originalLocation } from '../../archive/asset-locations.ts';
import { type SegmentLocation, type SegmentStore, segmentLocation } from '../../archive/segment-store.ts';
import type { JoinedPart } from '../../ffmpeg/joined-clock.ts';
import type { Job } from '../../jobs/job.ts';
import type { RemoteKind, StoredOutput } from '../../jobs/remote-kind.ts';
import { OxbowError } from '../../lib/errors.ts';
import { ENCODE_KIND, type EncodeJobInput, type EncodeJobResult } from '../../transcode/ladder/encode-job.ts';
import { importedLocation, keepImported } from '../subtitles/subtitles.ts';
import { acceptChunk } from './chunk-intake.ts';

/** Kind of the job that reads an original first. */
export const IMPORT_KIND = 'import';
/** Rendition with the tracks of the original. */
export const SOURCE = 'source';

/** Jobs are kept while an asset may still need their results. */
const KEEP_MS = 30 * 86_400_000;
const HOUR_MS = 3_600_000;
const OUTPUT_BYTES = 4 * 1024 ** 3;
const MAX_SCRIPT_BYTES = 16 * 1024 * 1024;
const OUTPUT_NAME = /^([a-z0-9][a-z0-9-]{0,63})\/([1-9][0-9]{0,8})\.mp4$/;
const TEXT_NAME = /^text\/(\d{1,4})\.(vtt|ass)$/;

/** Dependencies of the kinds. */
interface MediaKindsOptions {
  readonly segments: SegmentStore;
  /** A job has ended, at this node. */
  readonly ended: (job: Job) => Promise<void>;
}

/** The asset of a job. */
export function assetIdOf({ input }: Pick<Job, 'input'>): string {
  const { assetId } = (input ?? {}) as { readonly assetId?: unknown };
  if (typeof assetId !== 'string') throw new OxbowError('internal', 'A job has no asset.');
  return assetId;
}

/** Renditions that a job may write. */
function renditionsOf(job: Job): readonly string[] {
  if (job.kind === IMPORT_KIND) return [SOURCE];
  const { media } = job.input as EncodeJobInput;
  return media.kind === 'look' ? [] : media.renditions.map(({ id }) => id);
}

function parseOutput(job: Job, name: string): { readonly rendition: string; readonly firstMsn: number } | undefined {
  const [, rendition, msn] = OUTPUT_NAME.exec(name) ?? [];
  if (rendition === undefined || !renditionsOf(job).includes(rendition)) return undefined;
  return { rendition, firstMsn: Number(msn) };
}

/** A file of subtitles that an import writes. */
function parseText(job: Job, name: string): SegmentLocation | undefined {
  const [, stream, ending] = TEXT_NAME.exec(name) ?? [];
  if (job.kind !== IMPORT_KIND || stream === undefined) return undefined;
  return importedLocation(assetIdOf(job), Number(stream), job.token, ending as 'vtt' | 'ass');
}

/**
 * Checks a file of subtitles that a worker has sent; it is listed when its job ends.
 *
 * @throws OxbowError `bad-request`
 */
async function acceptText({ name, location, length }: StoredOutput, segments: SegmentStore): Promise<void> {
  const isScript = name.endsWith('.ass');
  if (length > (isScript ? MAX_SCRIPT_BYTES : fileBounds.characters))
    throw new OxbowError('bad-request', `The output ${name} is too large.`);
  if (isScript) return;
  try {
    parseVtt(
      new TextDecoder().decode(await segments.read(segmentLocation(location), { offset: 0, length })),
      fileBounds,
    );
  } catch (cause) {
    if (!(cause instanceof FormatError)) throw cause;
    throw new OxbowError('bad-request', `The output ${name} is not WebVTT: ${cause.message}.`, { cause });
  }
}

/**
 * Checks the result of an import.
 *
 * @throws OxbowError `bad-request`
 */
export function importResultOf(result: unknown): ImportResult {
  const {
    facts,
    cuts,
    endUs,
    originUs,
    clockStartUs = 0,
    joined = [],
    texts = [],
  } = (result ?? {}) as Partial<ImportResult>;
  const isList = Array.isArray(cuts) && cuts[0] === 0 && cuts.every((us, i) => i === 0 || us > cuts[i - 1]!);
  if (
    !isList ||
    !Number.isFinite(endUs) ||
    !Number.isFinite(originUs) ||
    !(Number.isSafeInteger(clockStartUs) && clockStartUs >= 0) ||
    !Array.isArray(facts?.tracks) ||
    !isJoined(joined) ||
    !isTexts(texts)
  ) {
    throw new OxbowError('bad-request', 'The result of the import is incomplete.');
  }
  return result as ImportResult;
}

/** The losses of an import. Workers send it: other values are passed over. */
export function lossesOf(result: unknown): readonly ImportLoss[] {
  const { losses } = (result ?? {}) as Partial<ImportResult>;
  return Array.isArray(losses) ? importLosses.filter((loss) => losses.includes(loss)) : [];
}

function isJoined(parts: unknown): boolean {
  return (
    Array.isArray(parts) &&
    parts.every((part: Partial<JoinedPart> | null) =>
      [part?.fromUs, part?.toUs, part?.shiftUs].every((us) => Number.isSafeInteger(us)),
    )
  );
}

function isTexts(texts: unknown): boolean {
  return (
    Array.isArray(texts) &&
    texts.every((text: Partial<ImportedText> | null) => {
      return (
        Number.isInteger(text?.stream) &&
        Number.isInteger(text?.cues) &&
        typeof text?.language === 'string' &&
        typeof text.title === 'string'
      );
    })
  );
}

/** Creates both kinds. */
export function createMediaKinds({ segments, ended }: MediaKindsOptions): readonly RemoteKind[] {
  const common = {
    keepMs: KEEP_MS,
    place: 'asset',
    async inputLocation(job: Job, name: string) {
      return name === 'original' ? originalLocation(assetIdOf(job)) : undefined;
    },
    outputLocation(job: Job, name: string) {
      const text = parseText(job, name);
      if (text) return text;
      const parsed = parseOutput(job, name);
      return parsed && assetChunkLocation(assetIdOf(job), parsed.rendition, parsed.firstMsn, job.token);
    },
    async accept(output) {
      const { job, name } = output;
      if (parseText(job, name)) return acceptText(output, segments);
      const parsed = parseOutput(job, name)!;
      const replaces = job.kind === IMPORT_KIND && parsed.firstMsn === 1;
      const { clockStartUs } = job.input as Partial<EncodeJobInput>;
      await acceptChunk(output, { assetId: assetIdOf(job), ...parsed, replaces, clockStartUs }, segments);
    },
    ended,
  } satisfies Partial<RemoteKind>;
  return [
    {
      ...common,
      name: IMPORT_KIND,
      limits: { runMs: 6 * HOUR_MS, outputBytes: OUTPUT_BYTES, outputs: 2000 },
      async finish(job, result, transaction) {
        const { texts = [] } = importResultOf(result);
        await keepImported(transaction, { assetId: assetIdOf(job), token: job.token }, texts);
      },
      resultOf({ result }) {
        const { facts, source } = result as ImportResult;
        return { durationUs: facts.durationUs, source: source !== null, warnings: [...facts.warnings] };
      },
    },
    {
      ...common,
      name: ENCODE_KIND,
      limits: { runMs: 24 * HOUR_MS, outputBytes: OUTPUT_BYTES, outputs: 20_000 },
      resultOf(job) {
        const { counts, measured, warnings = [] } = job.result as Partial<EncodeJobResult>;
        const result = { renditions: [...renditionsOf(job)], fallbacks: [...(counts?.fallbacks ?? [])] };
        const isMeasure = (job.input as EncodeJobInput).media.kind === 'measure';
        return isMeasure ? { ...result, measured: measured ?? null, warnings: [...warnings] } : result;
      },
    },
  ];
}
