/**
 * Purges the edges in front of this server of media that was deleted, trashed or closed to others. In a
 * cluster, first the memory of the other nodes, from which edges may take it again.
 * In: events of streams, assets and clips. Out: requests to edges, until each has confirmed; which have.
 * docs/9-run/edge.md.
 */
import { randomUUID } from 'node:crypto';
import type { EdgePurgesApi, EdgePurgeView, PurgedKind } from '../../api/deletions/edge-purge-shapes.ts';
import { printRfc3339 } from '../../api/instant.ts';
import type { PublishedEvent } from '../../cluster/bus/event-bus.ts';
import type { PurgedThing } from '../../cluster/requests/internal-requests.ts';
import type { UnpurgedNode } from '../../cluster/requests/node-copies.ts';
import { sleep } from '../../lib/abort.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../observe/log.ts';
import type { EdgePurges, Purged } from './edge-purges.ts';

/** Waits between rounds, ms: from the first to the longest. */
const FIRST_WAIT_MS = 5000;
const LONGEST_WAIT_MS = 60_000;
/** No round begins later, ms. */
const PATIENCE_MS = 2 * 3_600_000;
/** Things that wait at a time; beyond it edges have been away for long. */
const MAX_WAITING = 1000;
/** Purges that have ended, and are still listed. */
const MAX_ENDED = 1000;
/** A purge that began this long ago belongs to another request, ms. */
const JUST_NOW_MS = 5000;

/** Its dependencies. */
interface HiddenCopiesOptions {
  readonly edges: Pick<EdgePurges, 'urls' | 'purge'>;
  /**
   * In a cluster: drops copies in the memory of the other living nodes; returns those that did not confirm
   * it.
   */
  readonly purgeNodes?:
    | ((things: readonly PurgedThing[], options: { readonly signal: AbortSignal }) => Promise<readonly UnpurgedNode[]>)
    | undefined;
  /**
   * Whether a stream has rules: by the network or country of a client, or of the broadcaster for the past; or
   * its segments are encrypted, and copies may be clear ones of before.
   */
  readonly hasRules: (stream: string) => boolean;
  /** The same of an asset. */
  readonly assetHasRules: (id: string) => Promise<boolean>;
  /** Resolves when `received` was called with all that this process has published. */
  readonly flush: () => Promise<void>;
  readonly clock: Clock;
  readonly log: Log;
  /** Ends it. */
  readonly signal: AbortSignal;
  /** Called with a bug. */
  readonly failed: (error: unknown) => void;
}

/** The purge of one thing. */
interface Purge {
  readonly id: string;
  readonly kind: PurgedKind;
  readonly name: string;
  readonly startedMs: number;
  state: EdgePurgeView['state'];
  doneMs: number | undefined;
  edges: ReadonlyMap<string, PurgedEdge>;
  nodes: readonly UnpurgedNode[];
}

interface PurgedEdge {
  readonly state: EdgePurgeView['edges'][number]['state'];
  readonly confirmedMs?: number;
  readonly problem: string;
}

/** The purges that are under way, and the last ones. */
export class HiddenCopies implements EdgePurgesApi {
  readonly #options: HiddenCopiesOptions;
  readonly #running = new Map<Purge, Promise<void>>();
  /** Looks at the rules of assets that were changed. */
  readonly #looking = new Set<Promise<void>>();
  /** The one that ended last at the end. */
  #ended: readonly Purge[] = [];

  constructor(options: HiddenCopiesOptions) {
    this.#options = options;
  }

  /** Takes an event. The process that has published it purges. */
  received({ event, audience, isForeign }: Pick<PublishedEvent, 'event' | 'audience' | 'isForeign'>): void {
    const { hasRules, assetHasRules, failed } = this.#options;
    if (isForeign || !this.#hasCopies) return;
    const hidden = hiddenBy(event, audience, hasRules);
    if (hidden) this.#begin(hidden);
    else if (event.type === 'asset.changed') {
      const { id: name } = event.data as { readonly id: string };
      const looking = assetHasRules(name)
        .then((has) => (has ? this.#begin({ kind: 'asset', name }) : undefined))
        .catch(failed)
        .finally(() => this.#looking.delete(looking));
      this.#looking.add(looking);
    }
  }

  #begin(hidden: Pick<Purge, 'kind' | 'name'>): void {
    const { edges, clock, log, signal, failed } = this.#options;
    const waiting: PurgedEdge = { state: 'waiting', problem: '' };
    const purge: Purge = {
      id: randomUUID(),
      ...hidden,
      startedMs: clock.nowMs(),
      state: 'running',
      doneMs: undefined,
      edges: new Map(edges.urls.map((url) => [url, waiting])),
      nodes: [],
    };
    if (this.#running.size >= MAX_WAITING) {
      log.error({ ...hidden }, 'too many purges of edges and nodes wait: this one is left out');
      const problem = 'too many purges waited';
      purge.edges = new Map(edges.urls.map((url) => [url, { ...waiting, problem }]));
      this.#end(purge, 'failed');
      return;
    }
    const running = this.#purge(purge).catch((error) => {
      this.#end(purge, 'failed');
      if (!signal.aborted) failed(error);
    });
    this.#running.set(purge, running);
    void running.then(() => this.#running.delete(purge));
  }

  /** Resolves when the signal has aborted and nothing runs any more, or all edges have confirmed. */
  async settled(): Promise<void> {
    await Promise.all(this.#looking);
    await Promise.all(this.#running.values());
  }

  list(): readonly EdgePurgeView[] {
    return [...this.#purges()].sort((a, b) => b.startedMs - a.startedMs).map(viewOf);
  }

  async begunFor(kind: PurgedKind, name: string): Promise<EdgePurgeView | undefined> {
    const { clock, flush } = this.#options;
    if (!this.#hasCopies) return undefined;
    await flush();
    await Promise.all(this.#looking);
    const sinceMs = clock.nowMs() - JUST_NOW_MS;
    const begun = this.#purges().filter(
      (purge) => purge.kind === kind && purge.name === name && purge.startedMs >= sinceMs,
    );
    return begun.length === 0 ? undefined : viewOf(begun.reduce((a, b) => (b.startedMs >= a.startedMs ? b : a)));
  }

  /** There is anything that may have copies. */
  get #hasCopies(): boolean {
    const { edges, purgeNodes } = this.#options;
    return purgeNodes !== undefined || edges.urls.length > 0;
  }

  #purges(): readonly Purge[] {
    return [...this.#ended, ...[...this.#running.keys()].filter(({ state }) => state === 'running')];
  }

  #end(purge: Purge, state: 'done' | 'failed'): void {
    purge.state = state;
    purge.doneMs = this.#options.clock.nowMs();
    this.#ended = [...this.#ended, purge].slice(-MAX_ENDED);
  }

  async #purge(purge: Purge): Promise<void> {
    const { clock, log, signal } = this.#options;
    const { kind, name } = purge;
    const untilMs = clock.monotonicMs() + PATIENCE_MS;
    let waitMs = FIRST_WAIT_MS;
    for (let isFirst = true; ; isFirst = false) {
      await this.#round(purge);
      const missed = [
        ...purge.nodes.map(({ node, problem }) => ({ node, problem })),
        ...[...purge.edges].flatMap(([url, { state, problem }]) =>
          state === 'confirmed' ? [] : [{ edge: new URL(url).host, problem }],
        ),
      ];
      if (missed.length === 0) {
        this.#end(purge, 'done');
        log.info({ edges: purge.edges.size, kind, name }, 'edges and nodes were purged of what is hidden now');
        return;
      }
      const isLast = clock.monotonicMs() + waitMs > untilMs;
      for (const place of missed) {
        if (isFirst)
          log.warn({ ...place, kind, name }, 'an edge or node was not purged of what is hidden now; it is tried again');
        if (isLast) log.error({ ...place, kind, name }, 'an edge or node was not purged of what is hidden now');
      }
      if (isLast) return this.#end(purge, 'failed');
      await sleep(waitMs, { signal });
      waitMs = Math.min(2 * waitMs, LONGEST_WAIT_MS);
    }
  }

  /**
   * Requests all missing confirmations, once, in the order in which each takes from the one before it.
   */
  async #round(purge: Purge): Promise<void> {
    const { edges, purgeNodes, clock, signal } = this.#options;
    purge.nodes = (await purgeNodes?.([{ kind: purge.kind, id: purge.name }], { signal })) ?? [];
    const before = purge.edges;
    // The setting may have changed.
    purge.edges = new Map(edges.urls.map((url) => [url, before.get(url) ?? { state: 'waiting', problem: '' }]));
    let isBehind = purge.nodes.length > 0;
    for (const [url, { state }] of purge.edges) {
      if (state === 'confirmed') continue;
      const failure = await edges.purge(url, purgedBy(purge), signal);
      const edge: PurgedEdge =
        failure !== undefined
          ? { state: 'waiting', problem: failure }
          : isBehind
            ? { state: 'purged', problem: 'what it takes copies from has not confirmed' }
            : { state: 'confirmed', problem: '', confirmedMs: clock.nowMs() };
      isBehind ||= failure !== undefined;
      purge.edges = new Map(purge.edges).set(url, edge);
    }
  }
}

function purgedBy({ kind, name }: Purge): Purged {
  return {
    stream: kind === 'stream' ? name : undefined,
    assets: kind === 'asset' ? [name] : [],
    clips: kind === 'clip' ? [name] : [],
  };
}

function viewOf({ id, kind, name, startedMs, state, doneMs, edges, nodes }: Purge): EdgePurgeView {
  const timeOf = (ms: number | undefined) => (ms === undefined ? null : printRfc3339(ms));
  return {
    id,
    kind,
    name,
    state,
    startedAt: printRfc3339(startedMs),
    givesUpAt: printRfc3339(startedMs + PATIENCE_MS),
    doneAt: timeOf(doneMs),
    edges: [...edges].map(([url, { confirmedMs, ...edge }]) => ({ url, ...edge, confirmedAt: timeOf(confirmedMs) })),
    nodes: nodes.map(({ node, problem }) => ({ name: node, problem })),
  };
}

/** What of an event others may watch no more; undefined: nothing. */
function hiddenBy(
  { type, stream, data }: PublishedEvent['event'],
  audience: string,
  hasRules: (stream: string) => boolean,
): { readonly kind: PurgedKind; readonly name: string } | undefined {
  const { id, visibility } = data as { readonly id?: string; readonly visibility?: string };
  const isOpen = visibility === 'public' || visibility === 'unlisted';
  switch (type) {
    case 'stream.removed':
      return { kind: 'stream', name: stream! };
    case 'stream.changed':
      return audience === 'private' || hasRules(stream!) ? { kind: 'stream', name: stream! } : undefined;
    case 'asset.deleted':
      return { kind: 'asset', name: id! };
    case 'asset.changed':
      return isOpen ? undefined : { kind: 'asset', name: id! };
    case 'clip.deleted':
    case 'clip.lost':
      return { kind: 'clip', name: id! };
    case 'clip.changed':
      return isOpen ? undefined : { kind: 'clip', name: id! };
    default:
      return undefined;
  }
}
