/**
 * Erases records from an object of a mirror: their bytes become zeros, and all others stay where they are,
 * because descriptions of stored files may name them. An object that has nothing else is deleted.
 * In: a key, which records. Out: the object, put again under its key. docs/decisions/0130.
 */
import { FormatError } from '@oxbow/media/errors';
import { type ObjectClient, ObjectError } from '../../archive/objects/object-client.ts';
import type { SegmentPrefix } from '../../archive/segment-store.ts';
import { eraseRecords, type PlacedRecord } from './mirror-batch.ts';
import type { ErasedFile } from './mirror-objects.ts';

const ERASE = '~erase~';
/** A mirror writes no larger object, bytes. */
const MAX_OBJECT_BYTES = 128 * 1024 * 1024;

/** Erasures under way, by key: two at once would each put back what the other one has erased. */
const underWay = new WeakMap<ObjectClient, Map<string, Promise<boolean>>>();

/** How to erase. */
interface EraseOptions {
  readonly signal: AbortSignal;
  /** What is erased of an object that is damaged. */
  readonly ranges?: readonly { readonly at: number; readonly length: number }[];
}

/**
 * Erases, one after another of each object. An object that no mirror has written, or that is damaged, is
 * deleted unless ranges are known: nothing says what it has.
 * @returns whether it was put again
 * @throws ObjectError
 */
export async function eraseFrom(
  client: ObjectClient,
  key: string,
  isErased: (placed: PlacedRecord) => boolean,
  options: EraseOptions,
): Promise<boolean> {
  const byKey = underWay.get(client) ?? new Map<string, Promise<boolean>>();
  underWay.set(client, byKey);
  const before = byKey.get(key);
  const work = (async () => {
    await before?.catch(() => undefined); // its own caller has the error
    options.signal.throwIfAborted();
    return eraseNow(client, key, isErased, options);
  })();
  byKey.set(key, work);
  try {
    return await work;
  } finally {
    if (byKey.get(key) === work) byKey.delete(key);
  }
}

async function eraseNow(
  client: ObjectClient,
  key: string,
  isErased: (placed: PlacedRecord) => boolean,
  { signal, ranges }: EraseOptions,
): Promise<boolean> {
  const head = await client.head(key, { signal });
  if (!head) return false;
  const bytes =
    head.size > MAX_OBJECT_BYTES ? undefined : await client.read(key, { offset: 0, length: head.size }, { signal });
  if (bytes && bytes.length < head.size) throw new ObjectError(`${key} ended before its ${head.size} bytes`);
  const left = bytes && eraseIntact(bytes, isErased, ranges);
  if (!left) {
    await client.delete(key, { signal });
    return false;
  }
  if (!left.isChanged) return false;
  const read = async (at: number, length: number) => left.bytes.subarray(at, at + length);
  await client.put(key, { size: left.bytes.length, read }, { signal, hasChecksum: true });
  return true;
}

function eraseIntact(
  bytes: Uint8Array,
  isErased: (placed: PlacedRecord) => boolean,
  ranges: EraseOptions['ranges'],
): ReturnType<typeof eraseRecords> {
  try {
    return eraseRecords(bytes, isErased);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    if (!ranges) return undefined;
    // Descriptions of other files may name the rest, whatever it is worth.
    const copy = Buffer.from(bytes);
    for (const { at, length } of ranges) copy.fill(0, at, at + length);
    return { bytes: copy, isChanged: !copy.equals(bytes) };
  }
}

/** The text of a queued erasure: what leaves an object that stays. */
export function printErasure({ key, prefix, streamId, msns }: ErasedFile): string {
  const end = Number.isFinite(msns.end) ? msns.end : null;
  const what = JSON.stringify({ prefix, streamId, first: msns.first, end });
  return `${key}${ERASE}${Buffer.from(what).toString('base64url')}`;
}

/** Whether a queued deletion is an erasure. */
export function isErasure(key: string): boolean {
  return key.includes(ERASE);
}

/** Does a queued erasure. Returns whether the object was put again. @throws ObjectError */
export async function eraseQueued(
  text: string,
  client: ObjectClient,
  options: { readonly signal: AbortSignal },
): Promise<boolean> {
  const [key, what] = text.split(ERASE) as [string, string];
  const { prefix, streamId, first, end } = JSON.parse(Buffer.from(what, 'base64url').toString()) as {
    prefix: SegmentPrefix;
    streamId: string;
    first: number;
    end: number | null;
  };
  const isErased = ({ record }: PlacedRecord) => {
    if (record.kind !== 'parts') return record.location.startsWith(prefix);
    return record.streamId === streamId && record.msn >= first && (end === null || record.msn < end);
  };
  return eraseFrom(client, key, isErased, options);
}
