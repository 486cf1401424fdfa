/**
 * What a camera is and what it sends: its maker, its profiles, the addresses of its media and pictures.
 * In: values, or bodies of responses. Out: bodies of requests, or values. Pure. ONVIF Core 8.3 (device),
 * Media 5 (`ver10`), Media 2 5 (`ver20`).
 */
import { escapeXml } from '@oxbow/media/xml-text';
import { attributeOf, childOf, type SoapElement, textAt } from './soap.ts';

const DEVICE = 'http://www.onvif.org/ver10/device/wsdl';
const SCHEMA = 'http://www.onvif.org/ver10/schema';
/** Namespaces of the media services, by which a device lists their addresses. */
export const mediaServices = {
  media: 'http://www.onvif.org/ver10/media/wsdl',
  media2: 'http://www.onvif.org/ver20/media/wsdl',
} as const;
/** Which of them a request is for; only `media2` lists H.265. */
export type MediaService = keyof typeof mediaServices;

/** Most profiles that are read: a recorder has several for each of its channels. */
const MAX_PROFILES = 128;
const MAX_TEXT = 100;
const MAX_TOKEN = 256;

/** What the maker says of a device; each may be empty. */
export interface OnvifDevice {
  readonly maker: string;
  readonly model: string;
  readonly firmware: string;
}

/** A combination of a picture and an encoder that a camera sends. */
export interface OnvifProfile {
  readonly token: string;
  readonly name: string;
  /** E.g. `H264`; empty if it has no picture. */
  readonly encoding: string;
  /** Pixels; 0: not known. */
  readonly width: number;
  readonly height: number;
  /** Most pictures a second; 0: not known. */
  readonly fps: number;
  /** Tokens of its video source and of the configuration of that; events name them. */
  readonly sources: readonly string[];
  /** The picture can be moved. */
  readonly moves: boolean;
}

/** The body that requests maker and model. */
export const printGetDevice = (): string => `<GetDeviceInformation xmlns="${DEVICE}"/>`;

/** Maker and model. */
export function parseDevice(response: SoapElement): OnvifDevice {
  const text = (name: string) => (textAt(response, name) ?? '').slice(0, MAX_TEXT);
  return { maker: text('Manufacturer'), model: text('Model'), firmware: text('FirmwareVersion') };
}

/** The body that requests the profiles. */
export function printGetProfiles(service: MediaService): string {
  const types = service === 'media2' ? '<Type>All</Type>' : '';
  return `<GetProfiles xmlns="${mediaServices[service]}">${types}</GetProfiles>`;
}

/** The profiles of either service. */
export function parseProfiles(response: SoapElement): readonly OnvifProfile[] {
  const listed = response.children.filter(({ name }) => name === 'Profiles').slice(0, MAX_PROFILES);
  return listed.flatMap((profile) => profileOf(profile) ?? []);
}

function profileOf(profile: SoapElement): OnvifProfile | undefined {
  const token = attributeOf(profile, 'token');
  if (token === undefined || token === '' || token.length > MAX_TOKEN) return undefined;
  const parts = childOf(profile, 'Configurations');
  const part = (older: string, newer: string) => childOf(profile, older) ?? childOf(parts, newer);
  const encoder = part('VideoEncoderConfiguration', 'VideoEncoder');
  const source = part('VideoSourceConfiguration', 'VideoSource');
  return {
    token,
    name: (textAt(profile, 'Name') ?? '').slice(0, MAX_TEXT),
    encoding: (textAt(encoder, 'Encoding') ?? '').slice(0, 20),
    width: numberAt(encoder, 'Resolution', 'Width'),
    height: numberAt(encoder, 'Resolution', 'Height'),
    fps: numberAt(encoder, 'RateControl', 'FrameRateLimit'),
    sources: [attributeOf(source, 'token'), textAt(source, 'SourceToken')].filter((each) => each !== undefined),
    moves: part('PTZConfiguration', 'PTZ') !== undefined,
  };
}

/** Bounded; 0 for what is no number. */
function numberAt(element: SoapElement | undefined, ...path: readonly string[]): number {
  const value = Number(textAt(element, ...path) ?? 0);
  return value > 0 && value <= 65_535 ? Math.round(value) : 0;
}

/** The body that requests the RTSP address of a profile. */
export function printGetStreamUri(service: MediaService, profile: string): string {
  const token = `<ProfileToken>${escapeXml(profile)}</ProfileToken>`;
  if (service === 'media2') {
    return `<GetStreamUri xmlns="${mediaServices.media2}"><Protocol>RTSP</Protocol>${token}</GetStreamUri>`;
  }
  return (
    `<GetStreamUri xmlns="${mediaServices.media}" xmlns:t="${SCHEMA}"><StreamSetup><t:Stream>RTP-Unicast</t:Stream>` +
    `<t:Transport><t:Protocol>RTSP</t:Protocol></t:Transport></StreamSetup>${token}</GetStreamUri>`
  );
}

/** The body that requests the address of a still picture of a profile. */
export function printGetSnapshotUri(service: MediaService, profile: string): string {
  const token = `<ProfileToken>${escapeXml(profile)}</ProfileToken>`;
  return `<GetSnapshotUri xmlns="${mediaServices[service]}">${token}</GetSnapshotUri>`;
}

/** The address of either response; undefined if it is missing. */
export function parseMediaUri(response: SoapElement): string | undefined {
  return textAt(response, 'MediaUri', 'Uri') ?? textAt(response, 'Uri');
}
