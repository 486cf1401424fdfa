/**
 * Complete stored segments as one MP4 file that starts at time 0, with its length known from the index.
 * In: tracks, groups of segments. Out: the parts of the file, and its validator. docs/media.md 20.
 */
import { createHash } from 'node:crypto';
import type { ClipFormat } from '../../api/media-address.ts';
import type { Track } from '../../media/frame.ts';
import { planClip } from '../../media/isobmff/clip/clip-header.ts';
import { rebaseSegment } from '../../media/isobmff/clip/clip-segment.ts';
import type { ClipGroup, ClipSegment } from '../../media/isobmff/clip/clip-times.ts';
import type { BodyPart } from '../reply.ts';

/** Part of the ETag. Raise the number when the bytes of a format change: a resumed download must not mix two files. */
const REVISIONS: Readonly<Record<ClipFormat, string>> = { mp4: 'mp4-2;', mkv: 'mkv1;', ts: 'ts1;' };

/** A group of segments with what reading them needs. */
interface FileGroup<Segment extends ClipSegment> extends ClipGroup {
  readonly tracks: readonly Segment[];
}

/**
 * The file.
 *
 * @param read reads the media of a segment
 */
export function fileOf<Segment extends ClipSegment, Group extends FileGroup<Segment>>(
  tracks: readonly Track[],
  groups: readonly (Group & FileGroup<Segment>)[],
  read: (group: Group, segment: Segment) => Promise<Uint8Array>,
): BodyPart[] {
  const plan = planClip(tracks, groups);
  const body: BodyPart[] = [plan.header];
  groups.forEach((group, i) => {
    for (const [t, track] of group.tracks.entries()) {
      if (track.length === 0) continue;
      const delta = plan.deltas[i]?.[t] ?? 0;
      const position = body.length - 1;
      body.push({ length: track.length, read: async () => rebaseSegment(await read(group, track), delta, position) });
    }
  });
  return body;
}

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
