/**
 * Follows the processing of an asset until it can be watched.
 * In: a server, an asset. Out: lines with the progress of each rendition; the failure as an error.
 */
import { sleep } from '../../lib/abort.ts';
import { OxbowError, type RefusalCode, refusals } from '../../lib/errors.ts';
import { shareBar } from '../progress.ts';
import type { ServerAccess } from '../running-server.ts';

const LOOK_EVERY_MS = 500;
/** Requests to a server that restarts are repeated for this long, ms. */
const PATIENCE_MS = 120_000;

/** The fields that are read of an asset. */
interface AssetProgress {
  readonly state: string;
  readonly error: { readonly code: string; readonly detail: string } | null;
  readonly renditions: readonly { readonly id: string; readonly state: string; readonly progress: number }[];
}

/**
 * Resolves when the asset is ready with all of its renditions.
 *
 * @throws OxbowError why it failed
 */
export async function waitUntilReady(
  { url, headers, fetch }: ServerAccess,
  id: string,
  { show, signal }: { show: (text: () => string) => void; signal: AbortSignal },
): Promise<void> {
  let answeredAtMs = performance.now();
  for (;;) {
    const response = await fetch(`${url}/api/v1/assets/${encodeURIComponent(id)}`, { headers, signal }).catch(
      () => null,
    );
    signal.throwIfAborted();
    if (response?.ok) {
      const asset = (await response.json()) as AssetProgress;
      answeredAtMs = performance.now();
      const { error } = asset;
      if (asset.state === 'failed') {
        const code = error && error.code in refusals ? (error.code as RefusalCode) : 'unsupported-media';
        throw new OxbowError(code, error?.detail ?? 'The file could not be processed.');
      }
      if (isReady(asset)) return;
      show(() => progressLines(asset));
    } else {
      await response?.body?.cancel();
      if (response && response.status < 500)
        throw new OxbowError('source-failed', `${url} answered with HTTP ${response.status}.`);
      if (performance.now() - answeredAtMs > PATIENCE_MS)
        throw new OxbowError('source-failed', `${url} cannot be reached.`);
    }
    await sleep(LOOK_EVERY_MS, { signal });
  }
}

/** A rendition that failed leaves the others. */
function isReady({ state, renditions }: AssetProgress): boolean {
  return state === 'ready' && renditions.every((each) => each.state === 'done' || each.state === 'failed');
}

/** `original`, `360p`, `sound 1`: the name of a rendition in the library. */
function nameOf(id: string): string {
  if (id === 'source') return 'original';
  const sound = /^a(\d{1,2})(?:-|$)/.exec(id)?.[1];
  if (sound !== undefined) return `sound ${Number(sound) + 1}`;
  const height = /^v\d+-(\d{2,4})(?:-full)?$/.exec(id)?.[1];
  return height === undefined ? id : `${height}p`;
}

/** One line for each rendition. */
export function progressLines({ state, renditions }: Pick<AssetProgress, 'state' | 'renditions'>): string {
  if (renditions.length === 0) return `${state}…`;
  const width = Math.max(...renditions.map(({ id }) => nameOf(id).length));
  return renditions
    .map(
      (each) =>
        `${nameOf(each.id).padEnd(width)} ${each.state === 'failed' ? 'failed' : shareBar(each.state === 'done' ? 1 : each.progress)}`,
    )
    .join('\n');
}
