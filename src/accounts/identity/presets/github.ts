/**
 * GitHub, and GitHub Enterprise Server: OAuth 2 without OpenID Connect.
 * In: GET /user and /user/emails. Out: Profile; the e-mail address is the primary one, if it is verified.
 * https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps
 */
import { createProfile } from '../profile.ts';
import type { Preset } from './preset.ts';

const PUBLIC = 'https://github.com';

/** The service. */
export const github: Preset = {
  name: 'GitHub',
  scopes: 'read:user user:email',
  issuer: PUBLIC,
  oauth2: {
    endpoints: (base) => ({
      authorization: `${base}/login/oauth/authorize`,
      token: `${base}/login/oauth/access_token`,
    }),
    async readProfile(base, read) {
      const api = base === PUBLIC ? 'https://api.github.com' : `${base}/api/v3`;
      const user = (await read(`${api}/user`)) as { id?: unknown; login?: unknown; name?: unknown } | null;
      const emails = await read(`${api}/user/emails`).catch(() => []); // the person may deny this scope
      const primary = Array.isArray(emails) ? emails.find((each) => each?.primary === true) : undefined;
      return createProfile({
        subject: user?.id,
        names: [user?.login, user?.name],
        email: primary?.email,
        isVerified: primary?.verified,
      });
    },
  },
};
