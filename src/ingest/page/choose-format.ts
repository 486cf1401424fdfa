/**
 * Chooses the format of a page to pull: a Multivariant Playlist if there is one, otherwise one format with
 * video and audio.
 * In: metadata of the page, the requested quality. Out: a URL, or an error with the reason.
 */
import type { SourceQuality } from '../../api/source-facts.ts';
import { OxbowError } from '../../lib/errors.ts';
import { qualityName, type RequestedQuality } from '../../lib/quality.ts';
import type { PageFormat, PageMetadata } from './page-metadata.ts';

/** Extensions that the MP4 pull supports. */
const MP4 = /^(mp4|m4v|mov|m4a)$/;

/** The result of the choice. */
export interface PageChoice {
  readonly kind: 'hls' | 'mp4';
  readonly url: URL;
  /** The format, whose headers and cookies are sent. */
  readonly format: PageFormat;
  /** All qualities on offer, best first. */
  readonly qualities: readonly SourceQuality[];
  /** Name of the chosen quality; undefined for a Multivariant Playlist, whose pull chooses. */
  readonly chosen: string | undefined;
}

/**
 * @param filtered consider only formats that the expression of the settings selected
 * @throws OxbowError `page-failed` if the page has no video, `unsupported-media` if it has none that oxbow
 *   supports
 */
export function chooseFormat(page: PageMetadata, quality: RequestedQuality, filtered: boolean): PageChoice {
  const formats = filtered
    ? page.selected.flatMap((id) => page.formats.filter((format) => format.id === id))
    : page.formats;
  const master = filtered ? undefined : masterOf(formats);
  if (master?.manifestUrl) {
    return { kind: 'hls', url: master.manifestUrl, format: master, qualities: qualitiesOf(formats), chosen: undefined };
  }
  const ranked = rank(formats.filter(isMuxed));
  const format = select(ranked, quality);
  if (!format) throw noneOf(page, formats);
  const kind = format.protocol === 'hls' ? 'hls' : 'mp4';
  return { kind, url: format.url, format, qualities: qualitiesOf(ranked), chosen: nameOf(format) };
}

/**
 * A format of the Multivariant Playlist with the best and most formats; of equal ones (redundant servers) the
 * first.
 */
function masterOf(formats: readonly PageFormat[]): PageFormat | undefined {
  const groups = Map.groupBy(
    formats.filter(({ manifestUrl }) => manifestUrl !== undefined),
    ({ manifestUrl }) => manifestUrl!.href,
  );
  // A playlist without video in any format contains audio for another playlist.
  const withVideo = [...groups.values()].filter((group) => group.some(({ hasVideo }) => hasVideo !== false));
  const withAudio = withVideo.filter((group) => group.some(({ hasAudio }) => hasAudio !== false));
  // A silent page has no sound elsewhere.
  const isSilent = formats.every(({ hasAudio }) => hasAudio === false);
  return (isSilent ? withVideo : withAudio)
    .sort((a, b) => heightOf(b) - heightOf(a) || b.length - a.length)[0]
    ?.find((format) => format.hasVideo !== false);
}

const heightOf = (group: readonly PageFormat[]): number => Math.max(...group.map(({ height }) => height ?? 0));

/** Whether a format has both video and audio, as far as known, in a supported container. */
function isMuxed({ protocol, extension, hasVideo, hasAudio }: PageFormat): boolean {
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

function select(ranked: readonly PageFormat[], quality: RequestedQuality): PageFormat | undefined {
  switch (quality.kind) {
    case 'best':
      return ranked[0];
    case 'worst':
      return ranked.at(-1);
    case 'bitrate':
      return ranked.find(({ bandwidth }) => (bandwidth ?? 0) <= quality.bitrate) ?? ranked.at(-1);
    default: {
      const { height, frameRate = Number.POSITIVE_INFINITY } = quality;
      const low = ranked.filter((format) => (format.height ?? 0) <= height);
      const fit = low.find((format) => format.height === low[0]!.height && (format.frameRate ?? 0) <= frameRate + 0.5);
      return fit ?? low[0] ?? ranked.at(-1);
    }
  }
}

function nameOf({ height, frameRate, bandwidth, id }: PageFormat): string {
  return qualityName({ height, frameRate, bandwidth }) || id;
}

/** One quality per name: the best format of that name. */
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

function noneOf(page: PageMetadata, formats: readonly PageFormat[]): OxbowError {
  const { protectedFormats, foreignFormats } = page;
  if (page.beginsS !== undefined) {
    const at = new Date(page.beginsS * 1000).toISOString().replace('T', ' ').slice(0, 16);
    return new OxbowError('page-failed', `The stream has not started; it is announced for ${at} UTC.`, {
      extra: { retryable: true },
    });
  }
  const hasPicture = formats.some(({ hasVideo, hasAudio }) => hasVideo !== false && hasAudio === false);
  const hasSound = formats.some(({ hasVideo, hasAudio }) => hasVideo === false && hasAudio !== false);
  const why =
    formats.length > 0 && hasPicture && hasSound
      ? 'The page offers video and audio only as separate downloads; oxbow needs them in one file or one HLS playlist.'
      : formats.length > 0
        ? 'The page offers no supported format (oxbow supports HLS and MP4 with video and audio).'
        : protectedFormats > 0
          ? 'The video of the page is protected by DRM.'
          : foreignFormats > 0
            ? 'The page offers its video only in unsupported formats such as DASH.'
            : undefined;
  if (why === undefined) return new OxbowError('page-failed', 'The page has no video.');
  return new OxbowError('unsupported-media', why, {
    extra: { hint: 'Try another address of the same stream; `yt-dlp -F URL` lists what the page offers.' },
  });
}
