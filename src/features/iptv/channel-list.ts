/**
 * Prints the channel list of IPTV players: an M3U playlist with the attributes for guide and catch-up.
 * In: channels, the form of catch-up. Out: text. Pure. docs/4-watch/iptv.md has the table of forms and
 * players.
 */
import { printMediaAddress } from '../../api/media-address.ts';

/** How a player is to form the address of a catch-up; `off`: none is offered. */
export const catchUpModes = ['append', 'default', 'shift', 'flussonic', 'off'] as const;
/** See `catchUpModes`. */
export type CatchUpMode = (typeof catchUpModes)[number];
/** Renditions that a list can have: MPEG-TS, or low-latency HLS with fragmented MP4. */
export const listFormats = ['ts', 'hls'] as const;
/** See `listFormats`. */
type ListFormat = (typeof listFormats)[number];

export interface Channel {
  /** Name of the stream. */
  readonly name: string;
  readonly title: string;
  /** Before every path of the stream: the server's origin, with the playback token where there is one. */
  readonly base: string;
  /** Absolute address of a picture; undefined for none. */
  readonly logo: string | undefined;
  readonly isRadio: boolean;
  /** Days that are recorded, 1 or more; undefined: nothing. */
  readonly days: number | undefined;
  readonly format: ListFormat;
}

/**
 * Prints the list.
 *
 * @param guide absolute address of the programme guide
 */
export function printChannelList(channels: readonly Channel[], guide: string, mode: CatchUpMode): string {
  const lines = [`#EXTM3U ${attributes({ 'url-tvg': guide, 'x-tvg-url': guide })}`];
  for (const channel of channels) {
    const { name, title, base, logo, isRadio, format } = channel;
    const attributeList = attributes({
      'tvg-id': name,
      'tvg-logo': logo,
      'group-title': 'oxbow',
      ...(isRadio && { radio: 'true' }),
      ...catchUpOf(channel, mode),
      // Last: some players search the line for the names of attributes.
      'tvg-name': title,
    });
    const kind = format === 'ts' ? 'ts-index' : 'index';
    lines.push(`#EXTINF:-1 ${attributeList},${plain(title)}`, base + printMediaAddress({ kind, stream: name }));
  }
  return `${lines.join('\n')}\n`;
}

/** Fragmented MP4 has windows, which only a complete address can name. */
function catchUpOf({ name, base, days, format }: Channel, mode: CatchUpMode): Readonly<Record<string, string>> {
  if (days === undefined || mode === 'off') return {};
  const kept = { 'catchup-days': String(days), 'tvg-rec': String(days) };
  if (format === 'hls') {
    return { catchup: 'default', 'catchup-source': `${base}/vod/${name}/{utc}/{duration}/index.m3u8`, ...kept };
  }
  switch (mode) {
    case 'append':
      return { catchup: mode, 'catchup-source': '?utc={utc}&lutc={lutc}&duration={duration}', ...kept };
    case 'default':
      return { catchup: mode, 'catchup-source': `${base}/live/${name}/ts/index-{utc}-{duration}.m3u8`, ...kept };
    case 'shift':
      return { catchup: mode, 'catchup-source': '?utc={utc}&lutc={lutc}', ...kept };
    case 'flussonic':
      return { catchup: mode, ...kept };
  }
}

function attributes(values: Readonly<Record<string, string | undefined>>): string {
  return Object.entries(values)
    .flatMap(([name, value]) => (value === undefined ? [] : [`${name}="${plain(value)}"`]))
    .join(' ');
}

/** Without what ends an attribute or a line: the format has no escapes. */
function plain(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these must not be there
  return text.replaceAll('"', "'").replaceAll(/[\u0000-\u001f\u007f\u0085\u2028\u2029]+/g, ' ');
}
