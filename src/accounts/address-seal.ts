/**
 * The seal of addresses in the database: made of the same secret as that of cameras' logins.
 * In: settings, a data folder. Out: the box that store/sealed uses.
 */
import { SecretBox } from './secret-box.ts';
import { openWatchSecret, readEarlierSecrets, readWatchSecret } from './watch-secret.ts';

const USE = 'addresses';

/**
 * Opens the box of a data folder; its secret is made if there is none.
 *
 * @param watch the arguments of `openWatchSecret`
 * @throws OxbowError `bad-setting` if the secret is too short
 */
export async function openAddressSeal(...watch: Parameters<typeof openWatchSecret>): Promise<SecretBox> {
  return new SecretBox(await openWatchSecret(...watch), USE, await readEarlierSecrets(...watch));
}

/**
 * As `openAddressSeal`, for commands.
 *
 * @param use of the texts
 * @returns undefined if there is no secret
 */
export async function readBox(
  watch: Parameters<typeof readWatchSecret>,
  use: string = USE,
): Promise<SecretBox | undefined> {
  const secret = await readWatchSecret(...watch);
  return secret && new SecretBox(secret, use, await readEarlierSecrets(...watch));
}
