/**
 * Prints the programme guide of IPTV players, in the format XMLTV.
 * In: channels with their programmes. Out: text. Pure. docs/4-watch/iptv.md.
 */
import { element } from '../../delivery/format/xml.ts';
import type { Programme } from './programmes.ts';

export interface GuideChannel {
  /** `tvg-id` in the channel list. */
  readonly id: string;
  readonly title: string;
  /** Absolute address of a picture; undefined for none. */
  readonly logo: string | undefined;
  readonly programmes: readonly Programme[];
  /** Absolute address of the picture of an instant, ms since 1970; undefined: the stream has no pictures. */
  readonly stillAt: ((ms: number) => string) | undefined;
}

/** Prints the guide. */
export function printXmltv(channels: readonly GuideChannel[]): string {
  const icon = (src: string | undefined) => (src === undefined ? [] : [element('icon', { src })]);
  const heads = channels.map(({ id, title, logo }) =>
    element('channel', { id }, [element('display-name', {}, title), ...icon(logo)]),
  );
  const programmes = channels.flatMap(({ id, programmes: items, stillAt }) =>
    items.map(({ fromMs, toMs, title, description, recordedMs }) =>
      element('programme', { start: printTime(fromMs), stop: printTime(toMs), channel: id }, [
        element('title', {}, title),
        ...(description === '' ? [] : [element('desc', {}, description)]),
        ...icon(recordedMs === undefined ? undefined : stillAt?.(recordedMs)),
      ]),
    ),
  );
  const tv = element('tv', { 'generator-info-name': 'oxbow' }, [...heads, ...programmes]);
  return `<?xml version="1.0" encoding="UTF-8"?>\n${tv}\n`;
}

/** A time of XMLTV: `YYYYMMDDhhmmss +0000`. */
function printTime(ms: number): string {
  return `${new Date(ms).toISOString().replaceAll(/\D/g, '').slice(0, 14)} +0000`;
}
