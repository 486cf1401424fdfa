/**
 * Microphones, cameras and screens for calls, and the level of the local microphone.
 * In: the choices of the person. Out: tracks. W3C mediacapture-streams, screen-capture, audio-output.
 */
import { DeviceError, problemOf } from '../../studio/devices.ts';
import type { CallChoices } from './call-preferences.svelte.ts';

/** Devices by kind. */
export type CallDevices = Readonly<Record<'microphone' | 'camera' | 'speaker', readonly MediaDeviceInfo[]>>;

/** Whether the speaker can be chosen. */
export const hasSpeakers = 'setSinkId' in HTMLMediaElement.prototype;

const exactly = (id: string) => (id === '' ? {} : { deviceId: { exact: id } });

async function firstTrack(ask: (devices: MediaDevices) => Promise<MediaStream> | undefined): Promise<MediaStreamTrack> {
  // Browsers have this object on HTTPS and on localhost only.
  const devices = navigator.mediaDevices as MediaDevices | undefined;
  if (!devices) throw new DeviceError('insecure');
  try {
    const track = (await ask(devices))?.getTracks()[0];
    if (track) return track;
  } catch (error) {
    throw new DeviceError(problemOf(error), { cause: error });
  }
  throw new DeviceError('unsupported');
}

/** Opens the chosen microphone. @throws DeviceError */
export function openMicrophone(choices: CallChoices): Promise<MediaStreamTrack> {
  const { echoCancellation, noiseSuppression, autoGainControl, microphone } = choices;
  const audio = { ...exactly(microphone), echoCancellation, noiseSuppression, autoGainControl };
  return firstTrack((devices) => devices.getUserMedia({ audio }));
}

/** Opens the chosen camera. @throws DeviceError */
export function openCamera({ camera }: CallChoices): Promise<MediaStreamTrack> {
  const video = { ...exactly(camera), width: { ideal: 640 }, height: { ideal: 360 }, frameRate: { ideal: 24 } };
  return firstTrack((devices) => devices.getUserMedia({ video }));
}

/** Opens a screen, a window or a tab, which the browser lets the person choose. @throws DeviceError */
export async function openScreen(): Promise<MediaStreamTrack> {
  const video = { width: { max: 1920 }, height: { max: 1080 }, frameRate: { max: 10 } };
  const track = await firstTrack((devices) => devices.getDisplayMedia?.({ video }));
  track.contentHint = 'detail'; // text stays sharp; it may move less smoothly
  return track;
}

/** The devices of this browser; without names before the first one was used. */
export async function listCallDevices(): Promise<CallDevices> {
  const devices = (await navigator.mediaDevices?.enumerateDevices().catch(() => [])) ?? [];
  const of = (kind: MediaDeviceKind) => devices.filter((device) => device.kind === kind && device.deviceId !== '');
  return { microphone: of('audioinput'), camera: of('videoinput'), speaker: of('audiooutput') };
}

/** Measures a track. */
export interface LevelMeter {
  /** 0 to 1, root mean square. */
  level(): number;
  close(): void;
}

/** Measures how loud a microphone is. */
export function openMeter(track: MediaStreamTrack): LevelMeter {
  const context = new AudioContext();
  const analyser = new AnalyserNode(context, { fftSize: 2048 });
  context.createMediaStreamSource(new MediaStream([track])).connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  return {
    level() {
      analyser.getFloatTimeDomainData(samples);
      return Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length);
    },
    close: () => void context.close(),
  };
}
