/**
 * The RTP payload formats of a media description.
 * In: a parsed media description. Out: encoding, clock rate and parameters of each payload type. Pure.
 * RFC 8866 6.6 and 6.15, RFC 3551 6.
 */
import { attributesOf, type SdpMedia } from './sdp.ts';

/** The meaning of a payload type. */
export interface RtpFormat {
  readonly payloadType: number;
  /** As registered, in upper case: `H264`, `OPUS`, `MPEG4-GENERIC`. */
  readonly encoding: string;
  /** Ticks per second of RTP timestamps. */
  readonly clockRate: number;
  /** Of audio; 1 where it is not said. */
  readonly channels: number;
  /** Of `a=fmtp`; names in lower case, a parameter without value is empty. */
  readonly parameters: ReadonlyMap<string, string>;
  /** Of `a=rtcp-fb`, e.g. `nack`, `nack pli`, `transport-cc`. */
  readonly feedback: readonly string[];
}

/** Payload types without `a=rtpmap`, RFC 3551 6. */
const STATIC: Readonly<Record<number, readonly [encoding: string, clockRate: number, channels?: number]>> = {
  0: ['PCMU', 8000],
  3: ['GSM', 8000],
  8: ['PCMA', 8000],
  9: ['G722', 8000],
  10: ['L16', 44_100, 2],
  11: ['L16', 44_100],
  14: ['MPA', 90_000],
  26: ['JPEG', 90_000],
  32: ['MPV', 90_000],
  33: ['MP2T', 90_000],
};

/**
 * The formats of a media description, by the preference of its author; unknown payload types are left out.
 */
export function rtpFormatsOf({ formats, attributes }: SdpMedia): RtpFormat[] {
  const maps = byPayloadType(attributesOf(attributes, 'rtpmap'));
  const parameters = byPayloadType(attributesOf(attributes, 'fmtp'));
  const feedback = attributesOf(attributes, 'rtcp-fb').map((value) => cut(value));
  return formats.flatMap((text): RtpFormat[] => {
    const payloadType = Number(text);
    if (!Number.isInteger(payloadType) || payloadType < 0 || payloadType > 127) return [];
    const map = maps.get(text);
    const [encoding = '', rate, channels = 1] = map === undefined ? (STATIC[payloadType] ?? []) : parseMap(map);
    if (encoding === '' || !rate) return [];
    return [
      {
        payloadType,
        encoding: encoding.toUpperCase(),
        clockRate: rate,
        channels,
        parameters: parseParameters(parameters.get(text) ?? ''),
        feedback: feedback.filter(([type]) => type === text || type === '*').map(([, value]) => value),
      },
    ];
  });
}

/** Parameters as in `a=fmtp`. */
export function printParameters(parameters: ReadonlyMap<string, string>): string {
  return Array.from(parameters, ([name, value]) => (value === '' ? name : `${name}=${value}`)).join(';');
}

function parseMap(map: string): [encoding: string, clockRate: number, channels: number] {
  const [encoding = '', rate = '', channels = '1'] = map.split('/');
  return [encoding, Number.parseInt(rate, 10) || 0, Number.parseInt(channels, 10) || 1];
}

function parseParameters(text: string): Map<string, string> {
  const parameters = new Map<string, string>();
  for (const part of text.split(';')) {
    const mark = part.indexOf('=');
    const name = (mark < 0 ? part : part.slice(0, mark)).trim().toLowerCase();
    if (name !== '') parameters.set(name, mark < 0 ? '' : part.slice(mark + 1).trim());
  }
  return parameters;
}

function byPayloadType(values: readonly string[]): Map<string, string> {
  return new Map(values.map(cut));
}

function cut(value: string): [first: string, rest: string] {
  const space = value.indexOf(' ');
  return space < 0 ? [value, ''] : [value.slice(0, space), value.slice(space + 1).trim()];
}
