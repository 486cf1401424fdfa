/**
 * Google: OpenID Connect with the standard claims.
 * In: nothing. Out: Preset. https://developers.google.com/identity/openid-connect/openid-connect
 */
import type { Preset } from './preset.ts';

/** The service. */
export const google: Preset = {
  name: 'Google',
  scopes: 'openid profile email',
  issuer: 'https://accounts.google.com',
};
