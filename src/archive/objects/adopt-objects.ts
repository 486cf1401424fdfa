/**
 * Compares the index of objects with the buckets: adds objects that are only there, e.g. after the database
 * was lost or an old one was put back, and removes rows of objects that are gone.
 * In: lists of buckets, whose keys have the locations. Out: rows.
 */
import { FormatError } from '@oxbow/media/errors';
import { OxbowError, sentenceOf } from '../../lib/errors.ts';
import { type Abortable, isMissing, segmentLocation } from '../segment-store.ts';
import { isLoggedKey, type LoggedFile } from './logged/logged-file.ts';
import { readLogged } from './logged/logged-reader.ts';
import { ObjectError } from './object-client.ts';
import type { ObjectPlace } from './object-reader.ts';
import type { TieredStore } from './open-tiered.ts';
import { parseKey } from './upload-object.ts';

interface Found extends ObjectPlace {
  readonly token: number;
}

/**
 * Adopts the objects of all targets. Of several objects of a location the one of the newest owner of the data
 * folder counts.
 *
 * @returns the number of objects that were added
 * @throws OxbowError `storage-failed` if a target cannot be listed, or is not in the settings; nothing has
 *   changed then
 */
export async function adoptObjects({ store, index, targets }: TieredStore, { signal }: Abortable): Promise<number> {
  const unknown = [...(await index.totals()).keys()].filter((name) => !targets.find(name));
  if (unknown.length > 0) {
    const hint = 'Name the file with the settings: --config FILE.';
    throw new OxbowError(
      'storage-failed',
      `Recordings are in ${unknown.join(', ')}, which storage.targets does not have.`,
      {
        extra: { hint },
      },
    );
  }
  const newest = new Map<string, Found>();
  for (const target of targets.names) {
    try {
      await list(target);
    } catch (error) {
      signal?.throwIfAborted();
      throw new OxbowError('storage-failed', `${target}: ${sentenceOf(error)}`, { cause: error });
    }
  }
  await index.keepOnly(new Set(Array.from(newest.values(), ({ target, key }) => `${target} ${key}`)));
  const indexed = await index.targetsOf([...newest.keys()]);
  let added = 0;
  for (const [name, { token, ...place }] of newest) {
    signal?.throwIfAborted();
    if (indexed.has(name)) continue;
    const location = segmentLocation(name);
    const isLocal = await store.local.size(location).then(
      () => true,
      (error: unknown) => {
        if (isMissing(error)) return false;
        throw error;
      },
    );
    const logged = isLoggedKey(place.key) ? await describe(place) : undefined;
    if (isLoggedKey(place.key) && !logged) continue;
    const { size = place.size, objects = [] } = logged ?? {};
    const keys = { log_first: objects[0] ?? '', log_last: objects.at(-1) ?? '' };
    await index.adopt({ target: place.target, key: place.key, size, ...keys, location, fence: token }, isLocal);
    added++;
  }
  return added;

  /** A description that is malformed, or gone, is no file. */
  async function describe({ target, key }: ObjectPlace): Promise<LoggedFile | undefined> {
    try {
      return await readLogged(await targets.client(target), key, { signal });
    } catch (error) {
      if (error instanceof ObjectError && error.cause instanceof FormatError) return undefined;
      signal?.throwIfAborted();
      throw new OxbowError('storage-failed', `${target}: ${sentenceOf(error)}`, { cause: error });
    }
  }

  async function list(target: string): Promise<void> {
    const { prefix } = targets.find(target)!;
    const client = await targets.client(target);
    for await (const { key, size } of client.list(prefix === '' ? '' : `${prefix}/`, { signal })) {
      const parsed = parseKey(prefix, key);
      if (!parsed || !isLocation(parsed.location)) continue;
      const before = newest.get(parsed.location);
      // In order of the keys: later ones of the same owner are newer.
      if (before && before.token > parsed.token) continue;
      // The file itself was sent after its description.
      if (before?.token === parsed.token && isLoggedKey(key) && !isLoggedKey(before.key)) continue;
      newest.set(parsed.location, { target, key, size, token: parsed.token });
    }
  }
}

/** Whether a text of a bucket, which anyone may have written, is a location of media. */
function isLocation(text: string): boolean {
  if (!/^(?:recordings|assets|exports)\/[\w./-]+$/.test(text)) return false;
  try {
    segmentLocation(text);
    return true;
  } catch {
    return false;
  }
}
