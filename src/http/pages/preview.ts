/**
 * Link previews of watch pages and clips, for messengers and search results: title, description and still of
 * the instant.
 * In: a stream, the instant or range in the address; a clip. Out: tags for the page's head. Pure.
 * The Open Graph protocol; Twitter summary cards.
 */
import { type ClipAddress, clipPage, printClipAddress } from '../../api/clips/clip-address.ts';
import type { ClipFacts } from '../../api/clips/clips-api.ts';
import { printMediaAddress } from '../../api/media-address.ts';
import type { StreamView } from '../../api/shapes.ts';
import { printSignedPath } from '../../api/signed-path.ts';

/** An image of a link preview. */
interface PreviewImage {
  readonly url: string;
  readonly alt: string;
  /** Pixels; unknown for an uploaded picture. */
  readonly width?: number;
  readonly height?: number;
}

/** Content of a page's head. Plain text; absolute URLs. */
export interface Preview {
  readonly title: string;
  readonly description: string;
  /** URL of the page; undefined if the server's address is not known. */
  readonly url?: string | undefined;
  readonly image?: PreviewImage | undefined;
  /** The embeddable player, or a file. */
  readonly player?:
    | {
        readonly url: string;
        readonly type: 'text/html' | 'video/mp4';
        readonly width: number;
        readonly height: number;
      }
    | undefined;
}

/** Instant and range in the address of a watch page, ms since 1970. */
export interface PreviewTime {
  readonly atMs: number | null;
  readonly span: { readonly fromMs: number; readonly toMs: number } | null;
}

/** Widest still, and width of the framed player, pixels; see delivery/stills. */
const STILL_WIDTH = 640;
/** Stills are requested on a grid, so that clients share them, ms. */
const GRID_MS = 5_000;
/** Age at which the newest still is certainly available, ms. */
const STILL_AGE_MS = 6_000;

/**
 * The preview of a stream at an instant.
 *
 * @param base origin of this server; undefined: the preview has no URLs
 * @param nowMs ms since 1970
 * @param token playback token of the address: the URLs in the preview need it too
 */
export function previewOf(
  stream: StreamView,
  time: PreviewTime,
  base: string | undefined,
  nowMs: number,
  token?: string,
): Preview {
  const { name } = stream;
  const label = stream.title || name;
  const kept = (ms: number) => {
    const { from, to } = stream.recorded;
    if (from === null || to === null) return false;
    const endMs = stream.state === 'live' ? nowMs : Date.parse(to);
    return ms >= Date.parse(from) - GRID_MS && ms <= endMs;
  };
  const span = time.span && kept(time.span.fromMs) ? time.span : null;
  const atMs = span ? span.fromMs : time.atMs !== null && kept(time.atMs) ? time.atMs : null;
  const sizes = sizesOf(stream);
  const parameters = [
    ...(span ? [`from=${Math.floor(span.fromMs / 1000)}`, `to=${Math.ceil(span.toMs / 1000)}`] : []),
    ...(!span && atMs !== null ? [`t=${Math.floor(atMs / 1000)}`] : []),
    ...(token === undefined ? [] : [`token=${token}`]),
  ];
  const query = parameters.length === 0 ? '' : `?${parameters.join('&')}`;
  const stillMs = atMs ?? newestStill(stream, nowMs);
  const at = String(Math.floor((stillMs ?? 0) / 1000));
  const still = printMediaAddress({ kind: 'still', stream: name, at });
  const shown = (path: string) => base + (token === undefined ? path : printSignedPath(token, path));
  // The uploaded picture is used when there is no still, or when the stream is off and the link names no
  // instant.
  const picture = atMs === null && (stillMs === null || stream.state !== 'live') ? stream.picture : null;
  const words = span ? spanWords(span) : atMs !== null ? momentWords(atMs) : nowWords(stream);
  return {
    title: words.moment === '' ? label : `${label} · ${words.moment}`,
    description: [words.sentence, stream.description].filter((part) => part !== '').join(' '),
    ...(base !== undefined && {
      url: `${base}/watch/${name}${query}`,
      player: { url: `${base}/embed/${name}${query}`, type: 'text/html', ...sizes.player },
      ...(picture !== null
        ? { image: { url: shown(picture), alt: label } }
        : stillMs !== null && { image: { url: shown(still), ...sizes.still, alt: altOf(label, atMs) } }),
    }),
  };
}

/**
 * The preview of a clip's page: its file, and a picture of its start.
 *
 * @param stream undefined if it is not known
 * @param base as of `previewOf`
 * @param token playback token of the address, which the media needs too
 */
export function previewOfClip(
  id: string,
  clip: Pick<ClipFacts, 'title' | 'stream' | 'fromMs' | 'toMs'>,
  stream: StreamView | undefined,
  base: string | undefined,
  token?: string,
): Preview {
  const label = stream?.title || clip.stream;
  const title = clip.title || label;
  const { sentence } = spanWords(clip);
  const sizes = sizesOf(stream);
  const address = (kind: ClipAddress['kind']) => {
    const path = printClipAddress({ kind, stream: undefined, clip: id });
    return base + (token === undefined ? path : printSignedPath(token, path));
  };
  return {
    title,
    description: clip.title ? `${label} · ${sentence}` : sentence,
    ...(base !== undefined && {
      url: `${base}${clipPage(id)}${token === undefined ? '' : `?token=${token}`}`,
      ...(!isSoundOnly(stream) && { image: { url: address('clip-preview'), ...sizes.still, alt: title } }),
      player: { url: address('clip-file'), type: 'video/mp4', ...sizes.player },
    }),
  };
}

/** The preview of pages that show no stream. */
export function previewOfSite(base: string | undefined): Preview {
  const description = 'Live video that remembers.';
  if (base === undefined) return { title: 'oxbow', description };
  return {
    title: 'oxbow',
    description,
    url: `${base}/`,
    image: { url: `${base}/icon-512.png`, width: 512, height: 512, alt: 'oxbow' },
  };
}

/** The tags of a preview, one per line. */
export function printPreview({ title, description, url, image, player }: Preview): string {
  const card = image?.width !== undefined && image.width > image.height! ? 'summary_large_image' : 'summary';
  const rows: [attribute: 'name' | 'property', key: string, value: string | number | undefined][] = [
    ['name', 'description', description],
    ['property', 'og:site_name', 'oxbow'],
    ['property', 'og:type', player ? 'video.other' : 'website'],
    ['property', 'og:title', title],
    ['property', 'og:description', description],
    ['property', 'og:url', url],
    ['property', 'og:image', image?.url],
    ['property', 'og:image:width', image?.width],
    ['property', 'og:image:height', image?.height],
    ['property', 'og:image:alt', image?.alt],
    ['property', 'og:video', player?.url],
    ['property', 'og:video:secure_url', player?.url.startsWith('https:') ? player.url : undefined],
    ['property', 'og:video:type', player?.type],
    ['property', 'og:video:width', player?.width],
    ['property', 'og:video:height', player?.height],
    ['name', 'twitter:card', card],
    ['name', 'twitter:title', title],
    ['name', 'twitter:description', description],
    ['name', 'twitter:image', image?.url],
    ['name', 'twitter:image:alt', image?.alt],
  ];
  const tags = rows
    .filter(([, , value]) => value !== undefined)
    .map(([attribute, key, value]) => `<meta ${attribute}="${key}" content="${escapeHtml(String(value))}" />`);
  return [`<title>${escapeHtml(title === 'oxbow' ? title : `${title} · oxbow`)}</title>`, ...tags].join('\n    ');
}

/**
 * Replaces title and description of a page with the preview.
 *
 * @param html a built page, with one `<title>`
 */
export function insertPreview(html: string, preview: Preview): string {
  return html
    .replace(/[ \t]*<meta name="description"[^>]*>\n?/, '')
    .replace(/<title>[^<]*<\/title>/, () => printPreview(preview));
}

/** Escapes text for an element or a quoted attribute. */
function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** Sizes of still and player, with the aspect ratio of the video. */
function sizesOf(stream: Pick<StreamView, 'tracks'> | undefined) {
  const video = stream?.tracks.find(({ kind, width, height }) => kind === 'video' && width && height);
  const shape = video ? video.height! / video.width! : 9 / 16;
  const still = Math.min(STILL_WIDTH, video?.width ?? STILL_WIDTH);
  const heightOf = (width: number) => Math.round((width * shape) / 2) * 2;
  return {
    still: { width: still, height: heightOf(still) },
    player: { width: STILL_WIDTH, height: heightOf(STILL_WIDTH) },
  };
}

/** The stream has no pictures, as far as is known. */
function isSoundOnly(stream: Pick<StreamView, 'tracks'> | undefined): boolean {
  return stream !== undefined && stream.tracks.length > 0 && !stream.tracks.some(({ kind }) => kind === 'video');
}

/** The newest instant with a still; null if nothing is recorded. */
function newestStill(stream: StreamView, nowMs: number): number | null {
  const { from, to } = stream.recorded;
  if (from === null || to === null) return null;
  const endMs = stream.state === 'live' ? nowMs : Date.parse(to);
  return Math.max(Date.parse(from), Math.floor((endMs - STILL_AGE_MS) / GRID_MS) * GRID_MS);
}

interface Words {
  readonly moment: string;
  readonly sentence: string;
}

function nowWords({ state, recorded }: StreamView): Words {
  const back = recorded.seconds >= 60 ? ` ${lengthText(recorded.seconds)} recorded.` : '';
  if (state === 'live') return { moment: 'live', sentence: `Live now.${back}` };
  return { moment: '', sentence: `Not live at the moment.${back}` };
}

function momentWords(atMs: number): Words {
  const [day, time] = utc(atMs);
  return { moment: `${day} ${time} UTC`, sentence: `Recorded on ${day} at ${time} UTC. Opens at that moment.` };
}

function spanWords({ fromMs, toMs }: { fromMs: number; toMs: number }): Words {
  const [day, time] = utc(fromMs);
  const [lastDay, lastTime] = utc(toMs);
  const end = lastDay === day ? lastTime : `${lastDay} ${lastTime}`;
  const length = lengthText((toMs - fromMs) / 1000);
  return { moment: `${day} ${time}–${end} UTC`, sentence: `${length} recorded on ${day} from ${time} to ${end} UTC.` };
}

function altOf(name: string, atMs: number | null): string {
  return atMs === null ? `The newest picture of ${name}` : `${name} on ${utc(atMs).join(' at ')} UTC`;
}

/** Day and time of day. */
function utc(ms: number): [day: string, time: string] {
  const text = new Date(ms).toISOString();
  return [text.slice(0, 10), text.slice(11, 19)];
}

/** A duration as text, in its two largest units. */
function lengthText(seconds: number): string {
  const whole = Math.round(seconds);
  const [days, hours, minutes] = [
    Math.floor(whole / 86_400),
    Math.floor(whole / 3600) % 24,
    Math.floor(whole / 60) % 60,
  ];
  if (days > 0) return `${days} d ${hours} h`;
  if (hours > 0) return `${hours} h ${minutes} min`;
  return minutes > 0 ? `${minutes} min ${whole % 60} s` : `${whole} s`;
}
