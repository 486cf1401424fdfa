/**
 * The name of a resource of a source, for logs and errors: without host, query and credentials.
 * In: a URL. Out: text.
 */

/** The last component of the path: it stays when hosts, tokens and queries change between reloads. */
export function nameOf(url: URL): string {
  return url.pathname.slice(url.pathname.lastIndexOf('/') + 1);
}
