/**
 * The seal of addresses in the database: made of the same secret as that of cameras' logins.
 * In: settings, a data folder. Out: the box that store/sealed uses.
 */
import { SecretBox } from './secret-box.ts';
import { openWatchSecret, readEarlierSecrets } from './watch-secret.ts';

/** Opens the box of another use with the secrets of a data folder; parameters as of `openAddressSeal`. */
export async function openBox(use: string, ...watch: Parameters<typeof openWatchSecret>): Promise<SecretBox> {
  return new SecretBox(await openWatchSecret(...watch), use, await readEarlierSecrets(...watch));
}

/**
 * Opens the box of a data folder; its secret is made if there is none.
 *
 * @param watch the arguments of `openWatchSecret`
 * @throws OxbowError `bad-setting` if the secret is too short
 */
export function openAddressSeal(...watch: Parameters<typeof openWatchSecret>): Promise<SecretBox> {
  return openBox('addresses', ...watch);
}
