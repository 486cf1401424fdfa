/**
 * All streams of this process, of the settings and of the API; in a cluster those that this node owns.
 * In: the streams that `StreamControl` opens and changes. Out: managed streams by name; their recordings.
 */
import { streamUnknown } from '../api/stream/stream-refusals.ts';
import { OxbowError } from '../lib/errors.ts';
import { CatalogRecordings } from './catalog/catalog-recordings.ts';
import { assertNotMoving } from './catalog/owned-streams.ts';
import type { UnopenedStreams } from './catalog/unopened-streams.ts';
import type { StreamDefinition } from './definition.ts';
import type { ManagedStream } from './managed-stream.ts';
import type { StreamDeps } from './stream-deps.ts';

/** The streams as they are now. */
interface CurrentStreams {
  readonly running: ReadonlyMap<string, ManagedStream>;
  /** Removed streams whose recordings are kept until retention deletes them. */
  readonly removed: ReadonlyMap<string, StreamDefinition>;
  readonly unopened: Pick<UnopenedStreams, 'all' | 'find' | 'assertNone'>;
  readonly toOpen: () => readonly string[];
  /** Whether every known stream is open. */
  readonly areOpen: () => boolean;
}

/** The streams of a process. */
export class Catalog {
  readonly recordings: CatalogRecordings;
  /** Those that could not be opened, or take long. They are tried again with growing pauses. */
  readonly unopened: CurrentStreams['unopened'];
  readonly #running: CurrentStreams['running'];
  readonly #streams: Pick<CurrentStreams, 'removed' | 'toOpen' | 'areOpen'>;
  readonly #placement: StreamDeps['placement'];

  constructor(deps: StreamDeps, streams: CurrentStreams) {
    this.recordings = new CatalogRecordings(deps, this);
    this.unopened = streams.unopened;
    this.#running = streams.running;
    this.#streams = streams;
    this.#placement = deps.placement;
  }

  /** All streams, by name. */
  get all(): readonly ManagedStream[] {
    return [...this.#running.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Removed streams whose recordings are kept, and those that could not be opened. */
  get others(): readonly StreamDefinition[] {
    return [...this.#streams.removed.values(), ...this.unopened.all.map(({ definition }) => definition)];
  }

  /** The definition of a stream by its id, of a removed one too. */
  definitionOf(streamId: string): StreamDefinition | undefined {
    for (const { definition } of this.#running.values()) if (definition.id === streamId) return definition;
    return this.others.find(({ id }) => id === streamId);
  }

  /** Names of the streams that this node has taken over and not opened yet. */
  get toOpen(): readonly string[] {
    return this.#streams.toOpen();
  }

  /** Whether every known stream is open. */
  get isOpen(): boolean {
    return this.#streams.areOpen();
  }

  /** A stream by name, or undefined; also before all are open. */
  find(name: string): ManagedStream | undefined {
    return this.#running.get(name);
  }

  /**
   * A stream by name; undefined if it does not exist, or another node has it.
   * @throws OxbowError `not-ready` while it is being opened
   */
  lookUp(name: string): ManagedStream | undefined {
    const stream = this.#running.get(name);
    if (!stream) this.assertOpen();
    return stream;
  }

  /**
   * A stream by name, for requests that were passed to this node; undefined if it does not exist.
   *
   * @throws OxbowError `not-ready` as `lookUp`, and while the stream moves to this node or from it;
   *   `stream-unopened`
   */
  lookUpHere(name: string): ManagedStream | undefined {
    const stream = this.lookUp(name);
    if (!stream) this.unopened.assertNone(name);
    if (!stream && !this.#streams.removed.has(name)) assertNotMoving(this.#placement, name);
    return stream;
  }

  /** Throws `not-ready` until every known stream is open. */
  assertOpen(): void {
    if (this.#streams.areOpen()) return;
    throw new OxbowError('not-ready', 'oxbow is opening the streams.', { extra: { retryAfterSeconds: 1 } });
  }

  /**
   * A stream by name.
   * @throws OxbowError `stream-unknown`, `not-ready` and `stream-unopened` as `lookUpHere`
   */
  get(name: string): ManagedStream {
    const stream = this.lookUpHere(name);
    if (!stream) throw streamUnknown(name);
    return stream;
  }
}
