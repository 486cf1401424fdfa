/**
 * Checks again and again whether a viewer over WHEP or SRT may still watch, as each request of an HLS player
 * is checked.
 * In: the request of the viewer, PublishAccess. Out: the refusal that ends the session. docs/4-watch/whep.md.
 */
import { sleep } from '../lib/abort.ts';
import { OxbowError, type RefusalCode } from '../lib/errors.ts';
import type { PublishAccess, ReadRequest } from './publish-access.ts';

/** Interval of the checks of a WHEP viewer, ms: about that of the playlist requests of a player. */
const EVERY_MS = 2000;
/**
 * What ends a session. After other errors, such as an authorization server without an answer, it continues.
 */
const REFUSALS: ReadonlySet<RefusalCode> = new Set([
  'watch-refused',
  'watch-expired',
  'watch-denied-here',
  'stream-unknown',
  'not-started',
  'past-limited',
]);

/**
 * Resolves with the reason, for a person, when the viewer may watch no more: its playback token has expired
 * or was revoked, the stream needs one now, or is gone. Resolves with undefined when the signal of the
 * request aborts.
 */
export async function untilRefused(
  access: Pick<PublishAccess, 'read'>,
  { onStream: _, ...request }: ReadRequest,
  everyMs = EVERY_MS,
): Promise<string | undefined> {
  const { signal } = request;
  while (!signal.aborted) {
    try {
      await sleep(everyMs, { signal });
      await access.read(request);
    } catch (error) {
      if (signal.aborted) return undefined;
      if (!(error instanceof OxbowError)) throw error;
      if (REFUSALS.has(error.code)) return error.message;
    }
  }
  return undefined;
}
