/**
 * API calls for clips that have their own page.
 * In: the browser's session. Out: the shapes of src/api. Each call throws ApiError and aborts with `signal`.
 */
import type { ClipList, ClipPatch, ClipView, NewClip } from '../../../src/api/clips/clip-shapes.ts';
import { askServer } from './client.ts';

export type { ClipPatch, ClipView, NewClip };
/** Who may watch a clip. */
export type ClipVisibility = ClipView['visibility'];

/**
 * A page of the clips that the viewer may find, newest first.
 *
 * @param limit at most 200
 * @param cursor of the page before
 */
export function listClips({
  limit,
  cursor,
  signal,
}: {
  readonly limit: number;
  readonly cursor?: string | undefined;
  readonly signal: AbortSignal;
}): Promise<ClipList> {
  const page = { limit: String(limit), ...(cursor !== undefined && { cursor }) };
  return askServer(signal, (client, options) => client.listClips(page, options));
}

/**
 * Creates a clip. Refused as `clip-more-open` without `confirm` where more people could watch it than its
 * stream.
 */
export function createClip(body: NewClip, signal: AbortSignal): Promise<ClipView> {
  return askServer(signal, (client, options) => client.createClip({ body }, options), body.stream);
}

/** The name under which the playback token of a clip is stored; no stream has such a name. */
export function tokenNameOf(id: string): string {
  return `clip/${id}`;
}

/** One clip. Refused as `clip-unknown`, also where the viewer may not watch it, and as `clip-lost`. */
export function getClip(id: string, signal: AbortSignal): Promise<ClipView> {
  return askServer(signal, (client, options) => client.getClip({ id }, options), tokenNameOf(id));
}

/** Changes title and visibility; refused as `createClip`. */
export function updateClip(id: string, body: ClipPatch, signal: AbortSignal): Promise<ClipView> {
  return askServer(signal, (client, options) => client.updateClip({ id, body }, options));
}

/** Deletes a clip; retention applies to its span again. */
export function deleteClip(id: string, signal: AbortSignal): Promise<void> {
  return askServer(signal, (client, options) => client.deleteClip({ id }, options));
}
