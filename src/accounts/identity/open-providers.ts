/**
 * Opens the services of the settings. Nothing is requested before someone signs in.
 * In: `identity.providers`, files with secrets. Out: IdentityProvider by name.
 */
import { readFile } from 'node:fs/promises';
import { messageOf, OxbowError } from '../../lib/errors.ts';
import { discord } from './presets/discord.ts';
import { github } from './presets/github.ts';
import { gitlab } from './presets/gitlab.ts';
import { google } from './presets/google.ts';
import { microsoft } from './presets/microsoft.ts';
import type { Preset } from './presets/preset.ts';
import { IdentityProvider, type ProviderOptions } from './provider.ts';

const presets = {
  oidc: { name: '', scopes: 'openid profile email', issuer: undefined },
  github,
  google,
  discord,
  microsoft,
  gitlab,
} as const satisfies Readonly<Record<string, Preset>>;

/** A service as it is set. */
export interface ProviderSettings {
  readonly type: keyof typeof presets;
  /** Exactly as the service names it in its tokens; empty: that of the service. */
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** Path of a file with the secret; empty: none. */
  readonly clientSecretFile: string;
  /** Empty: the default of the service. */
  readonly scopes: string;
  /** Empty: that of the service. */
  readonly name: string;
  readonly signUp: ProviderOptions['signUp'];
}

/**
 * Opens the services.
 *
 * @param providers by name
 * @throws OxbowError `bad-setting` for a secret that cannot be read
 */
export async function openProviders(
  providers: Readonly<Record<string, ProviderSettings>>,
  shared: Pick<ProviderOptions, 'net' | 'signal' | 'nowMs'>,
): Promise<ReadonlyMap<string, IdentityProvider>> {
  const opened = new Map<string, IdentityProvider>();
  for (const [id, settings] of Object.entries(providers)) {
    const preset: Preset = presets[settings.type];
    const { clientId, signUp } = settings;
    const issuer = settings.issuer || preset.issuer || '';
    const options = {
      id,
      preset,
      issuer,
      clientId,
      signUp,
      name: settings.name || preset.name || id,
      scopes: settings.scopes || preset.scopes,
      clientSecret: await secretOf(id, settings),
    };
    opened.set(id, new IdentityProvider({ ...options, ...shared }));
  }
  return opened;
}

async function secretOf(id: string, { clientSecret, clientSecretFile }: ProviderSettings): Promise<string> {
  if (clientSecretFile === '') return clientSecret;
  try {
    return (await readFile(clientSecretFile, 'utf8')).trim();
  } catch (error) {
    const detail = `identity.providers.${id}.clientSecretFile cannot be read: ${messageOf(error)}.`;
    throw new OxbowError('bad-setting', detail, { cause: error });
  }
}
