/**
 * API calls of cameras.
 * In: the browser's session. Out: the shapes of src/api/cameras. Each call throws ApiError and aborts with
 * `signal`.
 */
import type {
  CameraLogin,
  CameraSettings,
  CameraView,
  FoundCameraView,
  StreamCamera,
} from '../../../src/api/cameras/camera-shapes.ts';
import { askServer } from './client.ts';

export type { CameraLogin, CameraSettings, CameraView, FoundCameraView, StreamCamera };

/** Pan, tilt and zoom, each -1 to 1. */
export interface CameraSpeed {
  readonly pan: number;
  readonly tilt: number;
  readonly zoom: number;
}

/** Searches the networks of the server; takes three seconds. */
export async function findCameras(signal: AbortSignal): Promise<readonly FoundCameraView[]> {
  const { items } = await askServer(signal, (client, options) => client.findCameras(options));
  return items;
}

/** Describes a camera. */
export function lookAtCamera(body: CameraLogin, signal: AbortSignal): Promise<CameraView> {
  return askServer(signal, (client, options) => client.lookCameras({ body }, options));
}

/** Creates a stream of a camera, or sets the camera of a stream. */
export function addCamera(name: string, body: CameraSettings, signal: AbortSignal): Promise<StreamCamera> {
  return askServer(signal, (client, options) => client.replaceStreamCamera({ name, body }, options));
}

/** The camera of a stream. */
export function readCamera(name: string, signal: AbortSignal): Promise<StreamCamera> {
  return askServer(signal, (client, options) => client.getStreamCamera({ name }, options));
}

/** Moves a camera for 1.5 s. */
export function moveCamera(name: string, body: CameraSpeed, signal: AbortSignal): Promise<void> {
  return askServer(signal, (client, options) => client.moveStreamCamera({ name, body }, options));
}

/** Ends every movement. */
export function stopCamera(name: string, signal: AbortSignal): Promise<void> {
  return askServer(signal, (client, options) => client.stopStreamCamera({ name }, options));
}

/** Moves a camera to one of its places. */
export function sendCameraTo(name: string, preset: string, signal: AbortSignal): Promise<void> {
  return askServer(signal, (client, options) => client.gotoStreamCamera({ name, body: { preset } }, options));
}
