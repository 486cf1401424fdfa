/**
 * Session descriptions.
 * In: text. Out: media descriptions with their attributes, and the reverse. Pure. RFC 8866.
 */
import { FormatError } from '../errors.ts';

/** An attribute: `a=name:value`; the value is empty where there is none. */
export type SdpAttribute = readonly [name: string, value: string];

/** One media description, from its `m=` line to the next. */
export interface SdpMedia {
  /** `audio`, `video`, `application`. */
  readonly kind: string;
  readonly port: number;
  /** E.g. `UDP/TLS/RTP/SAVPF` or `RTP/AVP`. */
  readonly protocol: string;
  /** Payload types for RTP, as text. */
  readonly formats: readonly string[];
  /** Address of its `c=` line, or that of the session; undefined without either. */
  readonly address: string | undefined;
  readonly attributes: readonly SdpAttribute[];
}

export interface SessionDescription {
  /** Value of the `s=` line. */
  readonly name: string;
  /** Attributes of the session. */
  readonly attributes: readonly SdpAttribute[];
  readonly media: readonly SdpMedia[];
}

/** Longer descriptions are refused, characters: browsers send about 10,000. */
export const MAX_SDP_LENGTH = 128 * 1024;
const MAX_MEDIA = 64;

/**
 * @throws FormatError if it is no session description, or a line is malformed; the offset is that of the line
 */
export function parseSdp(text: string): SessionDescription {
  if (text.length > MAX_SDP_LENGTH) throw new FormatError(`an SDP of ${text.length} characters is too long`, 0);
  if (!/^\s*v=0\s*?\r?\n/.test(text)) throw new FormatError('an SDP begins with the line "v=0"', 0);
  const session = { name: '', attributes: [] as SdpAttribute[], address: undefined as string | undefined };
  const media: (Pick<SdpMedia, 'kind' | 'port' | 'protocol' | 'formats'> & {
    address: string | undefined;
    attributes: SdpAttribute[];
  })[] = [];
  let offset = 0;
  for (const raw of text.split('\n')) {
    const line = raw.trim();
    const at = offset;
    offset += raw.length + 1;
    if (line === '') continue;
    if (line[1] !== '=') throw new FormatError(`not a line of SDP: ${quote(line)}`, at);
    const value = line.slice(2);
    const current = media.at(-1);
    switch (line[0]) {
      case 's':
        session.name = value;
        break;
      case 'm':
        if (media.length >= MAX_MEDIA) throw new FormatError(`more than ${MAX_MEDIA} media descriptions`, at);
        media.push({ ...parseMediaLine(value, at), address: session.address, attributes: [] });
        break;
      case 'c': {
        const address = value.split(/\s+/)[2]?.split('/')[0];
        if (current) current.address = address;
        else session.address = address;
        break;
      }
      case 'a':
        (current ?? session).attributes.push(parseAttribute(value));
        break;
    }
  }
  return { name: session.name, attributes: session.attributes, media };
}

/**
 * Prints a description. Media without an address get no c= line.
 * @param id number of the session, digits
 */
export function printSdp({ name, attributes, media }: SessionDescription, id: string): string {
  const lines = ['v=0', `o=- ${id} 1 IN IP4 127.0.0.1`, `s=${name}`, 't=0 0', ...attributes.map(printAttribute)];
  for (const { kind, port, protocol, formats, address, attributes: mediaAttributes } of media) {
    lines.push(`m=${kind} ${port} ${protocol} ${formats.join(' ')}`);
    if (address !== undefined) lines.push(`c=IN IP${address.includes(':') ? 6 : 4} ${address}`);
    lines.push(...mediaAttributes.map(printAttribute));
  }
  return `${lines.join('\r\n')}\r\n`;
}

/** The first value of an attribute; undefined if it is absent. */
export function attributeOf(attributes: readonly SdpAttribute[], name: string): string | undefined {
  return attributes.find(([each]) => each === name)?.[1];
}

/** All values of an attribute. */
export function attributesOf(attributes: readonly SdpAttribute[], name: string): string[] {
  return attributes.filter(([each]) => each === name).map(([, value]) => value);
}

function parseMediaLine(value: string, at: number): Pick<SdpMedia, 'kind' | 'port' | 'protocol' | 'formats'> {
  const [kind = '', port = '', protocol = '', ...formats] = value.split(/\s+/);
  const number = Number.parseInt(port, 10);
  if (!/^\d+(\/\d+)?$/.test(port) || number > 65_535 || protocol === '') {
    throw new FormatError(`not a media description: ${quote(value)}`, at);
  }
  return { kind, port: number, protocol, formats };
}

function parseAttribute(value: string): SdpAttribute {
  const colon = value.indexOf(':');
  return colon < 0 ? [value, ''] : [value.slice(0, colon), value.slice(colon + 1)];
}

function printAttribute([name, value]: SdpAttribute): string {
  return value === '' ? `a=${name}` : `a=${name}:${value}`;
}

function quote(text: string): string {
  return `"${text.slice(0, 60)}"`;
}
