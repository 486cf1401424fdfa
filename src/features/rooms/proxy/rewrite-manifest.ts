/**
 * Rewrites the addresses of a playlist or manifest so that clients request everything through the proxy.
 * In: its text, where it came from, the proxy's addresses. Out: its text. Pure.
 */
import { FormatError } from '../../../lib/errors.ts';
import { putInVariables } from '../../../media/m3u8/put-in-variables.ts';
import { rewriteUris } from '../../../media/m3u8/rewrite-uris.ts';
import { rewriteMpdUrls } from '../../../media/mpd/rewrite-urls.ts';
import type { SegmentNames } from '../../../media/mpd/segment-names.ts';

/** Most addresses in a playlist or manifest: each is encrypted. A day of segments of 2 s has 43,200. */
const MAX_ADDRESSES = 50_000;
/**
 * Most characters that they become. Each may have the variables of its playlist and the way up from a deep
 * folder: a megabyte of playlist would become gigabytes.
 */
const MAX_WRITTEN = 32 * 1024 * 1024;

/** Where a manifest came from, and what its addresses become. */
export interface ManifestPlace {
  /** Address that answered, after redirects. */
  readonly url: string;
  /** Variables of the Multivariant Playlist that named it. */
  readonly variables: ReadonlyMap<string, string> | undefined;
  /** The proxy's address of one address. `variables`: of the playlist that names it, if it has any. */
  readonly proxied: (url: URL, variables?: ReadonlyMap<string, string>) => string;
  /** The proxy's folder of what a template names. */
  readonly segments: (names: SegmentNames) => string;
}

/** An M3U8 playlist. Throws FormatError. */
export function rewritePlaylist(text: string, { url: base, variables: imports, proxied }: ManifestPlace): string {
  const query = new Map(URL.parse(base)?.searchParams);
  const filled = putInVariables(text, { query, ...(imports && { imports }) });
  const variables = filled.variables.size > 0 ? filled.variables : undefined;
  const written = counted();
  return rewriteUris(filled.text, (uri) => {
    const url = URL.parse(uri, base);
    if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) return uri; // data:, skd: and others
    url.hash = '';
    return written(() => proxied(url, variables));
  });
}

/** A DASH manifest. Throws FormatError. */
export function rewriteManifest(text: string, { url: base, proxied, segments }: ManifestPlace): string {
  const written = counted();
  return rewriteMpdUrls(text, base, {
    address: (url) => written(() => proxied(url)),
    segments: (names) => written(() => segments(names)),
  });
}

/** Writes addresses, up to the bounds. */
function counted(): (write: () => string) => string {
  let addresses = 0;
  let characters = 0;
  return (write) => {
    addresses += 1;
    if (addresses > MAX_ADDRESSES) throw new FormatError(`it names more than ${MAX_ADDRESSES} addresses`, 0);
    const address = write();
    characters += address.length;
    if (characters > MAX_WRITTEN) throw new FormatError('it is too long with the addresses of the proxy', 0);
    return address;
  };
}
