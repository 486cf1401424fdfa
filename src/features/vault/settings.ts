/**
 * The settings of the vault: where this oxbow keeps recordings of other servers.
 * In: the types of settings. Out: the section `vault` for config/schema.ts.
 */
import { isAbsolute } from 'node:path';
import { type Option, section, text, type Values } from '../../config/option.ts';
import { OxbowError } from '../../lib/errors.ts';

/** Shorter ones could be guessed. */
const LEAST_LENGTH = 24;

const secret: Option<string> = {
  ...text(
    '',
    'Secret of the servers that keep recordings here, 24 characters or more. They have it as `storage.targets.NAME.vaultSecret`.',
    { placeholder: 'SECRET', maxLength: 200 },
  ),
  print: (value) => (value === '' ? '' : '***'),
  secret: true,
};

export const vaultSection = section({
  folder: text(
    '',
    'Folder in which recordings of other servers are kept: an absolute path. It must exist. Default: none are accepted.',
    { placeholder: 'FOLDER', maxLength: 1000 },
  ),
  secret,
});

/**
 * Checks the settings of a vault.
 * @throws OxbowError `bad-setting`
 */
export function checkVault({ folder, secret: value }: Values<typeof vaultSection>): void {
  if (folder === '') return;
  if (!isAbsolute(folder)) {
    throw new OxbowError('bad-setting', `\`vault.folder\` (${folder}) needs a path from the root of the file system.`);
  }
  if (value.length >= LEAST_LENGTH && /^[\x21-\x7e]+$/.test(value)) return;
  throw new OxbowError(
    'bad-setting',
    '`vault.secret` needs 24 to 200 letters, digits and signs, such as `openssl rand -hex 16` prints.',
  );
}
