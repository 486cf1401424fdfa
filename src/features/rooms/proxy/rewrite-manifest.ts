/**
 * Rewrites the addresses of a playlist or manifest so that clients request everything through the proxy.
 * In: its text, where it came from, the proxy's addresses. Out: its text. Pure.
 */
import { FormatError } from '@oxbow/media/errors';
import { putInVariables } from '@oxbow/media/m3u8/put-in-variables';
import { rewriteUris } from '@oxbow/media/m3u8/rewrite-uris';
import { rewriteMpdUrls } from '@oxbow/media/mpd/rewrite-urls';
import type { SegmentNames } from '@oxbow/media/mpd/segment-names';

/** Most addresses in a playlist or manifest: each is encrypted. A day of segments of 2 s has 43,200. */
const MAX_ADDRESSES = 50_000;
/**
 * Most characters that they become. Each may have the variables of its playlist and the way up from a deep
 * folder: a megabyte of playlist would become gigabytes.
 */
const MAX_WRITTEN = 32 * 1024 * 1024;

/** Characters that are as much work as an address. */
const CHARACTERS_OF_ADDRESS = 256;

/** Where a manifest came from, and what its addresses become. */
export interface ManifestPlace {
  /** Address that answered, after redirects. */
  readonly url: string;
  /** Variables of the Multivariant Playlist that named it. */
  readonly variables: ReadonlyMap<string, string> | undefined;
  /** The proxy's address of one address. `variables`: of the playlist that names it, if it has any. */
  readonly proxied: (url: URL, variables?: ReadonlyMap<string, string>) => string;
  /** The proxy's folder of a template's segments. */
  readonly segments: (names: SegmentNames) => string;
  /**
   * Called with the number of addresses, also of a manifest that is refused. Each 256 characters count as
   * one more.
   */
  readonly counted: (addresses: number) => void;
}

/** An M3U8 playlist. Throws FormatError. */
export function rewritePlaylist(text: string, place: ManifestPlace): string {
  const { url: base, variables: imports, proxied } = place;
  const query = new Map(URL.parse(base)?.searchParams);
  return counting(place, text, (written) => {
    const filled = putInVariables(text, { query, ...(imports && { imports }) });
    const variables = filled.variables.size > 0 ? filled.variables : undefined;
    return rewriteUris(filled.text, (uri) => {
      const url = URL.parse(uri, base);
      if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) return uri; // data:, skd: and others
      url.hash = '';
      return written(1, () => proxied(url, variables));
    });
  });
}

/** A DASH manifest. Throws FormatError. */
export function rewriteManifest(text: string, place: ManifestPlace): string {
  const { url: base, proxied, segments } = place;
  return counting(place, text, (written) =>
    rewriteMpdUrls(text, base, {
      address: (url) => written(1, () => proxied(url)),
      segments: (names) => written(names.representations.length, () => segments(names)),
    }),
  );
}

/** Writes addresses, up to the bounds. */
function counting(
  { counted }: ManifestPlace,
  text: string,
  rewrite: (written: (count: number, write: () => string) => string) => string,
): string {
  let addresses = 0;
  let characters = 0;
  try {
    return rewrite((count, write) => {
      addresses += count;
      if (addresses > MAX_ADDRESSES) throw new FormatError(`it names more than ${MAX_ADDRESSES} addresses`, 0);
      const address = write();
      characters += address.length;
      if (characters > MAX_WRITTEN) throw new FormatError('it is too long with the addresses of the proxy', 0);
      return address;
    });
  } finally {
    counted(addresses + Math.ceil(text.length / CHARACTERS_OF_ADDRESS));
  }
}
