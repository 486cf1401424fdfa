/**
 * Suggests the name of a new stream.
 * In: the source's title, its address, existing names. Out: a valid name, for the record page and `oxbow
 * add`. Pure.
 */

/** Longer names are cut at a word. */
const MOST = 40;

/**
 * Words of addresses that say nothing about the stream: files of playlists, protocols, folders of media
 * servers.
 */
const GENERIC: ReadonlySet<string> = new Set(
  (
    'index master playlist chunklist manifest prog-index variant media mono default live livestream stream streams hls dash out output ' +
    'video videos audio main source src content cdn edge origin vod event channel app api www public static assets files file data ' +
    'watch embed player view v e s c ts mp4 m3u8 ll low mid high best hd sd fhd uhd smil ngrp amlst all file-vod init'
  ).split(' '),
);

/**
 * The title in lower case if it has enough Latin letters, otherwise the last telling word of the path,
 * otherwise the host; numbered if it is taken.
 *
 * @param title of a page or a stream; may be empty
 * @param address the pasted address, any text
 */
export function suggestName(title: string, address: string, taken: Iterable<string>): string {
  const url = URL.parse(address.trim());
  const base = [slug(title), ...pathWords(url), hostWord(url)].find((text) => text.length >= 3) ?? 'stream';
  const names = new Set(taken);
  let name = base;
  for (let number = 2; names.has(name); number++) name = `${base}-${number}`;
  return name;
}

/**
 * Telling parts of the path, the last first: without extensions, generic words, qualities, and identifiers of
 * machines.
 */
function pathWords(url: URL | null): string[] {
  if (url === null || !/^https?:$/.test(url.protocol)) return [];
  const parts = url.pathname.split('/').reverse();
  return parts.flatMap((part) => {
    // Values that have names: `user=admin_password=secret`, `hdnts=exp=1~hmac=abc`.
    if (/[=&;]/.test(decoded(part))) return [];
    const word = slug(decoded(part).replace(/(\.(m3u8?|mp4|m4v|mov|mpd|ts|html?|php|ism[lc]?|smil|stream))+$/i, ''));
    return isTelling(word) ? [word] : [];
  });
}

function isTelling(word: string): boolean {
  const words = word.split('-').filter((each) => !GENERIC.has(each) && !/^(\d+|\d+[pki]|v\d+)$/.test(each));
  if (GENERIC.has(word) || words.length === 0 || !/[a-z]{2}/.test(word)) return false;
  // An identifier: one long run of letters and digits that change often, or hexadecimal digits.
  return words.some((each) => !/^[0-9a-f]{8,}$/.test(each) && (each.match(/[a-z]\d|\d[a-z]/g) ?? []).length < 3);
}

function hostWord(url: URL | null): string {
  if (url === null) return '';
  if (url.protocol === 'udp:') return `udp-${url.port}`;
  const host = url.hostname.replace(/^www\./, '');
  return /^(localhost|127\.[\d.]+|\[::1\])$/.test(host) ? '' : slug(host);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function slug(text: string): string {
  const plain = text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase();
  const words = plain.replace(/[^a-z0-9]+/g, '-').replace(/^-+|-+$/g, '');
  if (words.length <= MOST) return words;
  const cut = words.slice(0, MOST + 1);
  return cut.slice(0, Math.max(cut.lastIndexOf('-'), 20)).replace(/-+$/, '');
}
