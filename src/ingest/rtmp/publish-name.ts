/**
 * Stream name and key in what an encoder or a player sends: each has its own fields for them.
 * In: application, address and name of a request. Out: name and key, or name and token. Pure.
 * docs/3-publish/rtmp.md has the table.
 */

/** What keys begin with; a name without a query that begins so is a key. */
const KEY_PREFIX = 'ok_';
/** Instance of an application in Wowza's and Adobe's addresses; without meaning here. */
const DEFAULT_INSTANCE = '_definst_';

/** The application that encoders connect to: `rtmp://HOST/live`. */
export const APPLICATION = 'live';

/** What a client requests. */
interface PublishName {
  readonly name: string | undefined;
  readonly key: string | undefined;
}

/**
 * The parts of an application: path without query, slashes at its ends and the default instance.
 *
 * @param app as sent, e.g. `live`, `live/_definst_`, `live/studio?key=ok_1`
 */
export function applicationOf(app: string): { readonly application: string; readonly instance: string | undefined } {
  const parts = pathOf(app)
    .split('/')
    .filter((part) => part !== '' && part !== DEFAULT_INSTANCE);
  const [application = '', ...instanceParts] = parts;
  return { application, instance: instanceParts.length === 0 ? undefined : instanceParts.join('/') };
}

/**
 * Name and key: `{stream}?key=KEY`, `KEY` alone, or the key in the query of application or address; the name
 * also as instance.
 */
export function publishNameOf({ app, tcUrl, playPath }: { app: string; tcUrl: string; playPath: string }): PublishName {
  const { instance } = applicationOf(app);
  const path = pathOf(playPath).replace(/^\/+|\/+$/g, '');
  const key = queryValue('key', [playPath, app, tcUrl]);
  if (key !== undefined) return { name: path === '' ? instance : path, key };
  if (path.startsWith(KEY_PREFIX)) return { name: instance, key: path };
  return { name: path === '' ? instance : path, key: undefined };
}

/**
 * Name and playback token of a client that plays: `{stream}?token=TOKEN`, or the token in the query of
 * application or address.
 */
export function playNameOf({ app, tcUrl, playPath }: { app: string; tcUrl: string; playPath: string }): {
  readonly name: string;
  readonly token: string | undefined;
} {
  const path = pathOf(playPath).replace(/^\/+|\/+$/g, '');
  const name = path === '' ? (applicationOf(app).instance ?? '') : path;
  return { name, token: queryValue('token', [playPath, app, tcUrl]) };
}

function pathOf(text: string): string {
  return text.split('?', 1)[0]!;
}

/**
 * A value of the query of one of the texts. A second `?` separates like `&`: encoders append their own query
 * to a stream key.
 */
function queryValue(name: string, texts: readonly string[]): string | undefined {
  for (const text of texts) {
    const at = text.indexOf('?');
    const value = at < 0 ? null : new URLSearchParams(text.slice(at + 1).replaceAll('?', '&')).get(name);
    if (value) return value;
  }
  return undefined;
}
