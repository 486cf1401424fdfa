/**
 * Live streams of other nodes and processes, for the channels of this one.
 * In: ids of streams, their rows in the store, their frames from the node that owns them. Out: media; whether
 * they are live, and their names, at once. docs/decisions/0121.
 */
import type { RemoteStreams } from '../../../cluster/requests/frames/remote-streams.ts';
import { dropOldest } from '../../../lib/drop-oldest.ts';
import { OxbowError } from '../../../lib/errors.ts';
import type { Store } from '../../../store/db.ts';
import { readDefinition, readStreamName } from '../../../streams/stream-table.ts';
import type { Media } from '../playable.ts';
import { liveMedia } from './live-media.ts';

/** Most streams whose name is remembered. */
const MAX_KNOWN = 1000;

/** Most streams of one schedule whose owners are asked whether they are live. */
const MAX_ASKED = 50;

/** What is known of a stream. */
interface KnownStream {
  readonly name: string;
  readonly title: string;
}

/** Dependencies of the streams. */
interface LiveElsewhereParts {
  readonly store: Pick<Store, 'db'>;
  /** Undefined: there is no cluster. */
  readonly remote: Pick<RemoteStreams, 'of' | 'isLive' | 'askLive'> | undefined;
  readonly failed: (error: unknown) => void;
}

/** The streams. */
export class LiveElsewhere {
  readonly #parts: LiveElsewhereParts;
  readonly #known = new Map<string, KnownStream>();
  /** Those whose names are being read because of `isLive`. */
  readonly #reading = new Set<string>();

  constructor(parts: LiveElsewhereParts) {
    this.#parts = parts;
  }

  /** Reads the name of a stream, so that the calls without a wait know it. @throws errors of the store */
  async read(streamId: string): Promise<KnownStream | undefined> {
    const { db } = this.#parts.store;
    const name = await readStreamName(db, streamId);
    const { definition, isRemoved } = name === undefined ? {} : await readDefinition(db, name);
    if (!definition || isRemoved || definition.id !== streamId) {
      this.#known.delete(streamId);
      return undefined;
    }
    const known = { name: definition.name, title: definition.title };
    this.#known.set(streamId, known);
    dropOldest(this.#known, MAX_KNOWN);
    return known;
  }

  /** Whether a stream is live, as its owner said a moment ago. */
  isLive(streamId: string): boolean {
    const { remote, failed } = this.#parts;
    if (!remote) return false;
    const known = this.#known.get(streamId);
    if (!known && !this.#reading.has(streamId)) {
      this.#reading.add(streamId);
      void this.read(streamId)
        .catch(failed)
        .finally(() => this.#reading.delete(streamId));
    }
    return known !== undefined && remote.isLive(known.name);
  }

  /** Asks the owners of streams whether they are live, the first ones of them. Never rejects. */
  async refresh(streamIds: readonly string[]): Promise<void> {
    const { remote, failed } = this.#parts;
    if (!remote) return;
    const asked = streamIds.slice(0, MAX_ASKED).map(async (id) => {
      const known = this.#known.get(id) ?? (await this.read(id));
      if (known && !remote.isLive(known.name)) await remote.askLive(known.name);
    });
    for (const { status, reason } of (await Promise.allSettled(asked)) as PromiseRejectedResult[])
      if (status === 'rejected') failed(reason);
  }

  /** Its name for people, empty while it was not read. */
  titleOf(streamId: string): string {
    const known = this.#known.get(streamId);
    return known?.title || known?.name || '';
  }

  /** @throws OxbowError `stream-offline` with the reason why it cannot be played; errors of the store */
  async open(streamId: string): Promise<Media> {
    const { remote } = this.#parts;
    const known = await this.read(streamId);
    if (!known) throw new OxbowError('stream-offline', 'The stream was deleted.');
    const isLive = remote && (await remote.askLive(known.name));
    const stream = isLive ? remote.of(known.name, { fromKeyFrame: true }) : undefined;
    if (stream) return liveMedia(stream);
    const why = isLive ? 'cannot be followed: too many others are' : 'is not live';
    throw new OxbowError('stream-offline', `The stream ${known.name} ${why}.`);
  }
}
