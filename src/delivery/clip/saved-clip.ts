/**
 * Answers /c/{id}/clip.mp4 and /c/{id}/preview.jpg: the file of a clip that has its own address, and a
 * picture of its start.
 * In: a clip, which the client may watch. Out: Reply.
 */
import type { Clock } from '../../lib/clock.ts';
import { OxbowError } from '../../lib/errors.ts';
import { withoutDirections } from '../../lib/text/clean-text.ts';
import type { Range } from '../past/past.ts';
import type { Reply } from '../reply.ts';
import type { ServedStream } from '../served-stream.ts';
import type { Stills } from '../stills.ts';
import { caching, keptFor } from '../text-reply.ts';
import type { WorkOptions } from '../work-budget.ts';
import type { Clips } from './clip.ts';
import { firstMediaUs } from './clip-extent.ts';

/** A clip with its stream. */
export interface SavedClip extends Range {
  readonly stream: ServedStream;
  /** May be empty. */
  readonly title: string;
}

/** Finds clips. */
export interface SavedClips {
  /** A clip by its id; undefined if there is none, or if its stream is not served. */
  find(id: string): SavedClip | undefined;
}

/**
 * The file, with a name if the query has `download`.
 *
 * @throws OxbowError `clip-unknown`; as `Clips.answer`
 */
export async function answerClipFile(
  clip: SavedClip | undefined,
  id: string,
  { clips, query, ...options }: WorkOptions & { readonly clips: Clips; readonly query: URLSearchParams },
): Promise<Reply> {
  if (!clip) throw unknown(id);
  const isBare = query.get('evidence') === 'no';
  const { filename, ...reply } = await clips.answer(clip.stream, clip, 'mp4', { ...options, isBare });
  if (!query.has('download')) return reply;
  return { ...reply, filename: clip.title === '' ? filename! : `${fileNameOf(clip.title)}.mp4` };
}

/**
 * The first picture of the span. Caches keep it for a few seconds: the clip may become private.
 *
 * @throws OxbowError `clip-unknown`; as `Stills.answer`
 */
export async function answerClipPreview(
  clip: SavedClip | undefined,
  id: string,
  { stills, clock, signal }: { readonly stills: Stills; readonly clock: Clock; readonly signal: AbortSignal },
): Promise<Reply> {
  if (!clip) throw unknown(id);
  const still = await stills.answer(clip.stream, await firstMediaUs(clip.stream, clip), clock.nowMs() * 1000, {
    signal,
  });
  return keptFor(still, caching.past);
}

/** A title as the name of a file on any system. */
function fileNameOf(title: string): string {
  return (
    withoutDirections(title)
      .replace(/[\p{Cc}/\\:*?"<>|]+/gu, ' ')
      .trim()
      .replace(/^\.+|\.+$/g, '') || 'clip'
  );
}

function unknown(id: string): OxbowError {
  return new OxbowError('clip-unknown', `There is no clip ${id}.`);
}
