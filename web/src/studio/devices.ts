/**
 * Cameras, microphones and screens of this browser, and why they cannot be used.
 * In: the choices of the user. Out: media streams. W3C mediacapture-streams, screen-capture.
 */
import type { Size } from './places.ts';

/**
 * Why there is no picture or sound: refused by the user or the browser, no such device, in use by another
 * program, a page without HTTPS, a browser that cannot share screens, another reason.
 */
export type DeviceProblem = 'denied' | 'missing' | 'busy' | 'insecure' | 'unsupported' | 'failed';

/** A device that could not be opened. */
export class DeviceError extends Error {
  override readonly name = 'DeviceError';
  readonly problem: DeviceProblem;

  constructor(problem: DeviceProblem, options?: ErrorOptions) {
    super(problem, options);
    this.problem = problem;
  }
}

/** A camera or microphone. */
export interface Device {
  readonly id: string;
  /** Empty until the user has allowed the use of a device of this kind. */
  readonly label: string;
}

/** Highest number of pictures per second. */
const FRAME_RATE = 30;

/** The problem in an error of the browser. */
export function problemOf(error: unknown): DeviceProblem {
  const name = error instanceof Error ? error.name : '';
  if (name === 'NotAllowedError' || name === 'SecurityError') return 'denied';
  if (name === 'NotFoundError' || name === 'OverconstrainedError') return 'missing';
  if (name === 'NotReadableError' || name === 'AbortError') return 'busy';
  return 'failed';
}

async function opened(ask: (devices: MediaDevices) => Promise<MediaStream> | undefined): Promise<MediaStream> {
  // Browsers have this object on HTTPS and on localhost only.
  const devices = navigator.mediaDevices as MediaDevices | undefined;
  if (!devices) throw new DeviceError('insecure');
  try {
    const stream = await ask(devices);
    if (stream) return stream;
  } catch (error) {
    throw new DeviceError(problemOf(error), { cause: error });
  }
  throw new DeviceError('unsupported');
}

/**
 * Opens a camera.
 *
 * @param which its id, or the direction in which it looks; empty: the browser's choice
 * @throws DeviceError
 */
export function openCamera(which: string, { width, height }: Size): Promise<MediaStream> {
  const isDirection = which === 'user' || which === 'environment';
  const chosen = isDirection ? { facingMode: which } : { ...(which !== '' && { deviceId: { exact: which } }) };
  const video = { ...chosen, width: { ideal: width }, height: { ideal: height }, frameRate: { ideal: FRAME_RATE } };
  return opened((devices) => devices.getUserMedia({ video }));
}

/** Opens a microphone. @param id empty: the browser's choice @throws DeviceError */
export function openMicrophone(id: string): Promise<MediaStream> {
  const audio = { ...(id !== '' && { deviceId: { exact: id } }), echoCancellation: true, noiseSuppression: true };
  return opened((devices) => devices.getUserMedia({ audio }));
}

/**
 * Opens a screen, a window or a tab, which the browser lets the user choose, with its sound if it has any.
 * @throws DeviceError
 */
export function openScreen({ width, height }: Size): Promise<MediaStream> {
  const video = { width: { max: width }, height: { max: height }, frameRate: { max: FRAME_RATE } };
  // Calls would hear themselves: the sound of a tab is not processed.
  const audio = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
  return opened((devices) => devices.getDisplayMedia?.({ video, audio }));
}

/** Whether this browser can share a screen; phones cannot. */
export function canShareScreen(): boolean {
  return 'getDisplayMedia' in (navigator.mediaDevices ?? {});
}

/** The devices of a kind. */
export async function listDevices(kind: 'videoinput' | 'audioinput'): Promise<readonly Device[]> {
  const devices = (await navigator.mediaDevices?.enumerateDevices().catch(() => [])) ?? [];
  return devices
    .filter((each) => each.kind === kind && each.deviceId !== '')
    .map(({ deviceId, label }) => ({ id: deviceId, label }));
}

/** Ends the use of devices. */
export function stopTracks(stream: MediaStream | null | undefined): void {
  for (const track of stream?.getTracks() ?? []) track.stop();
}
