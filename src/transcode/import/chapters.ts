/**
 * The chapters of an original, on the clock of the asset.
 * In: the tables of an MP4 file, or ranges of a Matroska file. Out: AssetChapter[]; empty for other
 * containers.
 */

import { FormatError } from '@oxbow/media/errors';
import type { FileChapter } from '@oxbow/media/isobmff/movie/chapters';
import type { FileMovie } from '@oxbow/media/isobmff/movie/progressive';
import { readMatroskaChapters } from '@oxbow/media/matroska/chapters';
import { plainTx3g } from '@oxbow/media/subtitles/tx3g';
import type { AssetChapter } from '../../api/library/asset-facts.ts';
import type { JobInput } from '../../jobs/worker-job.ts';
import { withoutDirections } from '../../lib/text/clean-text.ts';

const MAX_CHAPTERS = 500;
const MAX_TITLE = 200;

/** Where the asset is on the clock of the container. */
interface ChapterSpan {
  readonly originUs: number;
  /** µs since the start of the asset. */
  readonly endUs: number;
  readonly signal: AbortSignal;
}

/**
 * Reads the chapters; malformed ones are left out.
 *
 * @param container as FFmpeg names it
 */
export async function readChapters(
  input: JobInput,
  movie: FileMovie | undefined,
  container: string,
  { originUs, endUs, signal }: ChapterSpan,
): Promise<AssetChapter[]> {
  const read = (at: number, count: number) =>
    at < input.length
      ? input.read(at, Math.min(count, input.length - at), { signal })
      : Promise.resolve(new Uint8Array(0));
  const chapters = container.startsWith('matroska')
    ? await readMatroskaChapters(read)
    : movie
      ? await chaptersOfMovie(movie, read)
      : [];
  const byTime = new Map<number, AssetChapter>();
  for (const { startUs, title } of chapters.toSorted((a, b) => a.startUs - b.startUs)) {
    const atUs = Math.max(0, startUs - originUs);
    if (atUs < endUs && byTime.size < MAX_CHAPTERS) byTime.set(atUs, { startUs: atUs, title: cleanTitle(title) });
  }
  return [...byTime.values()];
}

async function chaptersOfMovie(
  { chapters: { listed, samples } }: FileMovie,
  read: (at: number, count: number) => Promise<Uint8Array>,
): Promise<readonly FileChapter[]> {
  const titled: FileChapter[] = [];
  for (const { startUs, offset, length } of samples.slice(0, MAX_CHAPTERS)) {
    try {
      titled.push({ startUs, title: plainTx3g(await read(offset, length)) });
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
    }
  }
  return titled.length > 0 ? titled : listed;
}

function cleanTitle(title: string): string {
  return withoutDirections(title)
    .replaceAll(/\p{Cc}+/gu, ' ')
    .trim()
    .slice(0, MAX_TITLE);
}
