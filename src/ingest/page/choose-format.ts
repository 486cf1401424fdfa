/**
 * Chooses what to fetch of a page: a Multivariant Playlist above all, else one format with picture and sound together.
 * In: an answer and a wish. Out: an address, or why there is none.
 */
import type { SourceQuality } from '../../api/source-facts.ts';
import { OxbowError } from '../../lib/errors.ts';
import { qualityName, type RequestedQuality } from '../../lib/quality.ts';
import type { PageFormat, PageMetadata } from './page-metadata.ts';

/** Files that the puller of MP4 takes. */
const MP4 = /^(mp4|m4v|mov|m4a)$/;

/** What was chosen. */
export interface PageChoice {
  readonly kind: 'hls' | 'mp4';
  readonly url: URL;
  /** Whose headers and cookies go with it. */
  readonly format: PageFormat;
  /** All that could have been chosen, best first; empty where the playlist will tell. */
  readonly qualities: readonly SourceQuality[];
  /** Name of the chosen one, where the playlist will not tell. */
  readonly chosen: string | undefined;
}

/**
 * @param filtered only formats that the settings' expression selected are taken
 * @throws OxbowError `page-failed` when the page has no video, `unsupported-media` when it has none that oxbow can take
 */
export function chooseFormat(answer: PageMetadata, wish: RequestedQuality, filtered: boolean): PageChoice {
  const formats = filtered
    ? answer.selected.flatMap((id) => answer.formats.filter((format) => format.id === id))
    : answer.formats;
  const master = filtered ? undefined : masterOf(formats);
  if (master?.manifestUrl) {
    return { kind: 'hls', url: master.manifestUrl, format: master, qualities: qualitiesOf(formats), chosen: undefined };
  }
  const ranked = rank(formats.filter(isWhole));
  const format = wanted(ranked, wish);
  if (!format) throw noneOf(answer, formats);
  const kind = format.protocol === 'hls' ? 'hls' : 'mp4';
  return { kind, url: format.url, format, qualities: qualitiesOf(ranked), chosen: nameOf(format) };
}

/** A format of the playlist that lists most: alternate servers list the same, and the first comes first. */
function masterOf(formats: readonly PageFormat[]): PageFormat | undefined {
  const groups = Map.groupBy(
    formats.filter(({ manifestUrl }) => manifestUrl !== undefined),
    ({ manifestUrl }) => manifestUrl!.href,
  );
  // What has no picture in any of its formats is sound to go with another playlist.
  const seen = [...groups.values()].filter((group) => group.some(({ hasVideo }) => hasVideo !== false));
  const heard = seen.filter((group) => group.some(({ hasAudio }) => hasAudio !== false));
  const all = heard.length > 0 ? heard : [];
  return all.sort((a, b) => heightOf(b) - heightOf(a) || b.length - a.length)[0]?.find((one) => one.hasVideo !== false);
}

const heightOf = (group: readonly PageFormat[]): number => Math.max(...group.map(({ height }) => height ?? 0));

/** Picture and sound in one, as far as is said; and a container that oxbow takes. */
function isWhole({ protocol, extension, hasVideo, hasAudio }: PageFormat): boolean {
  if (protocol === 'file' && !MP4.test(extension)) return false;
  return hasVideo !== false && hasAudio !== false;
}

/** Best first: by height, then by bitrate; playlists before files. */
function rank(formats: readonly PageFormat[]): PageFormat[] {
  const order = (a: PageFormat, b: PageFormat) =>
    (b.height ?? 0) - (a.height ?? 0) ||
    (b.bandwidth ?? 0) - (a.bandwidth ?? 0) ||
    Number(b.protocol === 'hls') - Number(a.protocol === 'hls');
  return [...formats].sort(order);
}

function wanted(ranked: readonly PageFormat[], wish: RequestedQuality): PageFormat | undefined {
  switch (wish.kind) {
    case 'best':
      return ranked[0];
    case 'worst':
      return ranked.at(-1);
    case 'bitrate':
      return ranked.find(({ bandwidth }) => (bandwidth ?? 0) <= wish.bitrate) ?? ranked.at(-1);
    default: {
      const { height, frameRate = Number.POSITIVE_INFINITY } = wish;
      const low = ranked.filter((format) => (format.height ?? 0) <= height);
      const fit = low.find((format) => format.height === low[0]!.height && (format.frameRate ?? 0) <= frameRate + 0.5);
      return fit ?? low[0] ?? ranked.at(-1);
    }
  }
}

function nameOf({ height, frameRate, bandwidth, id }: PageFormat): string {
  return qualityName({ height, frameRate, bandwidth }) || id;
}

/** Each name once: it stands for the best format of that name. */
function qualitiesOf(formats: readonly PageFormat[]): SourceQuality[] {
  const named = new Map<string, SourceQuality>();
  for (const format of rank(formats.filter(({ hasVideo }) => hasVideo !== false))) {
    const { width, height, frameRate, bandwidth, codecs } = format;
    const name = nameOf(format);
    if (name === '' || named.has(name)) continue;
    named.set(name, {
      name,
      ...(width !== undefined && { width: Math.round(width) }),
      ...(height !== undefined && { height: Math.round(height) }),
      ...(frameRate !== undefined && { frameRate }),
      ...(bandwidth !== undefined && { bandwidth }),
      ...(codecs !== '' && { codecs }),
    });
  }
  return [...named.values()];
}

function noneOf(answer: PageMetadata, formats: readonly PageFormat[]): OxbowError {
  const { protectedFormats, foreignFormats } = answer;
  if (answer.beginsS !== undefined) {
    const at = new Date(answer.beginsS * 1000).toISOString().replace('T', ' ').slice(0, 16);
    return new OxbowError('page-failed', `the stream has not begun; it is announced for ${at} UTC`, {
      extra: { retryable: true },
    });
  }
  const hasPicture = formats.some(({ hasVideo, hasAudio }) => hasVideo !== false && hasAudio === false);
  const hasSound = formats.some(({ hasVideo, hasAudio }) => hasVideo === false && hasAudio !== false);
  const why =
    formats.length > 0 && hasPicture && hasSound
      ? 'the page offers picture and sound only apart, as two downloads; oxbow takes them together or in one HLS playlist'
      : formats.length > 0
        ? 'the page offers only files that oxbow cannot take (it takes HLS and MP4 with picture and sound)'
        : protectedFormats > 0
          ? 'the page protects its video by DRM'
          : foreignFormats > 0
            ? 'the page offers its video only as DASH or another form that oxbow cannot take'
            : undefined;
  if (why === undefined) return new OxbowError('page-failed', 'there is no video on the page');
  return new OxbowError('unsupported-media', why, {
    extra: { hint: 'Try another address of the same stream; `yt-dlp -F URL` lists what the page offers.' },
  });
}
