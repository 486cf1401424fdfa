/**
 * Messages of SOAP 1.2, as cameras speak it.
 * In: XML of a request, or the text of a response. Out: an envelope, or the element in its body. Pure. SOAP
 * 1.2 part 1, 5; WS-Security UsernameToken Profile 1.0, 3.1 (password digest).
 */
import { createHash, randomBytes } from 'node:crypto';
import { FormatError } from '@oxbow/media/errors';
import { type MpdElement, parseXml } from '@oxbow/media/mpd/elements';
import { escapeXml, unescapeXml } from '@oxbow/media/xml-text';

/** Longest response, characters. */
export const MAX_SOAP = 1024 * 1024;
/** Most tags of a response: each becomes an object. */
const MAX_TAGS = 100_000;
const ENVELOPE = 'http://www.w3.org/2003/05/soap-envelope';
const WSS = 'http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss';

/** An element of a response. */
export type SoapElement = MpdElement;

/** A user of a camera, and the present by the camera's clock. */
export interface SoapLogin {
  readonly user: string;
  readonly password: string;
  /** ms since 1970. */
  readonly nowMs: number;
}

/** The camera refused a request. */
export class SoapFault extends Error {
  override readonly name = 'SoapFault';
  /** Local names of the code and its subcodes, such as `Sender NotAuthorized`. */
  readonly code: string;

  constructor(code: string, reason: string) {
    super(reason);
    this.code = code;
  }
}

/**
 * Prints a request.
 *
 * @param body XML of one element with its namespaces
 * @param login undefined: anonymous
 * @param headers XML of further elements of the header, with their namespaces
 */
export function printSoap(body: string, login: SoapLogin | undefined, headers = ''): string {
  const all = (login ? printToken(login, randomBytes(16)) : '') + headers;
  const header = all === '' ? '' : `<s:Header>${all}</s:Header>`;
  return `<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="${ENVELOPE}">${header}<s:Body>${body}</s:Body></s:Envelope>`;
}

/** A UsernameToken with a digest: Base64(SHA-1(nonce + created + password)). @param nonce 16 bytes */
export function printToken({ user, password, nowMs }: SoapLogin, nonce: Uint8Array): string {
  const created = new Date(nowMs).toISOString().replace('.000Z', 'Z');
  const digest = createHash('sha1').update(nonce).update(created).update(password).digest('base64');
  const type = `${WSS}-username-token-profile-1.0#PasswordDigest`;
  const encoding = `${WSS}-soap-message-security-1.0#Base64Binary`;
  return (
    `<w:Security s:mustUnderstand="1" xmlns:w="${WSS}-wssecurity-secext-1.0.xsd" xmlns:u="${WSS}-wssecurity-utility-1.0.xsd">` +
    `<w:UsernameToken><w:Username>${escapeXml(user)}</w:Username><w:Password Type="${type}">${digest}</w:Password>` +
    `<w:Nonce EncodingType="${encoding}">${Buffer.from(nonce).toString('base64')}</w:Nonce>` +
    `<u:Created>${created}</u:Created></w:UsernameToken></w:Security>`
  );
}

/**
 * The element in the body of a response.
 *
 * @throws SoapFault if the camera refused; FormatError if this is no SOAP or passes a bound
 */
export function parseSoap(text: string): SoapElement {
  const body = childOf(parseEnvelope(text, MAX_SOAP), 'Body');
  const [element] = body?.children ?? [];
  if (!element) throw new FormatError('the SOAP message has no body', 0);
  if (element.name === 'Fault') throw faultOf(element);
  return element;
}

/**
 * The envelope of a message. Document types are refused, and entities with them (SOAP 1.2 part 1, 5).
 *
 * @param maxLength longest message, characters
 * @throws FormatError if this is no SOAP or passes a bound
 */
export function parseEnvelope(text: string, maxLength: number): SoapElement {
  const type = text.search(/<!DOCTYPE|<!ENTITY/i);
  if (type >= 0) throw new FormatError('the SOAP message has a document type', type);
  let tags = 0;
  for (let at = text.indexOf('<'); at >= 0 && at < maxLength; at = text.indexOf('<', at + 1)) {
    if (++tags > MAX_TAGS) throw new FormatError(`the SOAP message has more than ${MAX_TAGS} tags`, at);
  }
  const envelope = parseXml(text, { what: 'the SOAP message', maxLength });
  if (envelope?.name !== 'Envelope') throw new FormatError('the SOAP message has no envelope', 0);
  return envelope;
}

/** The value of an attribute, without its namespace prefix; undefined without one. */
export function attributeOf(element: SoapElement | undefined, name: string): string | undefined {
  return element?.attributes.find((each) => each.name.slice(each.name.indexOf(':') + 1) === name)?.value;
}

/** The first child with a name; undefined without one. */
export function childOf(element: SoapElement | undefined, name: string): SoapElement | undefined {
  return element?.children.find((each) => each.name === name);
}

/** Text at a path of names below an element; undefined where a name is missing, or the text is empty. */
export function textAt(element: SoapElement | undefined, ...path: readonly string[]): string | undefined {
  let at = element;
  for (const name of path) at = childOf(at, name);
  const text = at && unescapeXml(at.content.text).trim();
  return text === '' ? undefined : text;
}

function faultOf(fault: SoapElement): SoapFault {
  const codes: string[] = [];
  for (let code = childOf(fault, 'Code'); code && codes.length < 8; code = childOf(code, 'Subcode')) {
    codes.push((textAt(code, 'Value') ?? '').replace(/^.*:/, ''));
  }
  const reason = textAt(fault, 'Reason', 'Text') ?? textAt(fault, 'faultstring') ?? 'it gave no reason';
  return new SoapFault(codes.join(' '), reason.slice(0, 200));
}
