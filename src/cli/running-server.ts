/**
 * The oxbow that a verb connects to: the one at `--server`, otherwise the one that runs on the data folder.
 * In: settings, an address. Out: its address with authentication headers. Write access to the data folder
 * grants all permissions.
 */
import { SignInLinks } from '../accounts/sign-in-links.ts';
import { OxbowClient, OxbowProblem } from '../client/client.ts';
import type { Config } from '../config/schema.ts';
import { OxbowError, type RefusalCode, refusals, sentenceOf } from '../lib/errors.ts';
import { version } from '../lib/version.ts';
import { findRunning, type RunningInstance } from '../store/running.ts';
import { localFetch } from './access/local-fetch.ts';

/** A server with a session. Disposing signs out. */
export interface ServerAccess extends AsyncDisposable {
  /** Without a slash at the end. */
  readonly url: string;
  /** Sent with every request. */
  readonly headers: Readonly<Record<string, string>>;
  /** Requests to it: the one on this computer may have a certificate that the system does not trust. */
  readonly fetch: typeof fetch;
}

/**
 * The oxbow that runs on the data folder of the settings.
 *
 * @throws OxbowError `not-found` if none does, or the folder is not a data folder; nothing is created
 */
export function runningInstance(folder: string): RunningInstance {
  const instance = findRunning(folder);
  if (instance) return instance;
  throw new OxbowError('not-found', `No oxbow runs on the data folder ${folder}.`, {
    extra: { hint: 'Name the folder of the running one with --data DIR, or its address with --server URL.' },
  });
}

/**
 * Address of a running oxbow for this computer, and how requests are sent there. Where this user cannot read
 * its certificate, that is the public address: a certificate is usually for that and not for 127.0.0.1.
 */
export function reachRunning({ http, publicUrl, certificate }: RunningInstance): Pick<ServerAccess, 'url' | 'fetch'> {
  if (!http.startsWith('https:')) return { url: http, fetch };
  const local = certificate === undefined ? undefined : localFetch(certificate);
  return local ? { url: http, fetch: local } : { url: publicUrl ?? http, fetch };
}

/** The address of `reachRunning`. */
export function urlOfRunning(running: RunningInstance): string {
  return reachRunning(running).url;
}

/**
 * Opens a session.
 *
 * @param server of `--server`; then the admin token of the settings is sent
 * @throws OxbowError `not-found` if no server runs on the data folder, `source-failed` if it does not respond
 */
export async function openServer(
  { data, adminToken }: Pick<Config, 'data' | 'adminToken'>,
  server: string | undefined,
): Promise<ServerAccess> {
  if (server === undefined) return signIn(data, reachRunning(runningInstance(data)));
  return {
    url: parseServer(server).replace(/\/+$/, ''),
    headers: adminToken ? { authorization: `Bearer ${adminToken}` } : {},
    fetch,
    async [Symbol.asyncDispose]() {},
  };
}

/** The same for the typed client. Errors of the server are thrown as OxbowError. */
export async function askServer<T>(
  config: Pick<Config, 'data' | 'adminToken'>,
  server: string | undefined,
  work: (client: OxbowClient) => Promise<T>,
): Promise<T> {
  await using access = await openServer(config, server);
  const client = new OxbowClient({
    server: access.url,
    fetch: (url, init) => access.fetch(url, { ...init, headers: { ...(init?.headers as object), ...access.headers } }),
  });
  try {
    return await work(client);
  } catch (error) {
    if (!(error instanceof OxbowProblem)) throw error;
    const { code, detail, title } = error.problem;
    const refusalCode = code in refusals ? (code as RefusalCode) : 'source-failed';
    throw new OxbowError(refusalCode, detail ?? title, { cause: error });
  }
}

/** A session by a one-time code in the data folder, like that of a browser. It ends with the verb. */
async function signIn(folder: string, { url, fetch }: Pick<ServerAccess, 'url' | 'fetch'>): Promise<ServerAccess> {
  const { code } = await new SignInLinks(folder, () => Date.now()).make();
  const program = { 'user-agent': `oxbow/${version}` };
  const sessions = `${url}/api/v1/sessions`;
  let response: Response;
  try {
    response = await fetch(sessions, {
      method: 'POST',
      headers: { ...program, 'content-type': 'application/json' },
      body: JSON.stringify({ code }),
    });
    await response.body?.cancel();
  } catch (error) {
    const cause = (error as { cause?: unknown }).cause ?? error;
    throw new OxbowError('source-failed', `${url} cannot be reached: ${sentenceOf(cause)}`, {
      cause: error,
      extra: {
        hint: 'Run it as the user that oxbow runs as, or name an address that its certificate is for: --server URL.',
      },
    });
  }
  const cookie = response.headers.getSetCookie()[0]?.split(';')[0];
  if (!response.ok || cookie === undefined) {
    throw new OxbowError('source-failed', `${url} answered ${response.status} to the sign-in of this verb.`, {
      extra: { hint: 'Run it as the user that oxbow runs as, or give --server URL with --admin-token.' },
    });
  }
  const headers = { ...program, cookie, 'sec-fetch-site': 'same-origin' };
  return {
    url,
    headers,
    fetch,
    async [Symbol.asyncDispose]() {
      const answer = await fetch(`${sessions}/current`, { method: 'DELETE', headers }).catch(() => undefined);
      await answer?.body?.cancel();
    },
  };
}

/**
 * Reads the address of a server.
 *
 * @throws OxbowError `bad-request`
 */
export function parseServer(text: string): string {
  const url = URL.parse(text);
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return url.href;
  throw new OxbowError('bad-request', `"${text}" is not the address of a server.`, {
    extra: { hint: 'Write --server http://127.0.0.1:8080' },
  });
}
