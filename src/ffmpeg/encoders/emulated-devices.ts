/**
 * Video devices that software emulates, for tests and drills: each is a folder with a file that says how it
 * fails.
 * In: the folder that the variable EMULATED_VIDEO_DEVICES names. Out: their names; their behaviour, which the
 * process that encodes reads at each picture. docs/testing.md.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Names the folder whose folders are devices; not a setting, because servers have none. */
export const EMULATED_VARIABLE = 'EMULATED_VIDEO_DEVICES';

/** How an emulated device fails; absent members: it works. Counts are pictures of one session. */
export interface EmulatedBehaviour {
  /** Most sessions at a time of all processes; beyond it opening fails as on a full device. */
  readonly sessions?: number;
  readonly open?: 'fail' | 'hang';
  /** From this picture on encoding fails. */
  readonly failAfter?: number;
  /** At this picture the call does not return. */
  readonly hangAfter?: number;
  /** From this picture on pictures go in and none comes out. */
  readonly silentAfter?: number;
  /** The speed that a trial reports in place of the measured one, pictures a second. */
  readonly speed?: number;
  /** Each picture takes this much longer, ms. */
  readonly delayMs?: number;
}

/** Ends the names of encoders of emulated devices, e.g. `h264_emulated`. */
export const EMULATED_KIND = 'emulated';

/** Whether an encoder is one of an emulated device. */
export const isEmulated = (encoder: string | undefined): boolean => encoder?.endsWith(`_${EMULATED_KIND}`) === true;

/** Names of the emulated devices, in order; none without the variable. */
export function listEmulatedDevices(env: NodeJS.ProcessEnv = process.env): readonly string[] {
  const folder = env[EMULATED_VARIABLE];
  if (folder === undefined) return [];
  return readdirSync(folder).sort();
}

/** The folder of a device. */
export function emulatedFolder(device: string, env: NodeJS.ProcessEnv = process.env): string {
  return join(env[EMULATED_VARIABLE] ?? '', device);
}

/** How a device behaves now; it works where its file is missing. */
export function readBehaviour(device: string): EmulatedBehaviour {
  try {
    return JSON.parse(readFileSync(join(emulatedFolder(device), 'behaviour.json'), 'utf8')) as EmulatedBehaviour;
  } catch {
    return {}; // no file, or one that is being written: read again at the next picture
  }
}
