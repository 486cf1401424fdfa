/**
 * Keeps the measured speeds of hardware encoders, so that each is measured once with a version of its driver
 * and of FFmpeg.
 * In: a file in the user's cache folder. Out: KnownSpeeds. A lost file costs a measurement.
 */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { videoDriverVersion } from '../../lib/platform.ts';
import { version } from '../../lib/version.ts';
import type { HardwareEncoder, KnownSpeeds, TriedEncoder } from '../hardware-encoders.ts';

/** Where this user's programs keep what can be made again: `XDG_CACHE_HOME`, `LOCALAPPDATA`, `~/.cache`. */
export function speedFile(env: NodeJS.ProcessEnv = process.env): string {
  const base = env.XDG_CACHE_HOME || env.LOCALAPPDATA || join(homedir(), '.cache');
  return join(base, 'oxbow', 'encoder-speeds.json');
}

const keyOf = ({ name, device }: HardwareEncoder) => `${device} ${name}`;

/**
 * Reads the speeds of a file. oxbow has its own FFmpeg, so its version is that of both.
 *
 * @param versions of everything that a speed depends on
 */
export async function readSpeeds(
  file: string,
  versions = `oxbow ${version}, ${videoDriverVersion()}`,
): Promise<KnownSpeeds> {
  const speeds = await read(file, versions);
  return {
    speedOf: (encoder) => speeds.get(keyOf(encoder)),
    async keep(encoders: readonly TriedEncoder[]) {
      if (encoders.every((encoder) => speeds.get(keyOf(encoder)) === encoder.speed)) return;
      const kept = Object.fromEntries(encoders.map((encoder) => [keyOf(encoder), encoder.speed]));
      try {
        await mkdir(dirname(file), { recursive: true, mode: 0o700 });
        const part = `${file}.${process.pid}`;
        await writeFile(part, JSON.stringify({ versions, speeds: kept }), { mode: 0o600 });
        await rename(part, file);
      } catch {
        // A system without a folder for it: the speeds are measured again at the next start.
      }
    },
  };
}

async function read(file: string, versions: string): Promise<ReadonlyMap<string, number>> {
  try {
    const kept = JSON.parse(await readFile(file, 'utf8')) as { versions?: unknown; speeds?: Record<string, unknown> };
    if (kept.versions !== versions) return new Map();
    const speeds = Object.entries(kept.speeds ?? {});
    return new Map(speeds.filter((entry): entry is [string, number] => typeof entry[1] === 'number' && entry[1] > 0));
  } catch {
    return new Map(); // none, or damaged: they are measured
  }
}
