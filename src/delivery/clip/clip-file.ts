/**
 * The validators of clips as files: the same segments in the same format are the same file.
 * In: groups of segments, a format. Out: ETags, or their parts. docs/media.md 20.
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

/** The prefix of the ETags of a format. */
export function revisionOf(format: ClipFormat): string {
  return REVISIONS[format];
}

/** The part of an ETag for a group. */
export function groupLine({ msn, tracks }: HashedGroup): string {
  let line = '';
  for (const { trackId, crc } of tracks) line += `${msn}/${trackId}/${crc};`;
  return line;
}
