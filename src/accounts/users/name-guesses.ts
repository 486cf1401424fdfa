/**
 * Limits guesses of the password of one name, from addresses where its user is not signed in, without locking
 * the user out.
 * In: names, clients. Out: a turn, at once or after a delay; a refusal of an address that continues.
 */
import { sleep } from '../../lib/abort.ts';
import { OxbowError } from '../../lib/errors.ts';
import { bucketOwner, type LimitedClient, type RateLimits } from '../rate-limit.ts';
import { nameKeyOf } from './user-name.ts';

/**
 * How long a password waits once a name has no turn left. The right one waits as long, so that the time says
 * nothing.
 */
export const DELAY_MS = 5000;

/**
 * Takes a turn for a password that will be compared. When guesses from anywhere have used those of the name,
 * each address has a few more, each after a delay: a guesser cannot know an address that the user will come
 * from.
 *
 * @returns call it if the password was right
 * @throws OxbowError `too-many-requests`; the signal's reason
 */
export async function takeNameTurn(
  limits: RateLimits,
  name: string,
  client: LimitedClient,
  { signal }: { readonly signal: AbortSignal },
): Promise<() => void> {
  const key = nameKeyOf(name);
  const anywhere = { address: `name ${key}`, isLocal: false };
  try {
    limits.take('names', anywhere);
    return () => limits.giveBack('names', anywhere);
  } catch (error) {
    if (!(error instanceof OxbowError && error.code === 'too-many-requests')) throw error;
  }
  const fromHere = { address: `name ${key} from ${bucketOwner(client)}`, isLocal: false };
  limits.take('delayed-names', fromHere);
  await sleep(DELAY_MS, { signal });
  return () => limits.giveBack('delayed-names', fromHere);
}
