/**
 * The secret that content keys are derived from: from the settings, otherwise derived from the secret of
 * playback tokens, which all nodes and processes of a server have.
 * In: settings, a folder. Out: bytes. RFC 5869.
 */
import { hkdfSync } from 'node:crypto';
import { OxbowError } from '../lib/errors.ts';
import { openWatchSecret } from './watch-secret.ts';

/** Characters. */
const MIN_LENGTH = 16;

/**
 * @param setting `encryption.secret`
 * @param watch the arguments of `openWatchSecret`
 * @throws OxbowError `bad-setting` if it is too short
 */
export async function openContentSecret(
  setting: string | undefined,
  ...watch: Parameters<typeof openWatchSecret>
): Promise<Uint8Array> {
  if (setting && setting.length < MIN_LENGTH) {
    throw new OxbowError(
      'bad-setting',
      `encryption.secret has ${setting.length} characters; use at least ${MIN_LENGTH}.`,
      {
        extra: { hint: 'Generate one with `openssl rand -base64 32`.' },
      },
    );
  }
  const secret = setting ? Buffer.from(setting) : await openWatchSecret(...watch);
  return Buffer.from(hkdfSync('sha256', secret, '', 'oxbow content keys', 32));
}
