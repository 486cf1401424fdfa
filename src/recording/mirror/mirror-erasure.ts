/**
 * Erases records from an object of a mirror: their bytes become zeros, and all others stay where they are,
 * because descriptions of stored files may name them. An object that has nothing else is deleted.
 * In: a key, which records. Out: the object, put again under its key. docs/decisions/0130.
 */
import { FormatError } from '@oxbow/media/errors';
import type { ObjectClient } from '../../archive/objects/object-client.ts';
import type { SegmentPrefix } from '../../archive/segment-store.ts';
import { eraseRecords, type PlacedRecord } from './mirror-batch.ts';
import type { ErasedFile } from './mirror-objects.ts';

const ERASE = '~erase~';
/** A mirror writes no larger object, bytes. */
const MAX_OBJECT_BYTES = 128 * 1024 * 1024;

/**
 * Erases. An object that no mirror has written, or that is damaged, is deleted: nothing says what it has.
 * @throws ObjectError
 */
export async function eraseFrom(
  client: ObjectClient,
  key: string,
  isErased: (placed: PlacedRecord) => boolean,
  { signal }: { readonly signal: AbortSignal },
): Promise<void> {
  const head = await client.head(key, { signal });
  if (!head) return;
  const bytes =
    head.size > MAX_OBJECT_BYTES ? undefined : await client.read(key, { offset: 0, length: head.size }, { signal });
  const left = bytes && eraseIntact(bytes, isErased);
  if (!left) {
    await client.delete(key, { signal });
    return;
  }
  if (!left.isChanged) return;
  const read = async (at: number, length: number) => left.bytes.subarray(at, at + length);
  await client.put(key, { size: left.bytes.length, read }, { signal, hasChecksum: true });
}

function eraseIntact(bytes: Uint8Array, isErased: (placed: PlacedRecord) => boolean) {
  try {
    return eraseRecords(bytes, isErased);
  } catch (error) {
    if (error instanceof FormatError) return undefined;
    throw error;
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

/** Does a queued erasure. @throws ObjectError */
export async function eraseQueued(
  text: string,
  client: ObjectClient,
  options: { readonly signal: AbortSignal },
): Promise<void> {
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
  await eraseFrom(client, key, isErased, options);
}
