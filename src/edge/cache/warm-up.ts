/**
 * Loads objects before clients request them, with the objects that their playlists list.
 * In: paths. Out: objects in the cache; how many, and what failed.
 */
import { messageOf } from '../../lib/errors.ts';
import { edgeTargetOf, originTarget } from '../edge-target.ts';
import type { WarmRequest } from '../management/management-requests.ts';
import { bytesOf } from './copy.ts';
import type { EdgeCache } from './edge-cache.ts';
import { listedPaths } from './hls-hints.ts';

/** Objects of one warm-up, with those that playlists list. */
const MAX_OBJECTS = 20_000;
/** Loaded at once. */
const MAX_PARALLEL = 8;
/** Failures that are named. */
const MAX_NAMED = 20;
/** Multivariant Playlist, Media Playlist, segments. */
const MAX_DEPTH = 2;

interface WarmResult {
  readonly loaded: number;
  readonly bytes: number;
  readonly failed: number;
  /** The first failures. */
  readonly failures: readonly { readonly path: string; readonly reason: string }[];
}

/** Loads the objects. Resolves when all have come or failed; ends early when aborted. */
export async function warmUp(
  cache: Pick<EdgeCache, 'warm'>,
  { paths, follow }: WarmRequest,
  { signal }: { readonly signal: AbortSignal },
): Promise<WarmResult> {
  const queue = paths.map((path) => ({ path, depth: 0 }));
  const seenPaths = new Set(paths);
  const failures: { path: string; reason: string }[] = [];
  let [loaded, bytes, failed] = [0, 0, 0];

  async function load({ path, depth }: { path: string; depth: number }): Promise<void> {
    const target = edgeTargetOf(path);
    if (!target) throw new TypeError('the edge does not keep this address');
    const outcome = await cache.warm(target);
    if (!('reply' in outcome)) throw outcome.error;
    loaded++;
    bytes += outcome.reply.length;
    if (!follow || depth >= MAX_DEPTH || !target.path.endsWith('.m3u8') || outcome.reply.grows) return;
    for (const listed of listedPaths(Buffer.from(bytesOf(outcome)).toString(), target.path)) {
      const next = originTarget({ key: listed }, target.token);
      if (seenPaths.has(next) || seenPaths.size >= MAX_OBJECTS) continue;
      seenPaths.add(next);
      queue.push({ path: next, depth: depth + 1 });
    }
  }

  let active = 0;
  await new Promise<void>((resolve) => {
    const pump = (): void => {
      while (active < MAX_PARALLEL && queue.length > 0 && !signal.aborted) {
        const next = queue.shift()!;
        active++;
        load(next)
          .catch((error) => {
            failed++;
            if (failures.length < MAX_NAMED) failures.push({ path: next.path, reason: messageOf(error) });
          })
          .finally(() => {
            active--;
            pump();
          });
      }
      if (active === 0) resolve();
    };
    pump();
  });
  return { loaded, bytes, failed, failures };
}
