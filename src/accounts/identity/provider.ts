/**
 * One service that signs users in, by OpenID Connect or OAuth 2: authorization code with PKCE, state and
 * nonce. Nothing else talks to it.
 * In: settings, the query of the callback. Out: the address to send the browser to; the person who came back.
 * RFC 6749 4.1; RFC 7636; RFC 9207; OpenID Connect Core 3.1.
 */
import * as client from 'openid-client';
import { OxbowError } from '../../lib/errors.ts';
import { createGuardedFetch, type GuardedFetchOptions, IDENTITY_TIMEOUT_MS, toIdentityError } from './guarded-fetch.ts';
import type { Preset } from './presets/preset.ts';
import { type Profile, profileOfClaims } from './profile.ts';

/** State in the browser between the two halves of a sign-in. */
export interface SignInChecks {
  readonly state: string;
  readonly nonce: string;
  /** PKCE. */
  readonly verifier: string;
  /** Where the service sends the browser back to. */
  readonly redirectUri: string;
}

/** The settings of a service. */
export interface ProviderOptions extends Omit<GuardedFetchOptions, 'trusted'> {
  /** Name in the settings. */
  readonly id: string;
  /** On the button. */
  readonly name: string;
  readonly preset: Preset;
  /** Exactly as the service names it in its tokens. */
  readonly issuer: string;
  readonly clientId: string;
  /** Empty: a public client, with PKCE only. */
  readonly clientSecret: string;
  readonly scopes: string;
  readonly signUp: 'accounts' | 'open' | 'closed';
  /** A clock that never steps, ms. */
  readonly nowMs: () => number;
}

/** The metadata of a service is read again after this long, ms. */
const FRESH_MS = 3_600_000;

/** A service. */
export class IdentityProvider {
  readonly #options: ProviderOptions;
  #opening: { readonly config: Promise<client.Configuration>; readonly sinceMs: number } | undefined;

  constructor(options: ProviderOptions) {
    this.#options = options;
  }

  /** Name in the settings. */
  get id(): string {
    return this.#options.id;
  }

  /** On the button. */
  get name(): string {
    return this.#options.name;
  }

  /** Whether a new person gets an account. */
  get signUp(): 'accounts' | 'open' | 'closed' {
    return this.#options.signUp;
  }

  /**
   * Begins a sign-in.
   *
   * @throws OxbowError `identity-unavailable`
   */
  async begin(redirectUri: string): Promise<{ readonly url: URL; readonly checks: SignInChecks }> {
    const { scopes, name } = this.#options;
    const checks = {
      state: client.randomState(),
      nonce: client.randomNonce(),
      verifier: client.randomPKCECodeVerifier(),
      redirectUri,
    };
    try {
      const config = await this.#config();
      const url = client.buildAuthorizationUrl(config, {
        redirect_uri: redirectUri,
        scope: scopes,
        state: checks.state,
        code_challenge: await client.calculatePKCECodeChallenge(checks.verifier),
        code_challenge_method: 'S256',
        ...(!this.#options.preset.oauth2 && { nonce: checks.nonce }),
      });
      return { url, checks };
    } catch (error) {
      throw toIdentityError(error, name);
    }
  }

  /**
   * Ends a sign-in: exchanges the code, checks everything, and reads the person.
   *
   * @param query of the callback, with its `?`
   * @throws OxbowError `identity-refused`, `identity-unavailable`
   */
  async finish(query: string, checks: SignInChecks): Promise<Profile> {
    const { preset, name } = this.#options;
    try {
      const config = await this.#config();
      const here = new URL(checks.redirectUri);
      here.search = query;
      const tokens = await client.authorizationCodeGrant(config, here, {
        expectedState: checks.state,
        pkceCodeVerifier: checks.verifier,
        ...(!preset.oauth2 && { expectedNonce: checks.nonce, idTokenExpected: true }),
      });
      return preset.oauth2
        ? await this.#askApi(config, tokens.access_token, preset.oauth2)
        : await this.#readClaims(config, tokens);
    } catch (error) {
      throw toIdentityError(error, name);
    }
  }

  /** The claims of the ID token; userinfo adds missing claims, for the same person. */
  async #readClaims(
    config: client.Configuration,
    tokens: client.TokenEndpointResponse & client.TokenEndpointResponseHelpers,
  ): Promise<Profile> {
    const claims = tokens.claims();
    if (!claims) throw new OxbowError('identity-refused', `${this.name} sent no ID token.`);
    const more =
      config.serverMetadata().userinfo_endpoint === undefined
        ? {}
        : await client.fetchUserInfo(config, tokens.access_token, claims.sub);
    const { profileOf = profileOfClaims } = this.#options.preset;
    return profileOf({ ...more, ...claims });
  }

  #askApi(
    config: client.Configuration,
    token: string,
    { readProfile }: NonNullable<Preset['oauth2']>,
  ): Promise<Profile> {
    return readProfile(this.#base, async (url) => {
      const headers = new Headers({ accept: 'application/json' });
      const answer = await client.fetchProtectedResource(config, token, new URL(url), 'GET', null, headers);
      if (answer.status !== 200) throw new OxbowError('source-failed', `${url} answered with HTTP ${answer.status}.`);
      return answer.json();
    });
  }

  get #base(): string {
    return this.#options.issuer.replace(/\/$/, '');
  }

  /** The metadata of the service; read once for all that wait. A failure is not kept. */
  #config(): Promise<client.Configuration> {
    const nowMs = this.#options.nowMs();
    if (this.#opening && nowMs - this.#opening.sinceMs < FRESH_MS) return this.#opening.config;
    const opening = { config: this.#open(), sinceMs: nowMs };
    this.#opening = opening;
    opening.config.catch(() => {
      if (this.#opening === opening) this.#opening = undefined;
    });
    return opening.config;
  }

  async #open(): Promise<client.Configuration> {
    const { issuer, clientId, clientSecret, preset, net, signal } = this.#options;
    const trusted = new URL(issuer);
    const auth = clientSecret === '' ? client.None() : client.ClientSecretPost(clientSecret);
    const guardedFetch = createGuardedFetch({ net, signal, trusted });
    const timeout = IDENTITY_TIMEOUT_MS / 1000;
    // The administrator chose an address without TLS.
    const insecure = trusted.protocol === 'http:' ? [client.allowInsecureRequests] : [];
    if (!preset.oauth2) {
      return client.discovery(trusted, clientId, undefined, auth, {
        [client.customFetch]: guardedFetch,
        timeout,
        // By default the library trusts the connection, and does not check signatures of ID tokens that came
        // over it.
        execute: [client.enableNonRepudiationChecks, ...insecure],
      });
    }
    const { authorization, token } = preset.oauth2.endpoints(this.#base);
    const server = { issuer, authorization_endpoint: authorization, token_endpoint: token };
    const config = new client.Configuration(server, clientId, undefined, auth);
    config[client.customFetch] = guardedFetch;
    config.timeout = timeout;
    for (const each of insecure) each(config);
    return config;
  }
}
