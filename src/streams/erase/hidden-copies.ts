/**
 * Purges the edges in front of this server of what was deleted, moved to the trash or closed to others.
 * In: events of streams, assets and clips. Out: requests to edges, until each has confirmed. docs/6-run/edge.md.
 */

import type { PublishedEvent } from '../../cluster/event-bus.ts';
import { sleep } from '../../lib/abort.ts';
import type { Log } from '../../observe/log.ts';
import type { EdgePurges, Purged } from './edge-purges.ts';

/** Waits between rounds, ms: from the first to the longest. */
const FIRST_WAIT_MS = 5000;
const LONGEST_WAIT_MS = 60_000;
/** Rounds until this gives up: about two hours. */
const MAX_ROUNDS = 120;
/** Things that wait at a time; beyond it edges have been away for long. */
const MAX_WAITING = 1000;

/** What it works with. */
export interface HiddenCopiesOptions {
  readonly edges: Pick<EdgePurges, 'urls' | 'purge'>;
  readonly log: Log;
  /** Ends it. */
  readonly signal: AbortSignal;
  /** Called with a bug. */
  readonly failed: (error: unknown) => void;
}

/** The purges that are under way. */
export class HiddenCopies {
  readonly #options: HiddenCopiesOptions;
  readonly #running = new Set<Promise<void>>();

  constructor(options: HiddenCopiesOptions) {
    this.#options = options;
  }

  /** Takes an event. The process that has published it purges. */
  received({ event, audience, isForeign }: Pick<PublishedEvent, 'event' | 'audience' | 'isForeign'>): void {
    if (isForeign || this.#options.edges.urls.length === 0) return;
    const hidden = hiddenBy(event, audience);
    if (!hidden) return;
    if (this.#running.size >= MAX_WAITING) {
      this.#options.log.error({ ...hidden }, 'too many purges of edges wait: this one is left out');
      return;
    }
    const running = this.#purge(hidden).catch((error) => {
      if (!this.#options.signal.aborted) this.#options.failed(error);
    });
    this.#running.add(running);
    void running.then(() => this.#running.delete(running));
  }

  /** Resolves when the signal has aborted and nothing runs any more, or all edges have confirmed. */
  async settled(): Promise<void> {
    await Promise.all(this.#running);
  }

  async #purge(hidden: Purged): Promise<void> {
    const { edges, log, signal } = this.#options;
    let waitMs = FIRST_WAIT_MS;
    for (let round = 1; round <= MAX_ROUNDS; round++) {
      let problem: string | undefined;
      // All of them again: an edge takes from the one before it, which may not have been purged.
      for (const url of edges.urls) {
        const failure = await edges.purge(url, hidden, signal);
        if (failure === undefined) continue;
        problem = failure;
        const fields = { edge: new URL(url).host, problem, ...hidden };
        if (round === 1) log.warn(fields, 'an edge was not purged of what is hidden now; it is tried again');
        if (round === MAX_ROUNDS) log.error(fields, 'an edge was not purged of what is hidden now');
      }
      if (problem === undefined) {
        log.info({ edges: edges.urls.length, ...hidden }, 'edges were purged of what is hidden now');
        return;
      }
      await sleep(waitMs, { signal });
      waitMs = Math.min(2 * waitMs, LONGEST_WAIT_MS);
    }
  }
}

/** What of an event others may watch no more; undefined: nothing. */
function hiddenBy({ type, stream, data }: PublishedEvent['event'], audience: string): Purged | undefined {
  const { id, visibility } = data as { readonly id?: string; readonly visibility?: string };
  const isOpen = visibility === 'public' || visibility === 'unlisted';
  switch (type) {
    case 'stream.removed':
      return { stream: stream ?? undefined, assets: [], clips: [] };
    case 'stream.changed':
      return audience === 'private' ? { stream: stream ?? undefined, assets: [], clips: [] } : undefined;
    case 'asset.deleted':
      return { stream: undefined, assets: [id!], clips: [] };
    case 'asset.changed':
      return isOpen ? undefined : { stream: undefined, assets: [id!], clips: [] };
    case 'clip.deleted':
    case 'clip.lost':
      return { stream: undefined, assets: [], clips: [id!] };
    case 'clip.changed':
      return isOpen ? undefined : { stream: undefined, assets: [], clips: [id!] };
    default:
      return undefined;
  }
}
