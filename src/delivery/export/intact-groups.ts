/**
 * Leaves damaged segments out of an export: each is read and compared with its checksum before the file is
 * laid out, whose header has the size of every sample.
 * In: groups of a range. Out: those that are intact.
 */
import { readIntact } from '../../archive/integrity/read-intact.ts';
import type { RangeReader } from '../../archive/range-reader.ts';
import { OxbowError } from '../../lib/errors.ts';
import type { StoredSegment } from '../past/past-presentation.ts';

/** The intact ones, each read once. @throws what reading throws, but for damage; the reason of `signal` */
export async function intactGroups(
  groups: readonly StoredSegment[],
  { reader, signal }: { readonly reader: Pick<RangeReader, 'read'>; readonly signal: AbortSignal },
): Promise<StoredSegment[]> {
  const intact: StoredSegment[] = [];
  let isHole = false;
  for (const group of groups) {
    signal.throwIfAborted();
    if (await isIntact(group, reader)) {
      intact.push(isHole ? { ...group, discontinuity: true } : group);
      isHole = false;
    } else isHole = true;
  }
  return intact;
}

async function isIntact(group: StoredSegment, reader: Pick<RangeReader, 'read'>): Promise<boolean> {
  try {
    for (const track of group.tracks) {
      await readIntact(reader, { ...track, location: track.location ?? group.location });
    }
    return true;
  } catch (error) {
    if (error instanceof OxbowError && (error.code === 'media-damaged' || error.code === 'gone')) return false;
    throw error;
  }
}
