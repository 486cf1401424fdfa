/**
 * A real OpenID Connect server on this computer, whose users sign in by their name alone.
 * In: the redirect address of the client. Out: the server; a browser that walks through its sign-in.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
// @ts-expect-error it has no types
import Provider from 'oidc-provider';

/** What the server says about a person. */
export interface OidcPerson {
  readonly name?: string;
  readonly email?: string;
  readonly emailVerified?: boolean;
}

/** A running server. */
export interface OidcServer extends AsyncDisposable {
  readonly issuer: string;
  /** By their ids. */
  readonly people: Map<string, OidcPerson>;
  /**
   * Follows the redirects from an authorization address as a browser does, signs in as a person; returns the
   * address of the callback.
   */
  signIn(url: string, id: string): Promise<string>;
  /** Stops answering. */
  stop(): Promise<void>;
}

const client = { id: 'oxbow', secret: 'a-secret-of-the-client-0123456789' } as const;
/** ID and secret of the client. */
export const oidcClient: { readonly id: string; readonly secret: string } = client;

/** Starts a server. @param redirectUri of the client */
export async function startOidcServer(redirectUri: () => string): Promise<OidcServer> {
  const people = new Map<string, OidcPerson>();
  let handle: (...args: unknown[]) => void = () => {};
  const server = createServer((request, response) => handle(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const open = () => {
    const provider = new Provider(issuer, {
      clients: [
        {
          client_id: client.id,
          client_secret: client.secret,
          redirect_uris: [redirectUri()],
          token_endpoint_auth_method: 'client_secret_post',
        },
      ],
      claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name', 'preferred_username'] },
      ttl: { AccessToken: 60, AuthorizationCode: 60, Grant: 60, IdToken: 60, Interaction: 60, Session: 60 },
      pkce: { required: () => true },
      cookies: { keys: ['a-key-of-the-cookies'] },
      features: { devInteractions: { enabled: true } },
      findAccount: (_: unknown, id: string) => ({
        accountId: id,
        claims: () => {
          const { name, email, emailVerified } = people.get(id) ?? {};
          return { sub: id, name, preferred_username: name, email, email_verified: emailVerified };
        },
      }),
    });
    return provider.callback();
  };
  let opened: ReturnType<typeof open> | undefined;
  // The redirect address is known only once the other server runs.
  handle = (request, response) => {
    opened ??= open();
    opened(request, response);
  };
  const stop = async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return { issuer, people, stop, signIn: (url, id) => walk(url, id, redirectUri()), [Symbol.asyncDispose]: stop };
}

/** Follows redirects and submits the pages of sign-in and consent. */
async function walk(first: string, id: string, redirectUri: string): Promise<string> {
  const cookies = new Map<string, string>();
  let url = first;
  let form: URLSearchParams | undefined;
  for (let steps = 0; steps < 20; steps++) {
    const answer = await fetch(url, {
      method: form ? 'POST' : 'GET',
      redirect: 'manual',
      headers: { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') },
      ...(form && { body: form }),
    });
    for (const cookie of answer.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(cookie) ?? [];
      if (value === '') cookies.delete(name);
      else cookies.set(name, value);
    }
    const page = await answer.text();
    const location = answer.headers.get('location');
    form = undefined;
    if (location !== null) {
      url = new URL(location, url).href;
      if (url.startsWith(redirectUri)) return url;
      continue;
    }
    const [, action] = /<form[^>]*action="([^"]+)"/.exec(page) ?? [];
    const [, prompt] = /name="prompt" value="([^"]+)"/.exec(page) ?? [];
    if (action === undefined) throw new Error(`no form at ${url}: ${answer.status} ${page.slice(0, 300)}`);
    url = new URL(action, url).href;
    form = new URLSearchParams({
      prompt: prompt ?? 'login',
      ...(prompt !== 'consent' && { login: id, password: 'x' }),
    });
  }
  throw new Error('too many redirects');
}
