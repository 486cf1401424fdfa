/**
 * The preset of a service, so that its users need only a client ID and secret.
 * In: one file per service. Out: open-providers.ts.
 */
import type { Profile } from '../profile.ts';

/** Reads JSON from the API of a service, as the person who signs in. */
type ReadApi = (url: string) => Promise<unknown>;

/** A service. */
export interface Preset {
  /** On the button. */
  readonly name: string;
  /** Scopes, with spaces. */
  readonly scopes: string;
  /** Address of the service; undefined: the settings name it. */
  readonly issuer: string | undefined;
  /** OAuth 2 without OpenID Connect. */
  readonly oauth2?: {
    /** @param base address of the service, without a slash at the end */
    endpoints(base: string): { readonly authorization: string; readonly token: string };
    /** Reads the person from the API. */
    readProfile(base: string, read: ReadApi): Promise<Profile>;
  };
  /** OpenID Connect whose claims differ from the standard ones. */
  profileOf?(claims: Readonly<Record<string, unknown>>): Profile;
}
