/**
 * GitLab, also one that you run yourself: OpenID Connect with the standard claims.
 * In: nothing. Out: Preset. https://docs.gitlab.com/integration/openid_connect_provider/
 */
import type { Preset } from './preset.ts';

/** The service. */
export const gitlab: Preset = {
  name: 'GitLab',
  scopes: 'openid profile email',
  issuer: 'https://gitlab.com',
};
