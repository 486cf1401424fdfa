/**
 * The search for cameras in a network.
 * In: ids of messages, or texts of answers. Out: probes, or the devices that answered. Pure. WS-Discovery 1.0
 * (April 2005), 5; ONVIF Core 7.3 (scopes).
 */
import { randomUUID } from 'node:crypto';
import { childOf, parseEnvelope, type SoapElement, textAt } from './soap.ts';

const ADDRESSING = 'http://schemas.xmlsoap.org/ws/2004/08/addressing';
const DISCOVERY = 'http://schemas.xmlsoap.org/ws/2005/04/discovery';
/** Where devices listen. */
export const discoveryGroup = { host: '239.255.255.250', port: 3702 } as const;
/** Longest answer, characters: a datagram has no more bytes. */
const MAX_ANSWER = 65_536;
/** Most devices of an answer, and addresses and scopes of one. */
const MAX_ENTRIES = 64;
const MAX_TEXT = 200;
const SCOPE = 'onvif://www.onvif.org/';

/** Types of devices that are searched: cameras and encoders, and devices by their general name. */
export const probedTypes = ['NetworkVideoTransmitter', 'Device'] as const;
const NAMESPACES = {
  NetworkVideoTransmitter: 'http://www.onvif.org/ver10/network/wsdl',
  Device: 'http://www.onvif.org/ver10/device/wsdl',
} as const;

/** A device that answered. Nothing in it is verified. */
export interface FoundDevice {
  /** Stable name of the device, usually `urn:uuid:…`. */
  readonly endpoint: string;
  /** Addresses of its device service. */
  readonly addresses: readonly string[];
  /** As it calls itself; each may be empty. */
  readonly name: string;
  readonly hardware: string;
  readonly maker: string;
  readonly location: string;
}

/** A new id of a message. */
export const createMessageId = (): string => `urn:uuid:${randomUUID()}`;

/** A probe for one type of device. */
export function printProbe(messageId: string, type: (typeof probedTypes)[number]): string {
  return (
    '<?xml version="1.0" encoding="UTF-8"?>' +
    `<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:a="${ADDRESSING}" xmlns:d="${DISCOVERY}" xmlns:n="${NAMESPACES[type]}">` +
    `<s:Header><a:MessageID>${messageId}</a:MessageID><a:To s:mustUnderstand="1">urn:schemas-xmlsoap-org:ws:2005:04:discovery</a:To>` +
    `<a:Action s:mustUnderstand="1">${DISCOVERY}/Probe</a:Action></s:Header>` +
    `<s:Body><d:Probe><d:Types>n:${type}</d:Types></d:Probe></s:Body></s:Envelope>`
  );
}

/**
 * The devices of an answer to a probe.
 *
 * @param isOwn whether an id is that of a probe: answers to others have no devices
 * @throws FormatError if this is no SOAP or passes a bound
 */
export function parseProbeMatches(text: string, isOwn: (messageId: string) => boolean): readonly FoundDevice[] {
  const envelope = parseEnvelope(text, MAX_ANSWER);
  if (!isOwn(textAt(childOf(envelope, 'Header'), 'RelatesTo') ?? '')) return [];
  const matches = childOf(childOf(envelope, 'Body'), 'ProbeMatches')?.children ?? [];
  return matches.slice(0, MAX_ENTRIES).flatMap((match) => deviceOf(match) ?? []);
}

function deviceOf(match: SoapElement): FoundDevice | undefined {
  const endpoint = textAt(match, 'EndpointReference', 'Address');
  if (endpoint === undefined || endpoint.length > MAX_TEXT) return undefined;
  const list = (name: string) => (textAt(match, name) ?? '').split(/\s+/).filter(Boolean).slice(0, MAX_ENTRIES);
  const scopes = list('Scopes');
  const scope = (...names: readonly string[]) => {
    const prefix = names
      .map((name) => `${SCOPE}${name}/`)
      .find((start) => scopes.some((each) => each.toLowerCase().startsWith(start)));
    const value = scopes.find((each) => prefix !== undefined && each.toLowerCase().startsWith(prefix));
    return value === undefined ? '' : decoded(value.slice(prefix?.length)).slice(0, MAX_TEXT);
  };
  return {
    endpoint,
    addresses: list('XAddrs'),
    name: scope('name'),
    hardware: scope('hardware'),
    maker: scope('mfr', 'manufacturer', 'vendor'),
    location: scope('location'),
  };
}

/** Without percent signs and control characters. */
function decoded(text: string): string {
  let plain = text;
  try {
    plain = decodeURIComponent(text);
  } catch {
    // A single % is literal.
  }
  return plain.replaceAll(/\p{Cc}/gu, ' ').trim();
}
