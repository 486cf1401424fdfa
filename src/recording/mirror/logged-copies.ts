/**
 * Second copies of recorded files that are ranges of the mirror's objects: stores descriptions instead of
 * files, and deletes what only a deleted copy needs.
 * In: complete files of the mirror, deletions. Out: objects in buckets. docs/decisions/0130.
 */
import { FormatError } from '@oxbow/media/errors';
import { type FilePiece, isLoggedKey, type LoggedFile } from '../../archive/objects/logged/logged-file.ts';
import { readLogged } from '../../archive/objects/logged/logged-reader.ts';
import type { RewrittenFiles } from '../../archive/objects/logged/rewritten-files.ts';
import { type ObjectClient, ObjectError } from '../../archive/objects/object-client.ts';
import { type ObjectDeletion, type ObjectDeletions, POSTPONED } from '../../archive/objects/object-deletions.ts';
import { MAX_LOG_SPAN_MS, type StoredObjects } from '../../archive/objects/stored-objects.ts';
import { parseKey, readParts, type UploadOptions, uploadLogged } from '../../archive/objects/upload-object.ts';
import { identityLocation, recordingOfLocation } from '../../archive/recording-locations.ts';
import type { SegmentLocation } from '../../archive/segment-store.ts';
import type { Mirror } from './mirror.ts';
import type { PlacedRecord } from './mirror-batch.ts';
import { eraseFrom, eraseQueued, isErasure } from './mirror-erasure.ts';
import { timeOfKey } from './mirror-log.ts';

/**
 * Retention deletes files of other streams of the same minutes meanwhile: then nothing is left to erase, µs.
 */
const WAIT_US = 120_000_000;
/** An object that may be needed is looked at again after this time, µs. */
const DAY_US = 86_400_000_000;
const UNUSED = '~unused';
/** `again` of the deletion of an upload that was given up. */
const UNSTORED = 1;

interface LoggedCopiesOptions {
  readonly mirror: Pick<Mirror, 'whenSent' | 'keep' | 'release' | 'holds'>;
  readonly index: Pick<StoredObjects, 'loggedBetween'>;
  readonly deletions: Pick<ObjectDeletions, 'deleted' | 'addLater' | 'postpone'>;
  /** The objects of the mirror do not have what was written again. */
  readonly rewritten: Pick<RewrittenFiles, 'has'>;
  /** Prefix of a target. */
  readonly prefixOf: (target: string) => string;
  /** Other processes erase from the same objects, and may put back what this one erases meanwhile. */
  readonly isShared?: boolean;
}

/** How a deletion is done. */
interface DeleteOptions {
  /** What was requested is erased at once. */
  readonly isUrgent?: boolean;
  readonly signal: AbortSignal;
}

/** Stores and deletes copies in pieces. */
export class LoggedCopies {
  readonly #options: LoggedCopiesOptions;

  constructor(options: LoggedCopiesOptions) {
    this.#options = options;
  }

  /**
   * Stores the description of a file that the mirror has sent.
   *
   * @returns `unknown`: it must be sent as a whole
   * @throws as `uploadObject`
   */
  async upload(location: SegmentLocation, options: UploadOptions): Promise<'stored' | 'gone' | 'unknown'> {
    const { mirror, rewritten } = this.#options;
    const { target, signal } = options;
    // Of an earlier try: it has no row, or it would not be tried again.
    mirror.release(target, location);
    const find = await mirror.whenSent(target, location, { signal });
    if (!find) return 'unknown';
    const keep = () => {
      const sent = rewritten.has(location) ? undefined : find();
      const pieces = sent && spanOf(sent) <= MAX_LOG_SPAN_MS ? sent : undefined;
      if (pieces) mirror.keep(target, location, pieces);
      return pieces;
    };
    // After an error its row may be there all the same: the database did not answer.
    const result = await uploadLogged(location, keep, options);
    if (result !== 'stored') mirror.release(target, location);
    return result;
  }

  /**
   * Does a deletion: of an object, of the description of a file with what only it needs, or of bytes in an
   * object of the mirror. It may be postponed once, unless it is urgent.
   *
   * @throws ObjectError: it is tried again
   */
  async delete(due: ObjectDeletion, client: ObjectClient, options: DeleteOptions): Promise<void> {
    const { key } = due;
    const { signal } = options;
    if (isErasure(key)) {
      if ((await eraseQueued(key, client, { signal })) && (await this.#looksAgain(due))) return;
    } else if (key.endsWith(UNUSED)) {
      const object = key.slice(0, -UNUSED.length);
      if (this.#options.mirror.holds(due.target, object)) {
        await this.#options.deletions.postpone(due, DAY_US);
        return;
      }
      if (!(await this.#covers(due.target, [object]))(object)) await client.delete(object, { signal });
    } else {
      const parts = readParts(due);
      if (parts) await client.abandon(key, parts, { signal });
      // One that was never stored names what the mirror still needs.
      const isStored = due.again !== UNSTORED;
      if (isLoggedKey(key) && isStored && (await this.#deletePieces(due, client, options)) === 'later') return;
      await client.delete(key, { signal });
    }
    await this.#options.deletions.deleted(due);
  }

  async #deletePieces(
    due: ObjectDeletion,
    client: ObjectClient,
    { isUrgent = false, signal }: DeleteOptions,
  ): Promise<'deleted' | 'later'> {
    const { deletions, mirror, prefixOf } = this.#options;
    const { target, key } = due;
    const file = await readLogged(client, key, { signal }).catch(noneIfMalformed);
    if (!file) return 'deleted';
    const isCovered = await this.#covers(target, file.objects);
    const shared = file.objects.filter((object) => isCovered(object) || mirror.holds(target, object));
    if (shared.length > 0 && !isUrgent && due.again !== POSTPONED) {
      await deletions.postpone(due, WAIT_US);
      return 'later';
    }
    const location = parseKey(prefixOf(target), key)?.location ?? '';
    const streamId = recordingOfLocation(location as SegmentLocation);
    const name = streamId === undefined ? undefined : identityLocation(streamId);
    let isChanged = false;
    for (const object of file.objects) {
      signal.throwIfAborted();
      if (!shared.includes(object)) {
        await client.delete(object, { signal });
        continue;
      }
      const ranges = file.pieces.filter((piece) => 'key' in piece && piece.key === object) as readonly FilePiece[];
      const isOfFile = ({ record, at }: PlacedRecord) =>
        (record.kind === 'file' && record.location === name) ||
        (record.kind !== 'parts' && record.location === location) ||
        ranges.some((range) => range.at < at + record.length && at < range.at + range.length);
      if (await eraseFrom(client, object, isOfFile, { signal, ranges })) isChanged = true;
    }
    if (isChanged && (await this.#looksAgain(due))) return 'later';
    // No one may need them by then.
    await deletions.addLater(
      target,
      shared.filter((object) => !isCovered(object)).map((object) => `${object}${UNUSED}`),
    );
    return 'deleted';
  }

  /** A deletion that changed objects is done again until it finds nothing, where others change them too. */
  async #looksAgain(due: ObjectDeletion): Promise<boolean> {
    const { deletions, isShared = false } = this.#options;
    if (isShared) await deletions.postpone(due, WAIT_US);
    return isShared;
  }

  /** Which of some objects a description may name, in order of keys. */
  async #covers(target: string, keys: LoggedFile['objects']): Promise<(key: string) => boolean> {
    if (keys.length === 0) return () => false;
    const rows = await this.#options.index.loggedBetween(target, keys[0]!, keys.at(-1)!);
    return (key) => rows.some(({ log_first: first, log_last: last }) => first <= key && key <= last);
  }
}

/** Time between the first and the last object of some pieces, ms. */
function spanOf(pieces: readonly FilePiece[]): number {
  const times = pieces.map(({ key }) => timeOfKey(key));
  return Math.max(...times) - Math.min(...times);
}

/** A malformed description names nothing. */
function noneIfMalformed(error: unknown): undefined {
  if (!(error instanceof ObjectError && error.cause instanceof FormatError)) throw error;
}
