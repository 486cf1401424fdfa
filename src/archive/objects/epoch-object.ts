/**
 * The fencing epoch in a bucket: one small object, which all regions see; and a client that looks at it
 * before it changes anything.
 * In: a client of the bucket. Out: the epoch; the guarded client. docs/decisions/0099.
 */
import type { TargetConfig } from '../../config/sections/storage-section.ts';
import { type ClientOptions, type ObjectClient, ObjectError, type ObjectParts } from './object-client.ts';

/** More than the object ever has, bytes. */
const MAX_BYTES = 1024;

/** Key of the object. @param prefix of the target; empty: none */
export function epochKey({ prefix }: Pick<TargetConfig, 'prefix'>): string {
  return prefix === '' ? 'epoch' : `${prefix}/epoch`;
}

/**
 * Reads the epoch of a bucket; undefined: it has none.
 *
 * @throws ObjectError if the bucket does not answer, or the object is not one of oxbow
 */
export async function readEpochObject(
  client: Pick<ObjectClient, 'read'>,
  key: string,
  options?: ClientOptions,
): Promise<number | undefined> {
  const bytes = await client.read(key, { offset: 0, length: MAX_BYTES }, options);
  if (!bytes) return undefined;
  const [, number] = /^\{"epoch":([1-9][0-9]{0,14})\}\n$/.exec(Buffer.from(bytes).toString()) ?? [];
  if (number === undefined) throw new ObjectError(`${key} is not an epoch of oxbow`);
  return Number(number);
}

/** Writes the epoch of a bucket. @throws ObjectError */
export async function writeEpochObject(
  client: Pick<ObjectClient, 'put'>,
  key: string,
  epoch: number,
  options?: ClientOptions,
): Promise<void> {
  const bytes = Buffer.from(`${JSON.stringify({ epoch })}\n`);
  const source = {
    size: bytes.length,
    read: async (offset: number, length: number) => bytes.subarray(offset, offset + length),
  };
  await client.put(key, source, options);
}

/** Rejects if nothing may be changed. */
type Check = (options: ClientOptions) => Promise<void>;

function guardParts(parts: ObjectParts, check: Check): ObjectParts {
  return {
    async begin(key, options = {}) {
      await check(options);
      return parts.begin(key, options);
    },
    async send(key, at, bytes, options = {}) {
      await check(options);
      return parts.send(key, at, bytes, options);
    },
    async complete(key, uploadId, sent, options = {}) {
      await check(options);
      return parts.complete(key, uploadId, sent, options);
    },
  };
}

/**
 * A client that awaits `check` before each put and each deletion; reads are not checked. A request that began
 * before the epoch rose may still end.
 */
export function guardClient(client: ObjectClient, check: Check): ObjectClient {
  return {
    check: (options) => client.check(options),
    async put(key, source, options = {}) {
      await check(options);
      return client.put(key, source, options);
    },
    read: (key, range, options) => client.read(key, range, options),
    head: (key, options) => client.head(key, options),
    async delete(key, options = {}) {
      await check(options);
      await client.delete(key, options);
    },
    async abandon(key, upload, options = {}) {
      await check(options);
      await client.abandon(key, upload, options);
    },
    parts: client.parts && guardParts(client.parts, check),
    list: (prefix, options) => client.list(prefix, options),
    presign: (key, options) => client.presign(key, options),
    [Symbol.asyncDispose]: () => client[Symbol.asyncDispose](),
  };
}
