/**
 * Addresses of the media of a clip.
 * In: a clip of the API, the playback token of the page's address. Out: addresses. Pure but for the token.
 */
import type { ClipView } from '../api/clips.ts';
import { serverFor } from '../api/server.ts';

/** The name under which the playback token of a clip is stored; no stream has such a name. */
export function tokenNameOf(id: string): string {
  return `clip/${id}`;
}

/** The file, the same as a download with a name, and the preview image. */
export function mediaOf({ id, media }: ClipView): {
  readonly file: string;
  readonly download: string;
  readonly preview: string;
} {
  const prefix = serverFor(tokenNameOf(id));
  return {
    file: prefix + media.file,
    download: `${prefix}${media.file}?download`,
    preview: prefix + media.preview,
  };
}
