/**
 * Stream name and key in what an encoder sends: each encoder has its own fields for them.
 * In: application, address and name of a publish request. Out: name and key. Pure. docs/2-publish/rtmp.md has the table.
 */

/** What keys begin with; a name without a query that begins so is a key. */
const KEY_PREFIX = 'ok_';
/** Instance of an application in Wowza's and Adobe's addresses; without meaning here. */
const DEFAULT_INSTANCE = '_definst_';

/** The application that encoders connect to: `rtmp://HOST/live`. */
export const APPLICATION = 'live';

/** What a client asks for. */
export interface PublishName {
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
  const [application = '', ...rest] = parts;
  return { application, instance: rest.length === 0 ? undefined : rest.join('/') };
}

/** Name and key: `{stream}?key=KEY`, `KEY` alone, or the key in the query of application or address; the name also as instance. */
export function publishNameOf({ app, tcUrl, playPath }: { app: string; tcUrl: string; playPath: string }): PublishName {
  const { instance } = applicationOf(app);
  const path = pathOf(playPath).replace(/^\/+|\/+$/g, '');
  const key = [playPath, app, tcUrl].map(keyOf).find((each) => each !== undefined);
  if (key !== undefined) return { name: path === '' ? instance : path, key };
  if (path.startsWith(KEY_PREFIX)) return { name: instance, key: path };
  return { name: path === '' ? instance : path, key: undefined };
}

function pathOf(text: string): string {
  return text.split('?', 1)[0]!;
}

/** `key` of the query. A second `?` separates like `&`: encoders append their own query to a stream key. */
function keyOf(text: string): string | undefined {
  const at = text.indexOf('?');
  if (at < 0) return undefined;
  return new URLSearchParams(text.slice(at + 1).replaceAll('?', '&')).get('key') || undefined;
}
