/**
 * Closed captions of a video in the Multivariant Playlist and in the DASH manifest.
 * In: caption services. Out: EXT-X-MEDIA and Accessibility. Pure. RFC 8216bis 4.4.6.1 and 4.4.6.2; SCTE
 * 214-1, 7.
 */
import type { CaptionChannel } from '@oxbow/media/captions/caption-channel';
import type { Track } from '@oxbow/media/frame';
import type { Rendition as ListedRendition, Variant } from '@oxbow/media/m3u8/playlist';
import { element } from './xml.ts';

/** GROUP-ID of the captions. */
const CAPTION_GROUP = 'cc';
/** ISO 639-2/B, which the descriptors need, by ISO 639-1. */
const THREE_LETTERS: Readonly<Record<string, string>> = {
  ar: 'ara',
  da: 'dan',
  de: 'ger',
  en: 'eng',
  es: 'spa',
  fi: 'fin',
  fr: 'fre',
  it: 'ita',
  ja: 'jpn',
  ko: 'kor',
  nl: 'dut',
  no: 'nor',
  pl: 'pol',
  pt: 'por',
  ru: 'rus',
  sv: 'swe',
  tl: 'tgl',
  vi: 'vie',
  zh: 'chi',
};

/** Renditions of the captions: each is within the video, so it has no URI. */
export function listCaptions(captions: readonly CaptionChannel[] = []): ListedRendition[] {
  const names = new Set<string>();
  return captions.map(({ service, language, name }) => {
    const unique = names.has(name) ? `${name} (${service})` : name;
    names.add(unique);
    return {
      type: 'CLOSED-CAPTIONS',
      groupId: CAPTION_GROUP,
      name: unique,
      ...(language !== 'und' && { language }),
      default: false,
      autoselect: true,
      instreamId: service,
    };
  });
}

/**
 * CLOSED-CAPTIONS of a variant. NONE has to be that of every variant, so it is left out where anything is not
 * known.
 *
 * @param tracks of the variant
 */
export function captionsOfVariant(
  tracks: readonly Track[],
  captions: readonly CaptionChannel[] | undefined,
): Pick<Variant, 'closedCaptions'> {
  if (!captions) return {};
  if (captions.length === 0) return { closedCaptions: 'NONE' };
  return tracks.some(carriesCaptions) ? { closedCaptions: CAPTION_GROUP } : {};
}

/** The descriptors of a video's AdaptationSet. */
export function captionAccessibility(track: Track, captions: readonly CaptionChannel[] = []): string[] {
  if (!carriesCaptions(track)) return [];
  const languageOf = ({ language }: CaptionChannel) => THREE_LETTERS[language.split('-')[0]!.toLowerCase()] ?? language;
  const older = captions.filter(({ service }) => service.startsWith('CC'));
  const newer = captions.filter(({ service }) => service.startsWith('SERVICE'));
  return [
    ...describe(
      '608',
      older.map((channel) => `${channel.service}=${languageOf(channel)}`),
    ),
    ...describe(
      '708',
      newer.map((channel) => `${channel.service.slice('SERVICE'.length)}=lang:${languageOf(channel)}`),
    ),
  ];
}

function describe(standard: string, values: readonly string[]): string[] {
  if (values.length === 0) return [];
  return [element('Accessibility', { schemeIdUri: `urn:scte:dash:cc:cea-${standard}:2015`, value: values.join(';') })];
}

function carriesCaptions({ config }: Track): boolean {
  return config.codec === 'h264' || config.codec === 'hevc';
}
