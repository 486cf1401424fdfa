/**
 * What one serving thread hears of streams: of those that it wished for, every change of their live lists, as soon as it happens.
 * In: wishes of the thread, live lists. Out: messages for it, those of one turn together. docs/media.md 25.
 */
import type { LiveDeliverable } from '../../delivery/deliverable.ts';
import type { Track } from '../../media/frame.ts';
import type { Init } from '../../media/segment.ts';
import type { ListChange, LiveListState } from '../../packager/listed.ts';
import type { StreamAccess, ToThread } from './messages.ts';

/** A thread has replicas of no more streams; who asks for others is answered by the main thread. */
const MAX_STREAMS = 2000;

/** What feeds need. */
export interface FeedOptions {
  find(name: string): LiveDeliverable | undefined;
  accessOf(stream: LiveDeliverable): StreamAccess;
  post(message: ToThread): void;
}

interface Fed {
  readonly list: LiveDeliverable['list'];
  access: StreamAccess;
  changes: ListChange[];
  readonly stop: () => void;
}

/** The feed of one thread. */
export class StreamFeed implements Disposable {
  readonly #options: FeedOptions;
  readonly #fed = new Map<string, Fed>();

  constructor(options: FeedOptions) {
    this.#options = options;
  }

  /** Whether the thread has a replica of the stream. */
  has(name: string): boolean {
    return this.#fed.has(name);
  }

  /** The thread wishes for a stream. */
  wish(name: string): void {
    const stream = this.#options.find(name);
    if (!stream || this.#fed.has(name) || this.#fed.size >= MAX_STREAMS) return;
    const { list } = stream;
    const access = this.#options.accessOf(stream);
    const fed: Fed = {
      list,
      access,
      changes: [],
      stop: list.copied.subscribe((change) => this.#add(name, fed, change)),
    };
    this.#fed.set(name, fed);
    this.#options.post({ do: 'stream', name, list: compactState(list.state), access });
  }

  /** Nobody asks the thread for it any more. */
  drop(name: string): void {
    this.#fed.get(name)?.stop();
    this.#fed.delete(name);
  }

  /** Looks whether the streams are still the same, and for the same people. @param only one of them */
  check(only?: string): void {
    for (const [name, fed] of only === undefined ? [...this.#fed] : this.#one(only)) {
      const stream = this.#options.find(name);
      if (stream?.list !== fed.list) {
        this.drop(name);
        this.#options.post({ do: 'gone', name });
        continue;
      }
      const access = this.#options.accessOf(stream);
      if (isSame(access, fed.access)) continue;
      fed.access = access;
      this.#options.post({ do: 'access', name, access });
    }
  }

  [Symbol.dispose](): void {
    for (const name of [...this.#fed.keys()]) this.drop(name);
  }

  #one(name: string): [string, Fed][] {
    const fed = this.#fed.get(name);
    return fed ? [[name, fed]] : [];
  }

  #add(name: string, fed: Fed, change: ListChange): void {
    // Parts of several tracks, the seal and the end come in one turn.
    if (fed.changes.length === 0) queueMicrotask(() => this.#flush(name, fed));
    fed.changes.push(compactChange(change));
  }

  #flush(name: string, fed: Fed): void {
    const { changes } = fed;
    fed.changes = [];
    if (this.#fed.get(name) === fed) this.#options.post({ do: 'changes', name, changes });
  }
}

function isSame(a: StreamAccess, b: StreamAccess): boolean {
  return (
    a.isPrivate === b.isPrivate &&
    a.epoch === b.epoch &&
    a.targetDurationMs === b.targetDurationMs &&
    a.horizonUs === b.horizonUs
  );
}

/** A codec configuration may be a view of far more bytes, all of which a message would replica. */
function compactTracks(tracks: readonly Track[]): readonly Track[] {
  const known = compacted.get(tracks);
  if (known) return known;
  const made = tracks.map((track) => {
    const { record } = track.config as { record?: Uint8Array };
    return record ? ({ ...track, config: { ...track.config, record: Uint8Array.from(record) } } as Track) : track;
  });
  compacted.set(tracks, made);
  return made;
}

const compacted = new WeakMap<readonly Track[], readonly Track[]>();

function compactInit(init: Init): Init {
  return { ...init, tracks: compactTracks(init.tracks) };
}

function compactChange(change: ListChange): ListChange {
  if (change.do === 'begin') return { ...change, tracks: compactTracks(change.tracks) };
  if (change.do !== 'open') return change;
  const { opening } = change;
  return { do: 'open', opening: { ...opening, init: compactInit(opening.init) } };
}

function compactState(state: LiveListState): LiveListState {
  const { segments, previous } = state;
  const inits = new Map<number, Init>();
  const compactSegments = (all: LiveListState['segments']) =>
    all.map((segment) => {
      const init = inits.get(segment.init.number) ?? compactInit(segment.init);
      inits.set(init.number, init);
      return { ...segment, init };
    });
  return {
    ...state,
    tracks: compactTracks(state.tracks),
    segments: compactSegments(segments),
    previous: previous && {
      ...previous,
      tracks: compactTracks(previous.tracks),
      segments: compactSegments(previous.segments),
    },
  };
}
