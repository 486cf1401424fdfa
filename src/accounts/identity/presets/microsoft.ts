/**
 * Microsoft: OpenID Connect. Its `email` may be set by any tenant's administrator, so it counts as confirmed
 * only with `xms_edov`.
 * In: claims. Out: Profile.
 * https://learn.microsoft.com/en-us/entra/identity-platform/optional-claims-reference
 */
import { createProfile } from '../profile.ts';
import type { Preset } from './preset.ts';

/** The service. The default is for all kinds of accounts; `issuer` of the settings may name one tenant. */
export const microsoft: Preset = {
  name: 'Microsoft',
  scopes: 'openid profile email',
  issuer: 'https://login.microsoftonline.com/common/v2.0',
  profileOf({ sub, name, preferred_username, email, xms_edov }) {
    const isVerified = xms_edov === true || xms_edov === 1 || xms_edov === '1' || xms_edov === 'true';
    return createProfile({ subject: sub, names: [name, preferred_username], email, isVerified });
  },
};
