/**
 * The objects that a playlist announces and players request next: the hinted part, and how far its segments
 * reach.
 * In: the text of a Media Playlist and its path. Out: paths of the same server. Pure. RFC 8216bis 4.4.5.3.
 */

const HINT = /^#EXT-X-PRELOAD-HINT:(?=[^\n]*TYPE=PART)[^\n]*URI="([^"\n]{1,500})"/gm;
/** Tags whose addresses are of the moment, or of keys, which no cache keeps. */
const NOT_KEPT = /^#EXT-X-(?:PRELOAD-HINT|PART|KEY|SESSION-KEY)\b/;
const NUMBERED = /^(.*\/)(\d{1,15})\.(m4s|ts)$/;

/**
 * The paths of the parts that are announced.
 *
 * @param path of the playlist, without token
 */
export function hintedParts(text: string, path: string): readonly string[] {
  return [...text.matchAll(HINT)].flatMap(([, uri]) => pathFrom(uri!, path) ?? []);
}

/** Folder, extension and number of the last segment that a playlist lists. */
interface LastListed {
  /** Of the segments, e.g. `/live/door/v0/`. */
  readonly folder: string;
  readonly msn: number;
}

/** The last numbered segment of a playlist; undefined if there is none. */
export function lastListed(text: string, path: string): LastListed | undefined {
  const lines = text.trimEnd().split('\n');
  for (let index = lines.length - 1; index >= 0; index--) {
    const line = lines[index]!;
    if (line === '' || line.startsWith('#')) continue;
    const [, folder, msn] = NUMBERED.exec(pathFrom(line, path) ?? '') ?? [];
    return folder === undefined ? undefined : { folder, msn: Number(msn) };
  }
  return undefined;
}

/**
 * The path of the segment after this one, with its folder and number; undefined if the path is not numbered.
 */
export function nextSegment(path: string): (LastListed & { readonly path: string }) | undefined {
  const [, folder, msn, extension] = NUMBERED.exec(path) ?? [];
  if (folder === undefined) return undefined;
  const next = Number(msn) + 1;
  return { folder, msn: next, path: `${folder}${next}.${extension}` };
}

/** All paths that a playlist names: segments, init sections, renditions. */
export function listedPaths(text: string, path: string): readonly string[] {
  const uris = text.split('\n').flatMap((line) => {
    if (line === '' || NOT_KEPT.test(line)) return [];
    if (!line.startsWith('#')) return [line];
    return [...line.matchAll(/URI="([^"]{1,500})"/g)].map(([, uri]) => uri!);
  });
  return [...new Set(uris.flatMap((uri) => pathFrom(uri.trim(), path) ?? []))];
}

/** The path that a URI of a playlist names on the same server. */
function pathFrom(uri: string, path: string): string | undefined {
  const url = URL.parse(uri, `http://edge${path}`);
  return url?.host === 'edge' ? url.pathname : undefined;
}

/** A part of a Media Playlist: number of its segment, and its number there. */
interface PartPosition {
  readonly msn: number;
  readonly part: number;
}

/**
 * The position that a playlist has reached: everything before it is listed. Undefined without a numbered
 * hint.
 */
export function reachedPosition(text: string): PartPosition | undefined {
  const hint = positionIn(/^#EXT-X-PRELOAD-HINT:(?=.*TYPE=PART).*$/m.exec(text)?.[0]);
  // With all its parts, but not listed itself: the hint is of the next one.
  const open = positionIn(
    text
      .slice(text.lastIndexOf('\n#EXTINF:') + 1)
      .match(/^#EXT-X-PART:.*$/gm)
      ?.at(-1),
  );
  return hint && open && open.msn < hint.msn ? { msn: open.msn, part: open.part + 1 } : hint;
}

function positionIn(line: string | undefined): PartPosition | undefined {
  const [, msn, part] = /URI="(?:[^"]*\/)?(\d{1,15})\.(\d{1,5})\.m4s"/.exec(line ?? '') ?? [];
  return msn === undefined ? undefined : { msn: Number(msn), part: Number(part) };
}
