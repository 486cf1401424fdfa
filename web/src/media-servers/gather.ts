/**
 * The content of chosen folders of a media server, within bounds, as entries of a playlist.
 * In: chosen entries, lists of folders. Out: a tree of what plays. Pure but for `list`.
 */
import type { EntryPage, MediaServerEntry } from '../api/media-servers.ts';

/** Most entries that are added at once. */
export const MAX_GATHERED = 500;
/** Most requests for lists. */
const MAX_LISTS = 200;
/** Folders one in the other; those of a playlist are five deep at most. */
const MAX_DEPTH = 4;

/** The content of a folder, or the chosen entries. */
export interface Gathered {
  readonly media: readonly MediaServerEntry[];
  /** Folders with something in them. */
  readonly folders: readonly { readonly name: string; readonly found: Gathered }[];
}

/** What `gather` returns. */
interface GatherResult {
  readonly found: Gathered;
  readonly count: number;
  /** There is more than the bounds allow. */
  readonly isCut: boolean;
}

/**
 * Reads the content of chosen folders.
 *
 * @param list a page of a folder; throws ApiError
 * @param onProgress called with the number of entries that were found so far
 */
export async function gather(
  chosen: readonly MediaServerEntry[],
  list: (folder: string, cursor: string | null) => Promise<EntryPage>,
  onProgress: (count: number) => void,
): Promise<GatherResult> {
  let count = 0;
  let lists = 0;
  let isCut = false;

  async function entriesOf(folder: string): Promise<MediaServerEntry[]> {
    const entries: MediaServerEntry[] = [];
    let cursor: string | null = null;
    do {
      if (lists === MAX_LISTS || count + entries.length > MAX_GATHERED) {
        isCut = true;
        break;
      }
      lists += 1;
      const page: EntryPage = await list(folder, cursor);
      entries.push(...page.items);
      cursor = page.nextCursor;
    } while (cursor !== null);
    return entries;
  }

  async function sort(entries: readonly MediaServerEntry[], depth: number): Promise<Gathered> {
    const playable = entries.filter(({ isFolder }) => !isFolder);
    const media = playable.slice(0, MAX_GATHERED - count);
    if (media.length < playable.length) isCut = true;
    count += media.length;
    onProgress(count);
    const folders: { name: string; found: Gathered }[] = [];
    for (const { id, name, isFolder } of entries) {
      if (!isFolder) continue;
      if (depth === MAX_DEPTH || count === MAX_GATHERED) {
        isCut = true;
        break;
      }
      const contents = await sort(await entriesOf(id), depth + 1);
      if (contents.media.length > 0 || contents.folders.length > 0) folders.push({ name, found: contents });
    }
    return { media, folders };
  }

  const tree = await sort(chosen, 0);
  return { found: tree, count, isCut };
}
