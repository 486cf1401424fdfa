/**
 * The memory of an edge of live playlists: the last one of each path, the parts it announces, and how far
 * segments reach.
 * In: copies of playlists. Out: a playlist that covers a reload or replaces the answer of the origin; paths
 * to prefetch. RFC 8216bis 6.2.5.
 */
import { dropOldest } from '../../lib/drop-oldest.ts';
import type { EdgeTarget } from '../edge-target.ts';
import { bytesOf, type Copy } from './copy.ts';
import { hintedParts, lastListed, nextSegment, reachedPosition } from './hls-hints.ts';

/** Playlists that are remembered. */
const MAX_PLAYLISTS = 1000;
/** Folders of segments. */
const MAX_FOLDERS = 20_000;

interface Last {
  readonly copy: Copy;
  /** All parts before it are listed. */
  readonly position: { readonly msn: number; readonly part: number } | undefined;
}

export class PlaylistMemory {
  /** By path, and delta or not. Oldest first. */
  readonly #last = new Map<string, Last>();
  /** Last listed segment of each folder. */
  readonly #reach = new Map<string, number>();

  /** Remembers a playlist; false if the copy is none, or an older one. */
  take(target: EdgeTarget, copy: Copy): boolean {
    if (!target.path.endsWith('.m3u8')) return false;
    const text = Buffer.from(bytesOf(copy)).toString();
    const listed = lastListed(text, target.path);
    if (listed) {
      this.#reach.delete(listed.folder);
      this.#reach.set(listed.folder, listed.msn);
      dropOldest(this.#reach, MAX_FOLDERS);
    }
    if (target.address.kind !== 'playlist' && target.address.kind !== 'dvr-playlist') return false;
    const key = keyOf(target);
    const position = reachedPosition(text);
    const before = this.#last.get(key);
    const isFresh = before !== undefined && copy.confirmedMs < before.copy.freshness.freshUntilMs;
    if (isFresh && before.position && position && isBefore(position, before.position)) return false;
    this.#last.delete(key);
    this.#last.set(key, { copy, position });
    dropOldest(this.#last, MAX_PLAYLISTS);
    return true;
  }

  /** The last playlist that may replace this one. */
  last(target: EdgeTarget): Copy | undefined {
    return this.#last.get(keyOf(target))?.copy;
  }

  /** The last playlist, if it has all that a reload waits for and is fresh. */
  covering(target: EdgeTarget, nowMs: number): Copy | undefined {
    const { copy, position } = this.#last.get(keyOf(target)) ?? {};
    if (!copy || !position || nowMs >= copy.freshness.freshUntilMs) return undefined;
    const query = new URLSearchParams(target.key.slice(target.path.length + 1));
    const msn = Number(query.get('_HLS_msn'));
    const part = query.get('_HLS_part');
    // Without a part the reload waits for the whole segment.
    const asked = part === null ? { msn: msn + 1, part: -1 } : { msn, part: Number(part) };
    return isBefore(asked, position) ? copy : undefined;
  }

  /** The parts that a playlist announces. */
  hints(target: EdgeTarget, copy: Copy): readonly string[] {
    return hintedParts(Buffer.from(bytesOf(copy)).toString(), target.path);
  }

  /** The segment after this one, if a playlist has listed it. */
  nextOf(path: string): string | undefined {
    const next = nextSegment(path);
    return next && next.msn <= (this.#reach.get(next.folder) ?? -1) ? next.path : undefined;
  }

  /** Forgets the playlists of objects. */
  forget(isMeant: (copy: Copy) => boolean): void {
    for (const [key, { copy }] of this.#last) if (isMeant(copy)) this.#last.delete(key);
  }
}

function keyOf({ path, isDelta }: EdgeTarget): string {
  return isDelta ? `${path}?delta` : path;
}

function isBefore(a: { msn: number; part: number }, b: { msn: number; part: number }): boolean {
  return a.msn < b.msn || (a.msn === b.msn && a.part < b.part);
}
