/**
 * Finds the hardware encoders of this machine: those whose device is there, each tried with real pictures in
 * its own process, which also measures its speed.
 * In: the devices of the system. Out: the encoders that work with their speeds, and why the others do not.
 */
import { messageOf } from '../lib/errors.ts';
import { videoDevices } from '../lib/platform.ts';
import { openChild } from './child-process.ts';
import { EMULATED_KIND, listEmulatedDevices } from './encoders/emulated-devices.ts';
import { type Answer, messageKinds, parseAnswer, printMessage } from './frame-protocol.ts';
import type { EncoderTrial, LadderVideoCodec, LadderVideoRendition } from './ladder-options.ts';

/** A family of hardware encoders; `emulated` ones are software, for tests. */
export type HardwareKind = 'nvenc' | 'vaapi' | 'qsv' | 'videotoolbox' | typeof EMULATED_KIND;

/** One encoder of FFmpeg that needs a device. */
export interface HardwareEncoder {
  /** Name in FFmpeg, e.g. `h264_nvenc`. */
  readonly name: string;
  readonly kind: HardwareKind;
  readonly codec: LadderVideoCodec;
  /** E.g. `nvidia0` or `renderD128`. */
  readonly device: string;
}

/** An encoder and the result of a few pictures. */
export interface TriedEncoder extends HardwareEncoder {
  readonly works: boolean;
  /** Why it does not work; empty if it does. */
  readonly reason: string;
  /** Pictures of 720p that it encodes in a second; 0 if it does not work. */
  readonly speed: number;
}

/** A device, and a family of encoders that it has. */
export interface DeviceFamily {
  readonly kind: HardwareKind;
  readonly device: string;
}

/** What {@link findHardwareEncoders} calls; tests replace it. */
export interface HardwareHost {
  devices(): readonly DeviceFamily[];
  /**
   * Rejects with the reason why an encoder does not work.
   *
   * @returns its speed, pictures of 720p in a second; 0 if `measures` is false
   */
  tryEncoder(encoder: HardwareEncoder, measures: boolean): Promise<number>;
}

/** Speeds that were measured before with the same drivers; undefined where an encoder has none. */
export interface KnownSpeeds {
  speedOf(encoder: HardwareEncoder): number | undefined;
  /** Keeps the speeds of all encoders that work. */
  keep(encoders: readonly TriedEncoder[]): Promise<void>;
}

const CODECS: Readonly<Record<HardwareKind, readonly LadderVideoCodec[]>> = {
  nvenc: ['h264', 'hevc', 'av1'],
  qsv: ['h264', 'hevc', 'av1'],
  vaapi: ['h264', 'hevc', 'av1'],
  videotoolbox: ['h264', 'hevc'],
  emulated: ['h264'],
};
const TRY_MS = 10_000;
/** The reason of an encoder that does not answer. */
const LATE = `no picture within ${TRY_MS / 1000} s`;
/** How long the speed is measured, ms. */
const MEASURE_MS = 400;
/** Processor time of a trial, seconds. */
const MAX_CPU_S = 60;
const MAX_DATA_BYTES = 4 * 1024 * 1024 * 1024;
/** Above the smallest size of every encoder; speeds of others are in proportion to their pixels. */
const SIZE = { width: 1280, height: 720 };

/** This machine. */
export const thisHardware: HardwareHost = { devices: listFamilies, tryEncoder: tryOne };

/**
 * Tries the encoders of all devices, one after the other; none where there is no device. Never rejects.
 *
 * @param known speeds that are not measured again
 */
export async function findHardwareEncoders(
  host: HardwareHost = thisHardware,
  known?: KnownSpeeds,
): Promise<readonly TriedEncoder[]> {
  const tried: TriedEncoder[] = [];
  /** Devices that hang: their other encoders would, too. */
  const hung = new Set<string>();
  for (const { kind, device } of host.devices()) {
    for (const codec of CODECS[kind]) {
      if (hung.has(device)) continue;
      const encoder: HardwareEncoder = { name: `${codec}_${kind}`, kind, codec, device };
      const knownSpeed = known?.speedOf(encoder);
      tried.push(
        await host.tryEncoder(encoder, knownSpeed === undefined).then(
          (speed) => ({ ...encoder, works: true, reason: '', speed: knownSpeed ?? speed }),
          (error) => {
            const reason = messageOf(error);
            if (reason === LATE) hung.add(device);
            return { ...encoder, works: false, reason, speed: 0 };
          },
        ),
      );
    }
  }
  if (tried.length > 0) await known?.keep(tried.filter(({ works }) => works));
  return tried;
}

/** Quick Sync takes the first render node, whichever it is given. */
function listFamilies(): readonly DeviceFamily[] {
  const devices = videoDevices();
  const first = devices.find(({ kind }) => kind === 'render');
  const physical = devices.flatMap((device): DeviceFamily[] => {
    const { kind, name } = device;
    if (kind === 'nvidia') return [{ kind: 'nvenc', device: name }];
    if (kind === 'videotoolbox') return [{ kind, device: name }];
    const vaapi: DeviceFamily = { kind: 'vaapi', device: name };
    return device === first ? [{ kind: 'qsv', device: name }, vaapi] : [vaapi];
  });
  return [...physical, ...listEmulatedDevices().map((device): DeviceFamily => ({ kind: EMULATED_KIND, device }))];
}

async function tryOne({ name, codec, device }: HardwareEncoder, measures: boolean): Promise<number> {
  const rung: LadderVideoRendition = {
    id: name,
    trackId: 101,
    rung: name,
    codec,
    ...SIZE,
    frameRate: { num: 25, den: 1 },
    keepEvery: 1,
    crf: 23,
    maxRate: 1_000_000,
    bufferSize: 2_000_000,
    bFrames: 0,
    effort: 'fast',
    hardware: name,
    device,
  };
  const trial: EncoderTrial = { rung, measureMs: measures ? MEASURE_MS : 0 };
  const { promise: answered, resolve } = Promise.withResolvers<Answer>();
  await using child = await openChild({
    entry: 'ladder/try-encoder-main',
    maxDataBytes: MAX_DATA_BYTES,
    maxCpuS: MAX_CPU_S,
    onMessage(kind, payload) {
      if (kind === messageKinds.answer) resolve(parseAnswer(payload));
    },
  });
  const late = setTimeout(() => child.kill(LATE), TRY_MS);
  try {
    child.send(printMessage(messageKinds.options, Buffer.from(JSON.stringify(trial))));
    const gone = child.ended.then((why): never => {
      throw new Error(why);
    });
    gone.catch(() => {}); // After the answer the process ends by disposal.
    const answer = await Promise.race([answered, gone]);
    const text = new TextDecoder().decode(answer.bytes);
    if (!answer.ok) throw new Error(text);
    return Number(text);
  } finally {
    clearTimeout(late);
  }
}
