/**
 * The validators of clips as files: the same segments in the same format are the same file.
 * In: groups of segments, a format. Out: ETags, or what they are made of. docs/media.md 20.
 */
import { createHash } from 'node:crypto';
import type { ClipFormat } from '../../api/media-address.ts';

/**
 * Part of the ETag. Raise the number when the bytes of a format change: a resumed download must not mix two
 * files.
 */
const REVISIONS: Readonly<Record<ClipFormat, string>> = { mp4: 'mp4-2;', mkv: 'mkv1;', ts: 'ts1;' };

/** A group as an ETag names it. */
interface HashedGroup {
  readonly msn: number;
  readonly tracks: readonly { readonly trackId: number; readonly crc: number }[];
}

/** The same segments are the same file. */
export function etagOfFile(groups: Iterable<HashedGroup>, format: ClipFormat): string {
  const hash = createHash('sha1').update(revisionOf(format));
  for (const group of groups) hash.update(groupLine(group));
  return hash.digest('base64url');
}

/** What an ETag of a format begins with. */
export function revisionOf(format: ClipFormat): string {
  return REVISIONS[format];
}

/** What a group adds to an ETag. */
export function groupLine({ msn, tracks }: HashedGroup): string {
  let line = '';
  for (const { trackId, crc } of tracks) line += `${msn}/${trackId}/${crc};`;
  return line;
}
