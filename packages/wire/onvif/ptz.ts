/**
 * Moves a camera: pan, tilt, zoom, and places that it knows.
 * In: values, or bodies of responses. Out: bodies of requests, or values. Pure. ONVIF PTZ 5 (`ver20`).
 */
import { escapeXml } from '@oxbow/media/xml-text';
import { attributeOf, type SoapElement, textAt } from './soap.ts';

/** Namespace of the service, by which a device lists its address. */
export const ptzService = 'http://www.onvif.org/ver20/ptz/wsdl';
const SCHEMA = 'http://www.onvif.org/ver10/schema';
/** Most places that are read. */
const MAX_PRESETS = 256;
const MAX_TEXT = 100;

/** Speeds, each -1 to 1: right, up and nearer are positive. */
export interface PtzSpeed {
  readonly pan: number;
  readonly tilt: number;
  readonly zoom: number;
}

/** A place that a camera can return to. */
export interface PtzPreset {
  readonly token: string;
  readonly name: string;
}

const profileToken = (profile: string): string => `<ProfileToken>${escapeXml(profile)}</ProfileToken>`;

/** Moves until the next request. @param seconds after which the camera stops by itself */
export function printMove(profile: string, { pan, tilt, zoom }: PtzSpeed, seconds: number): string {
  return (
    `<ContinuousMove xmlns="${ptzService}" xmlns:t="${SCHEMA}">${profileToken(profile)}<Velocity>` +
    `<t:PanTilt x="${pan}" y="${tilt}"/><t:Zoom x="${zoom}"/></Velocity><Timeout>PT${seconds}S</Timeout></ContinuousMove>`
  );
}

/** Ends every movement. */
export function printStop(profile: string): string {
  return `<Stop xmlns="${ptzService}">${profileToken(profile)}<PanTilt>true</PanTilt><Zoom>true</Zoom></Stop>`;
}

/** The body that requests the places. */
export function printGetPresets(profile: string): string {
  return `<GetPresets xmlns="${ptzService}">${profileToken(profile)}</GetPresets>`;
}

/** The places, in the order of the camera. */
export function parsePresets(response: SoapElement): readonly PtzPreset[] {
  const listed = response.children.filter(({ name }) => name === 'Preset').slice(0, MAX_PRESETS);
  return listed.flatMap((preset) => {
    const token = attributeOf(preset, 'token') ?? '';
    const name = (textAt(preset, 'Name') ?? token).slice(0, MAX_TEXT);
    return token === '' || token.length > MAX_TEXT ? [] : { token, name };
  });
}

/** Goes to a place. */
export function printGotoPreset(profile: string, preset: string): string {
  return `<GotoPreset xmlns="${ptzService}">${profileToken(profile)}<PresetToken>${escapeXml(preset)}</PresetToken></GotoPreset>`;
}
