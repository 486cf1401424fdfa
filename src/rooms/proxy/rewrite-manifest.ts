/**
 * Rewrites the addresses of a playlist or manifest so that clients request everything through the proxy.
 * In: its text, where it came from, the folder of the address that was requested. Out: its text. Pure.
 */
import { rewriteUris } from '../../media/m3u8/rewrite-uris.ts';
import { rewriteMpdUrls } from '../../media/mpd/rewrite-urls.ts';

/** Where a manifest came from, and where it is served. */
export interface ManifestPlace {
  /** Address that answered, after redirects. */
  readonly url: string;
  /** Folder whose content clients reach by relative addresses, with `/` at its end. */
  readonly folder: string;
  /** The proxy's address of another folder, with `/` at its end. */
  readonly proxied: (folder: string) => string;
}

/** An M3U8 playlist. Throws FormatError. */
export function rewritePlaylist(text: string, place: ManifestPlace): string {
  return rewriteUris(text, (uri) => proxiedAddress(uri, place.url, place));
}

/** A DASH manifest. Throws FormatError. What is relative to a BaseURL stays relative: the proxy serves that folder. */
export function rewriteManifest(text: string, place: ManifestPlace): string {
  // The last absolute BaseURL, otherwise the manifest; and the folder of the last BaseURL in it.
  let absolute = place.url;
  let base = absolute;
  return rewriteMpdUrls(text, (url, isBase) => {
    const resolved = URL.parse(url, isBase ? absolute : base)?.href ?? url;
    const isRelative = isPlainRelative(url) && (absolute !== place.url || isWithin(place));
    if (isBase) base = resolved;
    if (isRelative) return url;
    if (isBase) absolute = resolved;
    return proxiedAddress(isBase ? resolved : url, isBase ? resolved : base, place);
  });
}

/** Whether relative addresses of the manifest are relative to the folder that is served. */
const isWithin = ({ url, folder }: ManifestPlace): boolean => splitFolder(url).folder === folder;

/** Relative, and not above the folder of its document. */
function isPlainRelative(uri: string): boolean {
  return (
    !/^[a-z][a-z0-9+.-]*:/i.test(uri) && !uri.startsWith('/') && !uri.split(/[?#]/, 1)[0]!.split('/').includes('..')
  );
}

function proxiedAddress(uri: string, base: string, { folder, proxied }: ManifestPlace): string {
  // The rest of a template, such as `seg-$Number%05d$.m4s`, must stay as it is written.
  const { folder: start, rest } = splitFolder(uri);
  const url = URL.parse(start === '' ? '.' : start, base);
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) return uri; // data:, skd: and others
  url.hash = '';
  const target = url.href;
  return target.startsWith(folder) ? `./${target.slice(folder.length)}${rest}` : proxied(target) + rest;
}

/** Cuts an address after the last `/` of its path, and before any template. */
function splitFolder(address: string): { readonly folder: string; readonly rest: string } {
  const end = address.search(/[?#$]/);
  const path = end < 0 ? address : address.slice(0, end);
  const slash = path.lastIndexOf('/');
  // `https://host` without a path.
  if (/^[a-z][a-z0-9+.-]*:\/\/[^/]*$/i.test(path)) return { folder: `${path}/`, rest: address.slice(path.length) };
  return { folder: address.slice(0, slash + 1), rest: address.slice(slash + 1) };
}
