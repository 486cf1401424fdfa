/**
 * Routes of sign-in by other services: to the service, back from it, unlink.
 * In: names of services, their answers. Out: redirects and a page; the session cookie. RFC 6749 4.1;
 * RFC 9700.
 */
import type { IdentityProvider } from '../../../accounts/identity/provider.ts';
import { readGoal, type SignInTicket, TICKET_MS } from '../../../accounts/identity/sign-in-ticket.ts';
import { UserView } from '../../../api/account/account-shapes.ts';
import { Type } from '../../../api/type.ts';
import { messageOf, OxbowError } from '../../../lib/errors.ts';
import type { HttpDeps } from '../../deps.ts';
import { defineRoute, type Route, type RouteAnswer, type RouteCall } from '../../route/route.ts';
import { startSession } from '../accounts/access.ts';
import { ownAccount, userOf, userView } from '../accounts/account-views.ts';
import { printReturnPage, returnPageFields } from './return-page.ts';

const ProviderParams = Type.Object({ provider: Type.String({ maxLength: 64, description: 'name in the settings' }) });
const BeginQuery = Type.Object({
  to: Type.Optional(Type.String({ maxLength: 500, description: 'path of this site to return to' })),
  invitation: Type.Optional(Type.String({ maxLength: 100, description: 'code of an invitation' })),
});
/** The responses of services differ; openid-client checks them. */
const CallbackQuery = Type.Object({}, { additionalProperties: true });

type Call = Pick<RouteCall, 'principal' | 'client' | 'header'>;

/** The rows. */
export const identityRoutes: readonly Route[] = [
  defineRoute({
    method: 'GET',
    path: '/api/v1/sign-in/:provider',
    tag: 'accounts',
    access: 'anyone',
    limit: 'identity',
    sentence:
      'Sends the browser to another service to sign in there. Of a user who is signed in, it links the service to the account.',
    params: ProviderParams,
    query: BeginQuery,
    replies: { 303: undefined },
    async answer(call, deps) {
      const { provider: id } = call.params;
      const goal = readGoal(call.query.to);
      try {
        const provider = deps.access.services.provider(id);
        const { url, checks } = await provider.begin(`${call.client.origin ?? ''}/api/v1/sign-in/${id}/callback`);
        const ticket = { provider: id, checks, goal, invitation: call.query.invitation, ...intentionOf(call, deps) };
        const cookie = cookieOf(call, deps.access.services.tickets.seal(ticket, deps.clock.nowMs()));
        return { status: 303, headers: { location: url.href, 'set-cookie': cookie } };
      } catch (error) {
        return { status: 303, headers: { location: failedPath(error, id, goal, deps) } };
      }
    },
  }),
  defineRoute({
    method: 'GET',
    path: '/api/v1/sign-in/:provider/callback',
    tag: 'accounts',
    access: 'anyone',
    limit: 'identity',
    sentence: 'Takes the browser back from another service and signs it in; the answer is a page that leads on.',
    params: ProviderParams,
    query: CallbackQuery,
    replies: { 200: undefined },
    async answer(call, deps) {
      const { provider: id } = call.params;
      const ticket = ticketOf(call, deps);
      const goal = ticket?.goal ?? '/';
      try {
        if (ticket?.provider !== id) {
          throw new OxbowError(
            'identity-expired',
            'This browser began no sign-in by this service in the last minutes.',
          );
        }
        return await finish(deps.access.services.provider(id), ticket, call, deps);
      } catch (error) {
        return leadTo(failedPath(error, id, goal, deps), [cookieOf(call, '')]);
      }
    },
  }),
  defineRoute({
    method: 'DELETE',
    path: '/api/v1/me/identities/:provider',
    tag: 'accounts',
    access: 'user',
    sentence: 'Unlinks a service from the account of the caller, who keeps at least one way to sign in.',
    params: ProviderParams,
    replies: { 200: UserView },
    async answer({ params, principal }, deps) {
      const user = ownAccount(principal, deps);
      await deps.access.services.unlink(user, params.provider);
      return { body: userView(user, deps) };
    },
  }),
];

async function finish(
  provider: IdentityProvider,
  ticket: SignInTicket,
  call: Call & Pick<RouteCall, 'query'>,
  deps: HttpDeps,
): Promise<RouteAnswer> {
  const { access, metrics } = deps;
  const query = new URLSearchParams(call.query as Record<string, string>);
  const profile = await provider.finish(`?${query}`, ticket.checks);
  const { user, result } = await access.services.signIn(provider, profile, ticket);
  metrics.identitySignIns.inc({ provider: provider.id, result });
  const done = cookieOf(call, '');
  // Who links an account is signed in already.
  if (ticket.session !== undefined) return leadTo(ticket.goal, [done]);
  const { headers } = await startSession(user, call, deps);
  return leadTo(ticket.goal, [headers['set-cookie']!, done]);
}

function leadTo(path: string, cookies: string[]): RouteAnswer {
  return { headers: { ...returnPageFields, 'set-cookie': cookies }, body: printReturnPage(path) };
}

/**
 * A user links the service, a guest gets an account. The session cookie is not sent with the answer of the
 * service: this is known now.
 */
function intentionOf({ principal }: Call, deps: HttpDeps): Pick<SignInTicket, 'session' | 'guest'> {
  const user = userOf(principal, deps);
  // A guest of the room would link their own service to the account of the television.
  if (!user || !principal.session || principal.session.isTelevision) return {};
  return user.role === 'guest' ? { guest: user.id } : { session: principal.session.id };
}

/** Counts and logs a failure; the page of sign-in shows it. */
function failedPath(error: unknown, provider: string, goal: string, deps: HttpDeps): string {
  if (!(error instanceof OxbowError)) throw error;
  const { metrics, log, access } = deps;
  if (access.services.providers().some(({ id }) => id === provider)) {
    const result = error.code === 'identity-unavailable' ? 'unavailable' : 'refused';
    metrics.identitySignIns.inc({ provider, result });
    log.warn({ provider, code: error.code, reason: reasonOf(error) }, 'a sign-in by another service failed');
  }
  return `/sign-in?${new URLSearchParams({ error: error.code, to: goal })}`;
}

/** The innermost words: those of the service or of the connection. They never have codes or tokens. */
function reasonOf(error: Error): string {
  let inner: unknown = error;
  while (inner instanceof Error && inner.cause instanceof Error) inner = inner.cause;
  const { error: code, error_description: words } = inner as { error?: unknown; error_description?: unknown };
  return [messageOf(inner), code, words]
    .filter((each) => typeof each === 'string')
    .join(': ')
    .slice(0, 300);
}

/** SameSite=Lax: the service's answer is a navigation from another site. */
function cookieOf(call: Call, content: string): string {
  const { name, isSecure } = cookieNameOf(call);
  const age = content === '' ? 0 : TICKET_MS / 1000;
  return `${name}=${content}; Max-Age=${age}; Path=/; HttpOnly; SameSite=Lax${isSecure ? '; Secure' : ''}`;
}

/** As the session cookie: valid only for this host and port. */
function cookieNameOf({ client }: Pick<Call, 'client'>): { readonly name: string; readonly isSecure: boolean } {
  const { protocol, port } = new URL(client.origin ?? 'http://unknown');
  const isSecure = protocol === 'https:';
  return { name: `${isSecure ? '__Host-' : ''}oxbow-sign-in${port === '' ? '' : `-${port}`}`, isSecure };
}

function ticketOf(call: Call, { access, clock }: Pick<HttpDeps, 'access' | 'clock'>): SignInTicket | undefined {
  const prefix = `${cookieNameOf(call).name}=`;
  const pair = call
    .header('cookie')
    ?.split(/; */)
    .find((cookie) => cookie.startsWith(prefix));
  return pair === undefined ? undefined : access.services.tickets.open(pair.slice(prefix.length), clock.nowMs());
}
