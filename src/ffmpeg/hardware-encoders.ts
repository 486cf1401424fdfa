/**
 * Finds the hardware encoders of this machine: those whose device is there, each tried with one real picture
 * in its own process.
 * In: the devices of the system. Out: the encoders that work, and why the others do not.
 */
import { messageOf } from '../lib/errors.ts';
import { videoDevices } from '../lib/platform.ts';
import { openChild } from './child-process.ts';
import { type Answer, messageKinds, parseAnswer, printMessage } from './frame-protocol.ts';
import type { LadderVideoCodec, LadderVideoRendition } from './ladder-options.ts';

/** A family of hardware encoders. */
export type HardwareKind = 'nvenc' | 'vaapi' | 'qsv' | 'videotoolbox';

/** One encoder of FFmpeg that needs a device. */
export interface HardwareEncoder {
  /** Name in FFmpeg, e.g. `h264_nvenc`. */
  readonly name: string;
  readonly kind: HardwareKind;
  readonly codec: LadderVideoCodec;
}

/** An encoder and what came of one picture. */
export interface TriedEncoder extends HardwareEncoder {
  readonly works: boolean;
  /** Why it does not work; empty if it does. */
  readonly reason: string;
}

/** What {@link findHardwareEncoders} calls; tests replace it. */
export interface HardwareHost {
  /** Families whose device is there. */
  devices(): readonly HardwareKind[];
  /** Rejects with the reason why an encoder does not work. */
  tryEncoder(encoder: HardwareEncoder): Promise<void>;
}

const CODECS: Readonly<Record<HardwareKind, readonly LadderVideoCodec[]>> = {
  nvenc: ['h264', 'hevc', 'av1'],
  qsv: ['h264', 'hevc', 'av1'],
  vaapi: ['h264', 'hevc', 'av1'],
  videotoolbox: ['h264', 'hevc'],
};
/** Families by device. */
const FAMILIES = { nvidia: ['nvenc'], render: ['qsv', 'vaapi'], videotoolbox: ['videotoolbox'] } as const;
const TRY_MS = 10_000;
/** Processor time of a trial, seconds. */
const MAX_CPU_S = 60;
const MAX_DATA_BYTES = 4 * 1024 * 1024 * 1024;
/** Above the smallest size of every encoder. */
const SIZE = { width: 640, height: 360 };

/** This machine. */
export const thisHardware: HardwareHost = {
  devices: () => videoDevices().flatMap((device) => FAMILIES[device]),
  tryEncoder: tryOne,
};

/** Tries the encoders of all devices, one after the other; none where there is no device. Never rejects. */
export async function findHardwareEncoders(host: HardwareHost = thisHardware): Promise<readonly TriedEncoder[]> {
  const tried: TriedEncoder[] = [];
  for (const kind of host.devices()) {
    for (const codec of CODECS[kind]) {
      const encoder: HardwareEncoder = { name: `${codec}_${kind}`, kind, codec };
      const reason = await host.tryEncoder(encoder).then(() => '', messageOf);
      tried.push({ ...encoder, works: reason === '', reason });
    }
  }
  return tried;
}

let triedEncoders: Promise<readonly TriedEncoder[]> | undefined;

/** The hardware encoders of this machine that work; tried once in the life of the process. */
export async function workingEncoders(): Promise<readonly TriedEncoder[]> {
  triedEncoders ??= findHardwareEncoders();
  return (await triedEncoders).filter(({ works }) => works);
}

async function tryOne({ name, codec }: HardwareEncoder): Promise<void> {
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
  };
  const { promise: answered, resolve } = Promise.withResolvers<Answer>();
  await using child = await openChild({
    entry: 'ladder/try-encoder-main',
    maxDataBytes: MAX_DATA_BYTES,
    maxCpuS: MAX_CPU_S,
    onMessage(kind, payload) {
      if (kind === messageKinds.answer) resolve(parseAnswer(payload));
    },
  });
  const late = setTimeout(() => child.kill(`no picture within ${TRY_MS / 1000} s`), TRY_MS);
  try {
    child.send(printMessage(messageKinds.options, Buffer.from(JSON.stringify(rung))));
    const gone = child.ended.then((why): never => {
      throw new Error(why);
    });
    gone.catch(() => {}); // After the answer the process ends by disposal.
    const answer = await Promise.race([answered, gone]);
    if (!answer.ok) throw new Error(new TextDecoder().decode(answer.bytes));
  } finally {
    clearTimeout(late);
  }
}
