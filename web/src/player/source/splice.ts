/**
 * Joins the playlists of windows: parses the Media Playlist of a window, and prints several of them as one
 * continuous playlist.
 * In: the text of Media Playlists. Out: the text of one. Pure. RFC 8216bis 4.4 and 6.2.
 */

/** A Media Segment of a window. */
interface WindowSegment {
  readonly url: string;
  /** Address of the Media Initialization Section; null if the playlist has none. */
  readonly mapUrl: string | null;
  /**
   * EXT-X-KEY in force at the section, and at the segment: one line for each KEYFORMAT, with absolute
   * addresses.
   */
  readonly mapKeys: readonly string[];
  readonly keys: readonly string[];
  /** UTC of its start, unix milliseconds; NaN if the playlist has no dates. */
  readonly startMs: number;
  readonly durationS: number;
  /** EXT-X-DISCONTINUITY before this segment. */
  readonly discontinuity: boolean;
  /** All other tags of the segment, unchanged. */
  readonly tags: readonly string[];
}

/** The playlist of one rendition over one window. */
export interface WindowList {
  readonly targetS: number;
  /** EXT-X-DISCONTINUITY-SEQUENCE; null if absent. */
  readonly discontinuitySequence: number | null;
  readonly segments: readonly WindowSegment[];
  /** EXT-X-ENDLIST: nothing will be added. */
  readonly complete: boolean;
}

/** Segments closer than this are contiguous; the server begins a hole at the same distance, milliseconds. */
const JOIN_MS = 500;
/** Tags of the playlist as a whole; the printed playlist has its own. */
const OF_THE_LIST = /^#(EXTM3U|EXT-X-(VERSION|PLAYLIST-TYPE|START|INDEPENDENT-SEGMENTS|SERVER-CONTROL|DATERANGE)\b)/;

/**
 * Parses a window's Media Playlist. Unknown lines are kept with their segment.
 *
 * @param url absolute address of the playlist, the base of its relative addresses
 */
export function readWindow(text: string, url: string): WindowList {
  const segments: WindowSegment[] = [];
  let targetS = 0;
  let discontinuitySequence: number | null = null;
  let complete = false;
  let mapUrl: string | null = null;
  let mapKeys: readonly string[] = [];
  let keys: readonly string[] = [];
  let startMs = Number.NaN;
  let durationS = 0;
  let discontinuity = false;
  let tags: string[] = [];
  for (const raw of text.split('\n')) {
    const line = raw.trim();
    const value = line.slice(line.indexOf(':') + 1);
    if (line === '' || OF_THE_LIST.test(line)) continue;
    if (line.startsWith('#EXT-X-TARGETDURATION:')) targetS = Number.parseInt(value, 10) || 0;
    else if (line.startsWith('#EXT-X-MEDIA-SEQUENCE:')) continue;
    else if (line.startsWith('#EXT-X-DISCONTINUITY-SEQUENCE:')) discontinuitySequence = Number.parseInt(value, 10);
    else if (line === '#EXT-X-DISCONTINUITY') discontinuity = true;
    else if (line === '#EXT-X-ENDLIST') complete = true;
    else if (line.startsWith('#EXT-X-PROGRAM-DATE-TIME:')) startMs = Date.parse(value);
    else if (line.startsWith('#EXTINF:')) durationS = Number.parseFloat(value) || 0;
    else if (line.startsWith('#EXT-X-MAP:')) {
      const uri = /URI="([^"]*)"/.exec(value)?.[1];
      mapUrl = uri === undefined ? null : (URL.parse(uri, url)?.href ?? null);
      mapKeys = keys;
    } else if (line.startsWith('#EXT-X-KEY:')) keys = withKey(keys, line, url);
    else if (line.startsWith('#')) tags.push(line);
    else {
      const address = URL.parse(line, url)?.href;
      if (address) segments.push({ url: address, mapUrl, mapKeys, keys, startMs, durationS, discontinuity, tags });
      startMs += durationS * 1000;
      durationS = 0;
      discontinuity = false;
      tags = [];
    }
  }
  return { targetS, discontinuitySequence, segments, complete };
}

const keyFormatOf = (line: string) => /KEYFORMAT="([^"]*)"/.exec(line)?.[1] ?? 'identity';

/**
 * The keys in force after a tag: METHOD=NONE ends all, another key those of its KEYFORMAT. RFC 8216bis
 * 4.4.4.4
 */
function withKey(keys: readonly string[], line: string, url: string): readonly string[] {
  if (/METHOD=NONE\b/.test(line)) return [];
  const absolute = line.replace(/URI="([^"]*)"/, (uri, path) => {
    const address = URL.parse(path, url)?.href;
    return address === undefined ? uri : `URI="${address}"`;
  });
  return [...keys.filter((key) => keyFormatOf(key) !== keyFormatOf(line)), absolute];
}

/** Writes EXT-X-KEY where the keys change. Returns those in force. */
function printKeys(body: string[], before: readonly string[], keys: readonly string[]): readonly string[] {
  if (before === keys || before.join('\n') === keys.join('\n')) return before;
  if (keys.length === 0) body.push('#EXT-X-KEY:METHOD=NONE');
  else body.push(...keys);
  return keys;
}

/** Whether the second window continues the first one, so that decoder and timestamps need no reset. */
export function windowsJoin(before: WindowList, after: WindowList): boolean {
  const last = before.segments.at(-1);
  const first = after.segments[0];
  if (!last || !first) return false;
  if (last.mapUrl !== first.mapUrl) return false;
  const [lastMsn, firstMsn] = [msnOf(last), msnOf(first)];
  if (lastMsn !== null && firstMsn !== null && firstMsn !== lastMsn + 1) return false;
  if (before.discontinuitySequence !== null && after.discontinuitySequence !== null) {
    const inside = before.segments.filter(({ discontinuity }, index) => discontinuity && index > 0).length;
    if (after.discontinuitySequence > before.discontinuitySequence + inside) return false;
  }
  return !(Math.abs(first.startMs - (last.startMs + last.durationS * 1000)) > JOIN_MS);
}

/** The Media Sequence Number in a segment's address, which never changes; null if the address has none. */
function msnOf({ url }: WindowSegment): number | null {
  const digits = /\/(\d+)\.m4s(?:$|\?)/.exec(url)?.[1];
  return digits === undefined ? null : Number(digits);
}

/** Number of EXT-X-DISCONTINUITY tags of a window, including the one at its start. */
export function discontinuitiesOf(before: WindowList | null, list: WindowList): number {
  const inside = list.segments.filter(({ discontinuity }, index) => discontinuity && index > 0).length;
  const first = list.segments[0];
  const seam = first && (before ? !windowsJoin(before, list) : false);
  return inside + (seam ? 1 : 0);
}

/** The printed playlist. */
interface Splice {
  /** In order of time. */
  readonly windows: readonly WindowList[];
  /** The removed window before the first one: decides whether the first one begins with a discontinuity. */
  readonly before: WindowList | null;
  readonly mediaSequence: number;
  readonly discontinuitySequence: number;
  /** Nothing follows: EXT-X-ENDLIST. */
  readonly complete: boolean;
  /** Where to start, unix milliseconds; in a hole, at the first segment after it. */
  readonly atMs: number;
}

/** Prints the joined playlist, with the date of every segment, so that each can be found. */
export function printSplice(splice: Splice): string {
  const { windows, mediaSequence, discontinuitySequence, complete, atMs } = splice;
  const body: string[] = [];
  let targetS = 1;
  let mapUrl: string | null = null;
  let keys: readonly string[] = [];
  let before = splice.before;
  let positionS = 0;
  let startS: number | null = null;
  for (const list of windows) {
    targetS = Math.max(targetS, list.targetS);
    for (const [index, segment] of list.segments.entries()) {
      const seam = index === 0 ? before !== null && !windowsJoin(before, list) : segment.discontinuity;
      if (seam) body.push('#EXT-X-DISCONTINUITY');
      if (segment.mapUrl !== mapUrl && segment.mapUrl !== null) {
        keys = printKeys(body, keys, segment.mapKeys);
        body.push(`#EXT-X-MAP:URI="${segment.mapUrl}"`);
      }
      mapUrl = segment.mapUrl;
      keys = printKeys(body, keys, segment.keys);
      if (!Number.isNaN(segment.startMs)) {
        body.push(`#EXT-X-PROGRAM-DATE-TIME:${new Date(segment.startMs).toISOString()}`);
        if (startS === null && atMs < segment.startMs + segment.durationS * 1000) {
          startS = positionS + Math.max(0, (atMs - segment.startMs) / 1000);
        }
      }
      body.push(...segment.tags, `#EXTINF:${segment.durationS.toFixed(5)},`, segment.url);
      positionS += segment.durationS;
      targetS = Math.max(targetS, Math.round(segment.durationS));
    }
    if (list.segments.length > 0) before = list;
  }
  const lastS = windows.at(-1)?.segments.at(-1)?.durationS ?? 0;
  // hls.js takes 0 for a playlist that was not started.
  const offsetS = Math.max(0.001, startS ?? positionS - lastS);
  return [
    '#EXTM3U',
    '#EXT-X-VERSION:6',
    `#EXT-X-TARGETDURATION:${targetS}`,
    `#EXT-X-MEDIA-SEQUENCE:${mediaSequence}`,
    `#EXT-X-DISCONTINUITY-SEQUENCE:${discontinuitySequence}`,
    `#EXT-X-START:TIME-OFFSET=${offsetS.toFixed(3)},PRECISE=YES`,
    ...body,
    ...(complete ? ['#EXT-X-ENDLIST'] : []),
    '',
  ].join('\n');
}
