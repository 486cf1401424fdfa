/**
 * How IPTV players read a channel list and form addresses of the past, as Kodi's pvr.iptvsimple 20.6
 * documents and does it; TiviMate and others know the same modes.
 * In: a channel list, a programme. Out: channels, addresses. For tests.
 */

export interface PlayerChannel {
  readonly name: string;
  readonly address: string;
  /** The value of an attribute; '' if there is none. */
  readonly value: (attribute: string) => string;
}

/** Reads a list: the attributes of a channel are where their names occur first in its line. */
export function readChannels(text: string): { readonly guide: string; readonly channels: readonly PlayerChannel[] } {
  const [head = '', ...lines] = text.trim().split('\n');
  const valueIn = (line: string) => (attribute: string) => {
    const at = line.indexOf(`${attribute}="`);
    return at < 0 ? '' : line.slice(at + attribute.length + 2).split('"', 1)[0]!;
  };
  const channels = lines.flatMap((line, i) => {
    if (!line.startsWith('#EXTINF:')) return [];
    const name = line.slice(line.indexOf(',', line.lastIndexOf('"')) + 1);
    return [{ name, address: lines[i + 1]!, value: valueIn(line) }];
  });
  return { guide: valueIn(head)('x-tvg-url'), channels };
}

/** A programme that a player plays, unix seconds. */
export interface PlayedProgramme {
  readonly startS: number;
  readonly endS: number;
  readonly nowS: number;
}

/** The address of a programme of the past; undefined: the channel has no past. */
export function catchUpAddress(channel: PlayerChannel, programme: PlayedProgramme): string | undefined {
  const { address, value } = channel;
  const join = address.includes('?') ? '&' : '?';
  switch (value('catchup')) {
    case 'append':
      return fill(address + value('catchup-source'), programme);
    case 'default':
      return fill(value('catchup-source'), programme);
    case 'shift':
      return fill(`${address}${join}utc={utc}&lutc={lutc}`, programme);
    case 'flussonic':
      return fill(address.replace(/\/index\.m3u8$/, '/timeshift_rel-{offset:1}.m3u8'), programme);
    default:
      return undefined;
  }
}

/** A programme that is on is requested until now. */
function fill(form: string, { startS, endS, nowS }: PlayedProgramme): string {
  const duration = Math.min(endS, nowS) - startS;
  const values: Readonly<Record<string, number>> = {
    '${start}': startS,
    '{utc}': startS,
    '${end}': startS + duration,
    '{utcend}': startS + duration,
    '${timestamp}': nowS,
    '${now}': nowS,
    '{lutc}': nowS,
    '${duration}': duration,
    '{duration}': duration,
    '{offset:1}': nowS - startS,
  };
  return Object.entries(values).reduce((text, [name, number]) => text.replace(name, String(number)), form);
}
