/**
 * Stream name and key in the requests of an encoder that publishes over RTSP.
 * In: the address of a request, its `Authorization`. Out: name and key. Pure. docs/3-publish/rtsp.md.
 */

/** Name and key as the client sent them, not yet validated. */
interface PublishLogin {
  readonly name: string | undefined;
  readonly key: string | undefined;
}

/**
 * The name is the path; the key is `key=` of the query, or the password.
 *
 * @param url as in ANNOUNCE
 * @param authorization Basic; the key may also be the user name
 */
export function publishLoginOf(url: string, authorization: string | undefined): PublishLogin {
  const parsed = URL.parse(url);
  const path = decoded(parsed?.pathname ?? '').replace(/^\/+|\/+$/g, '');
  const key = parsed?.searchParams.get('key') ?? '';
  return { name: path === '' ? undefined : path, key: key === '' ? passwordOf(authorization) : key };
}

function passwordOf(authorization: string | undefined): string | undefined {
  const encoded = /^Basic\s+([A-Za-z\d+/=]{1,2000})$/i.exec(authorization ?? '')?.[1];
  const pair = encoded === undefined ? '' : Buffer.from(encoded, 'base64').toString();
  const colon = pair.indexOf(':');
  if (colon < 0) return undefined;
  return pair.slice(colon + 1) || pair.slice(0, colon) || undefined;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a single % is literal
  }
}
