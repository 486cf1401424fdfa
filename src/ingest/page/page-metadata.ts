/**
 * Parses and validates the metadata of a page from yt-dlp; invalid fields are omitted.
 * In: JSON of yt-dlp. Out: title, thumbnail, duration, and the formats that oxbow may be able to pull,
 * bounded. yt-dlp, "Information dictionary".
 */
import { OxbowError } from '../../lib/errors.ts';
import { withoutDirections } from '../../lib/text/clean-text.ts';

const MAX_FORMATS = 500;
const MAX_TITLE = 300;
const MAX_URL = 8192;
const MAX_HEADERS = 32;
const MAX_HEADER = 4096;
/** Headers of a connection, or set by net itself. */
const RESERVED_HEADERS =
  /^(host|connection|content-.*|transfer-encoding|accept-encoding|range|te|trailer|upgrade|expect|keep-alive|proxy-.*)$/i;

/** One format of a page, available over HTTP. */
export interface PageFormat {
  readonly id: string;
  readonly protocol: 'hls' | 'file';
  readonly url: URL;
  /** The Multivariant Playlist that contains it. */
  readonly manifestUrl: URL | undefined;
  /** `mp4`, `webm`, … as yt-dlp names it. */
  readonly extension: string;
  /** undefined: unknown. */
  readonly hasVideo: boolean | undefined;
  readonly hasAudio: boolean | undefined;
  readonly codecs: string;
  readonly width: number | undefined;
  readonly height: number | undefined;
  /** Frames per second. */
  readonly frameRate: number | undefined;
  /** Bits per second. */
  readonly bandwidth: number | undefined;
  /** Sent with every request to it. */
  readonly headers: Readonly<Record<string, string>>;
  /** The site's cookies, as yt-dlp prints them: `name=value; Domain=…; Path=…`. */
  readonly cookies: string;
}

export interface PageMetadata {
  readonly title: string;
  /** http or https. */
  readonly thumbnail: string | undefined;
  /** Duration of VOD, seconds. */
  readonly durationS: number | undefined;
  readonly live: boolean;
  /** Announced start of a live stream, s since 1970. */
  readonly beginsS: number | undefined;
  readonly formats: readonly PageFormat[];
  /** Number of omitted formats with DRM. */
  readonly protectedFormats: number;
  /** Number of omitted formats with unsupported protocols such as DASH. */
  readonly foreignFormats: number;
  /** Ids of the formats that the expression of the settings selected, preferred first; empty without one. */
  readonly selected: readonly string[];
}

type Fields = Readonly<Record<string, unknown>>;

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function textOf(value: unknown, most: number): string {
  // Control characters must not appear in a log line or a page.
  return typeof value === 'string'
    ? withoutDirections(value)
        .replaceAll(/\p{Cc}+/gu, ' ')
        .trim()
        .slice(0, most)
    : '';
}

function numberOf(value: unknown, least: number, most: number): number | undefined {
  return typeof value === 'number' && value >= least && value <= most ? value : undefined;
}

function urlOf(value: unknown): URL | undefined {
  if (typeof value !== 'string' || value.length > MAX_URL) return undefined;
  const url = URL.parse(value);
  return url && (url.protocol === 'http:' || url.protocol === 'https:') ? url : undefined;
}

/**
 * Parses the output of yt-dlp.
 *
 * @param value result of `JSON.parse`
 * @throws OxbowError `page-failed` if it is not an object
 */
export function parsePageMetadata(value: unknown): PageMetadata {
  const fields = videoOf(value);
  if (!fields) throw new OxbowError('page-failed', 'The output of yt-dlp is invalid.');
  const listed = Array.isArray(fields.formats) ? fields.formats : [];
  // A page with one format may list its fields next to the title.
  const raw = (listed.length > 0 ? listed : [fields]).filter(isFields).slice(-MAX_FORMATS);
  const open = raw.filter((format) => format.has_drm !== true);
  const formats = open.flatMap((format) => readFormat(format, fields) ?? []);
  const pictures = open.filter(isMedia);
  return {
    title: textOf(fields.title, MAX_TITLE) || textOf(fields.fulltitle, MAX_TITLE),
    thumbnail: urlOf(fields.thumbnail)?.href,
    durationS: numberOf(fields.duration, 0.001, 1e7),
    live: fields.is_live === true || fields.live_status === 'is_live',
    beginsS: fields.live_status === 'is_upcoming' ? numberOf(fields.release_timestamp, 1, 1e11) : undefined,
    formats,
    protectedFormats: raw.length - open.length,
    foreignFormats: pictures.length - formats.length,
    selected: selectedOf(fields),
  };
}

/** The video; of a playlist the first. */
function videoOf(value: unknown): Fields | undefined {
  if (!isFields(value)) return undefined;
  if (value._type !== 'playlist' && value._type !== 'multi_video') return value;
  return Array.isArray(value.entries) ? value.entries.find(isFields) : undefined;
}

/** Storyboards are formats too. */
function isMedia(format: Fields): boolean {
  return typeof format.url === 'string' && format.protocol !== 'mhtml' && format.ext !== 'mhtml';
}

function readFormat(format: Fields, page: Fields): PageFormat | undefined {
  const url = urlOf(format.url);
  const protocol = protocolOf(format, url);
  if (!url || !protocol) return undefined;
  const [video, audio] = [format.vcodec, format.acodec].map((codec) => textOf(codec, 100));
  const kilobits = numberOf(format.tbr, 0.001, 1e7) ?? numberOf(format.vbr, 0.001, 1e7);
  return {
    id: textOf(format.format_id, 100),
    protocol,
    url,
    manifestUrl: protocol === 'hls' ? urlOf(format.manifest_url) : undefined,
    extension: textOf(format.ext, 20).toLowerCase(),
    hasVideo: video === '' ? undefined : video !== 'none',
    hasAudio: audio === '' ? undefined : audio !== 'none',
    codecs: [video, audio].filter((codec) => codec !== '' && codec !== 'none').join(','),
    width: numberOf(format.width, 1, 65_536),
    height: numberOf(format.height, 1, 65_536),
    frameRate: numberOf(format.fps, 0.001, 1000),
    bandwidth: kilobits === undefined ? undefined : Math.round(kilobits * 1000),
    headers: readHeaders(format.http_headers ?? page.http_headers),
    cookies: textOf(format.cookies ?? page.cookies, 2 * MAX_HEADER),
  };
}

function protocolOf({ protocol }: Fields, url: URL | undefined): PageFormat['protocol'] | undefined {
  if (protocol === 'm3u8' || protocol === 'm3u8_native') return 'hls';
  if (protocol === 'http' || protocol === 'https') return 'file';
  if (protocol !== undefined && protocol !== null) return undefined;
  return url && /\.m3u8$/i.test(url.pathname) ? 'hls' : 'file';
}

function readHeaders(value: unknown): Record<string, string> {
  if (!isFields(value)) return {};
  const fields: Record<string, string> = {};
  for (const [name, content] of Object.entries(value).slice(0, MAX_HEADERS)) {
    if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$/.test(name) || RESERVED_HEADERS.test(name)) continue;
    if (typeof content !== 'string' || content.length > MAX_HEADER || !/^[\t\x20-\x7e\x80-\xff]*$/.test(content))
      continue;
    fields[name.toLowerCase()] = content;
  }
  return fields;
}

function selectedOf({ requested_formats: parts, format_id: id }: Fields): string[] {
  const ids = Array.isArray(parts) ? parts.filter(isFields).map((part) => part.format_id) : [id];
  return ids.map((each) => textOf(each, 100)).filter((each) => each !== '');
}
