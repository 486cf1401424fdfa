/**
 * What of the logs in a place is needed by a restore: of each owner what it put after its mark. Before it
 * are objects that stored files name, which only their descriptions lead to.
 * In: a client. Out: objects after the marks; marks. docs/decisions/0130.
 */
import type { ListedObject, ObjectClient } from '../../archive/objects/object-client.ts';

/** More than a mark has, bytes. */
const MAX_MARK_BYTES = 256;
/** Digits of the time in a key. */
const DIGITS = 15;

/** Prefix of the mirrors of all nodes in a target. @param prefix that of the target, may be empty */
export function mirrorPrefix(prefix: string): string {
  return `${prefix === '' ? '' : `${prefix}/`}mirror/`;
}

/** The key of the mark of an owner. @param prefix that of the target, may be empty */
function markKey(prefix: string, owner: string): string {
  return `${prefix === '' ? '' : `${prefix}/`}mirror-settled/${owner}`;
}

/** The last part of the key of an object. @param ms since 1970 */
export function timeText(ms: number): string {
  return String(ms).padStart(DIGITS, '0');
}

/** When an object was put, ms since 1970; NaN for the key of another program. */
export function timeOfKey(key: string): number {
  return Number(key.slice(key.lastIndexOf('/') + 1));
}

/** The mark of an owner: nothing that it put before this time is needed, ms since 1970; 0: it has none. */
export async function readMark(
  client: ObjectClient,
  { prefix, owner }: { readonly prefix: string; readonly owner: string },
  options: { readonly signal: AbortSignal },
): Promise<number> {
  const bytes = await client.read(markKey(prefix, owner), { offset: 0, length: MAX_MARK_BYTES }, options);
  const [, ms] = /^\{"beforeMs":([1-9][0-9]{0,14})\}\n$/.exec(Buffer.from(bytes ?? []).toString()) ?? [];
  return Number(ms ?? 0);
}

/** Writes the mark of an owner. @param beforeMs since 1970 */
export async function writeMark(
  client: ObjectClient,
  { prefix, owner }: { readonly prefix: string; readonly owner: string },
  beforeMs: number,
  options: { readonly signal: AbortSignal },
): Promise<void> {
  const bytes = Buffer.from(`${JSON.stringify({ beforeMs })}\n`);
  const read = async (offset: number, length: number) => bytes.subarray(offset, offset + length);
  await client.put(markKey(prefix, owner), { size: bytes.length, read }, options);
}

/**
 * The objects of logs after the marks of their owners, in order.
 *
 * @param log.owner only of this one
 * @param log.without of all but this one
 * @param options.after only keys after this one
 */
export async function* listLog(
  client: ObjectClient,
  log: { readonly prefix: string; readonly owner?: string | undefined; readonly without?: string | undefined },
  options: { readonly signal: AbortSignal; readonly after?: string },
): AsyncGenerator<ListedObject> {
  const { signal } = options;
  const all = mirrorPrefix(log.prefix);
  const listed = log.owner === undefined ? all : `${all}${log.owner}/`;
  let after = options.after ?? '';
  let current: string | undefined;
  // A place with a mark is listed again from there on.
  for (let isDone = false; !isDone; ) {
    isDone = true;
    for await (const object of client.list(listed, { signal, ...(after !== '' && { after }) })) {
      const owner = object.key.slice(all.length, object.key.lastIndexOf('/'));
      if (owner !== current) {
        current = owner;
        const folder = `${all}${owner}/`;
        // No time has so many digits.
        const isLeftOut = owner === log.without;
        const beforeMs = isLeftOut ? 0 : await readMark(client, { prefix: log.prefix, owner }, { signal });
        const mark = isLeftOut ? `${folder}${'9'.repeat(DIGITS)}` : `${folder}${timeText(Math.max(0, beforeMs - 1))}`;
        if ((isLeftOut || beforeMs > 0) && object.key <= mark) {
          after = mark;
          isDone = false;
          break;
        }
      }
      if (owner !== log.without) yield object;
    }
  }
}
