/**
 * Content Protection Information Exchange: the document by which packagers and key servers exchange keys.
 * In: the text of a response, or a key id and its time. Out: keys and the data of DRM systems, or the text of
 * a request. Pure. DASH-IF CPIX 2.3, 5; keys in the clear only (RFC 6030, PlainValue).
 */
import { parseBase64 } from '../base64.ts';
import { bytesOfUuid, SYSTEM, uuidOf } from '../cenc/protection.ts';
import { FormatError } from '../errors.ts';
import { type MpdElement, parseXml } from '../mpd/elements.ts';
import { escapeXml, unescapeXml } from '../xml-text.ts';

/** Longest document, characters. */
export const MAX_CPIX = 1024 * 1024;
/** Keys and systems of a document. */
const MAX_ENTRIES = 256;
const KEY_BYTES = 16;

/** A content key of a document. */
export interface CpixKey {
  /** 16 bytes. */
  readonly kid: Uint8Array;
  /** 16 bytes; undefined where the document has only the id. */
  readonly key: Uint8Array | undefined;
  /** 16 bytes: explicitIV. */
  readonly iv: Uint8Array | undefined;
  /** commonEncryptionScheme, e.g. `cbcs`. */
  readonly scheme: string | undefined;
}

/** What a DRM system needs for one key. */
export interface CpixSystem {
  readonly kid: Uint8Array;
  /** SystemID as a UUID, lower case. */
  readonly system: string;
  /** A complete `pssh` box. */
  readonly pssh: Uint8Array | undefined;
  /** Elements for a ContentProtection of DASH, XML. */
  readonly contentProtection: string | undefined;
  /** URI of an EXT-X-KEY. */
  readonly uri: string | undefined;
  /** Lines of a Media Playlist, EXT-X-KEY among them. */
  readonly mediaPlaylist: string | undefined;
  /** Lines of a Multivariant Playlist, EXT-X-SESSION-KEY among them. */
  readonly multivariantPlaylist: string | undefined;
}

/** The content of a document. */
export interface Cpix {
  readonly contentId: string | undefined;
  readonly keys: readonly CpixKey[];
  readonly systems: readonly CpixSystem[];
}

/**
 * Reads a document.
 *
 * @throws FormatError if it is not CPIX or malformed, its keys are encrypted, or a bound is passed
 */
export function parseCpix(text: string): Cpix {
  const root = parseXml(text, { what: 'the CPIX document', maxLength: MAX_CPIX });
  if (root?.name !== 'CPIX') throw new FormatError('not a CPIX document: it has no CPIX element', 0);
  return {
    contentId: attributeOf(root, 'contentId') ?? attributeOf(root, 'id'),
    keys: entriesOf(root, 'ContentKeyList', 'ContentKey').map(parseKey),
    systems: entriesOf(root, 'DRMSystemList', 'DRMSystem').map(parseSystem),
  };
}

function entriesOf(root: MpdElement, list: string, name: string): MpdElement[] {
  const entries = childrenOf(root, list).flatMap((element) => childrenOf(element, name));
  if (entries.length > MAX_ENTRIES) throw new FormatError(`the CPIX document has more than ${MAX_ENTRIES} ${name}`, 0);
  return entries;
}

function parseKey(element: MpdElement): CpixKey {
  const secrets = childrenOf(element, 'Data').flatMap((data) => childrenOf(data, 'Secret'));
  const [plain] = secrets.flatMap((secret) => childrenOf(secret, 'PlainValue'));
  if (!plain && secrets.some((secret) => childrenOf(secret, 'EncryptedValue').length > 0)) {
    throw new FormatError('the CPIX document has encrypted keys', element.content.start);
  }
  const iv = attributeOf(element, 'explicitIV');
  return {
    kid: kidOf(element),
    key: plain && keyBytes(textOf(plain), 'PlainValue', plain),
    iv: iv === undefined ? undefined : keyBytes(iv, 'explicitIV', element),
    scheme: attributeOf(element, 'commonEncryptionScheme'),
  };
}

function parseSystem(element: MpdElement): CpixSystem {
  const system = bytesOfUuid(attributeOf(element, 'systemId') ?? '');
  if (!system) throw new FormatError('a DRMSystem of the CPIX document has no systemId', element.content.start);
  const [pssh] = childrenOf(element, 'PSSH');
  const signaling = (playlist: string) =>
    childrenOf(element, 'HLSSignalingData').find((data) => (attributeOf(data, 'playlist') ?? 'media') === playlist);
  return {
    kid: kidOf(element),
    system: uuidOf(system),
    pssh: pssh && base64Of(textOf(pssh), 'PSSH', pssh),
    contentProtection: decodedText(childrenOf(element, 'ContentProtectionData')[0]),
    uri: decodedText(childrenOf(element, 'URIExtXKey')[0]),
    mediaPlaylist: decodedText(signaling('media')),
    multivariantPlaylist: decodedText(signaling('master')),
  };
}

function kidOf(element: MpdElement): Uint8Array {
  const kid = bytesOfUuid(attributeOf(element, 'kid') ?? '');
  if (!kid) throw new FormatError(`a ${element.name} of the CPIX document has no kid`, element.content.start);
  return kid;
}

function childrenOf({ children }: MpdElement, name: string): MpdElement[] {
  return children.filter((child) => child.name === name);
}

function attributeOf({ attributes }: MpdElement, name: string): string | undefined {
  return attributes.find((attribute) => attribute.name === name)?.value;
}

function textOf({ content }: MpdElement): string {
  return unescapeXml(content.text).trim();
}

/** Text in base64, UTF-8. */
function decodedText(element: MpdElement | undefined): string | undefined {
  return element && new TextDecoder().decode(base64Of(textOf(element), element.name, element));
}

function base64Of(text: string, name: string, { content }: MpdElement): Uint8Array {
  const bytes = parseBase64(text);
  if (!bytes) throw new FormatError(`${name} of the CPIX document is not base64`, content.start);
  return bytes;
}

function keyBytes(text: string, name: string, element: MpdElement): Uint8Array {
  const bytes = base64Of(text, name, element);
  if (bytes.length !== KEY_BYTES) {
    throw new FormatError(`${name} of the CPIX document has ${bytes.length} bytes, not 16`, element.content.start);
  }
  return bytes;
}

/** What a request names. */
interface CpixRequest {
  readonly contentId: string;
  /** 16 bytes: the id that the key is to have. */
  readonly kid: Uint8Array;
  /** Number of the period that is encrypted with the key. */
  readonly period: number;
}

/** The systems that a request names: all whose data is passed to players. */
const REQUESTED = [SYSTEM.widevine, SYSTEM.playReady, SYSTEM.fairPlay];

/** Writes a request for the key of one period. */
export function printCpixRequest({ contentId, kid, period }: CpixRequest): string {
  const id = uuidOf(kid);
  const systems = REQUESTED.map(
    (system) =>
      `    <cpix:DRMSystem kid="${id}" systemId="${system}">\n      <cpix:PSSH/>\n      <cpix:ContentProtectionData/>\n` +
      '      <cpix:URIExtXKey/>\n      <cpix:HLSSignalingData playlist="media"/>\n' +
      '      <cpix:HLSSignalingData playlist="master"/>\n    </cpix:DRMSystem>\n',
  ).join('');
  return `<?xml version="1.0" encoding="UTF-8"?>
<cpix:CPIX contentId="${escapeXml(contentId)}" version="2.3" xmlns:cpix="urn:dashif:org:cpix" xmlns:pskc="urn:ietf:params:xml:ns:keyprov:pskc">
  <cpix:ContentKeyList>
    <cpix:ContentKey kid="${id}" commonEncryptionScheme="cbcs"/>
  </cpix:ContentKeyList>
  <cpix:DRMSystemList>
${systems}  </cpix:DRMSystemList>
  <cpix:ContentKeyPeriodList>
    <cpix:ContentKeyPeriod id="period" index="${period}"/>
  </cpix:ContentKeyPeriodList>
  <cpix:ContentKeyUsageRuleList>
    <cpix:ContentKeyUsageRule kid="${id}">
      <cpix:KeyPeriodFilter periodId="period"/>
    </cpix:ContentKeyUsageRule>
  </cpix:ContentKeyUsageRuleList>
</cpix:CPIX>
`;
}
