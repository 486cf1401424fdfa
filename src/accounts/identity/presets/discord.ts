/**
 * Discord: OAuth 2 without OpenID Connect.
 * In: GET /users/@me. Out: Profile. https://discord.com/developers/docs/topics/oauth2
 */
import { createProfile } from '../profile.ts';
import type { Preset } from './preset.ts';

/** The service. */
export const discord: Preset = {
  name: 'Discord',
  scopes: 'identify email',
  issuer: 'https://discord.com',
  oauth2: {
    endpoints: (base) => ({ authorization: `${base}/oauth2/authorize`, token: `${base}/api/oauth2/token` }),
    async readProfile(base, read) {
      const user = (await read(`${base}/api/users/@me`)) as Readonly<Record<string, unknown>> | null;
      return createProfile({
        subject: user?.id,
        names: [user?.global_name, user?.username],
        email: user?.email,
        isVerified: user?.verified,
      });
    },
  },
};
