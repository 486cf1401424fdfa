/**
 * The ladder in the output of `oxbow probe`.
 * In: a path or the result of a probe, settings. Out: lines of text, or JSON.
 */
import { open } from 'node:fs/promises';
import type { ProbeView } from '../api/probe.ts';
import type { Config } from '../config/schema.ts';
import { OxbowError } from '../lib/errors.ts';
import { table } from './terminal.ts';

/** A ladder for a person and for scripts. */
export interface ProbedLadder {
  readonly video: readonly {
    readonly rung: string;
    readonly codec: string;
    readonly width: number;
    readonly height: number;
    readonly frameRate: number;
    /** Bits per second. */
    readonly maxRate: number;
  }[];
  readonly audio: readonly {
    readonly codec: string;
    readonly channels: number;
    readonly bitRate: number;
    readonly language: string;
  }[];
  /** Changes and omissions, or why there is no ladder. */
  readonly notes: readonly string[];
}

/**
 * The ladder of a probed source.
 *
 * @param path of a file; undefined for an address
 */
export async function probedLadder(
  view: ProbeView,
  path: string | undefined,
  config: Config,
  { signal }: { readonly signal: AbortSignal },
): Promise<ProbedLadder> {
  const [{ ladderOfFile, ladderOfTracks }, { ladderSettingsOf }] = await Promise.all([
    import('../transcode/ladder/probe-ladder.ts'),
    import('../transcode/ladder/settings.ts'),
  ]);
  const settings = ladderSettingsOf(config.library.ladder);
  try {
    const plan =
      path === undefined
        ? ladderOfTracks(view, settings)
        : await ofFile(path, (input) => ladderOfFile(input, settings, { signal }));
    return {
      video: (plan.video?.renditions ?? []).map(({ rung, codec, width, height, frameRate: { num, den }, maxRate }) => ({
        rung,
        codec,
        width,
        height,
        frameRate: Math.round((num * 1000) / den) / 1000,
        maxRate,
      })),
      audio: plan.audio.flatMap(({ renditions }) =>
        renditions.map(({ codec, channels, bitRate, language }) => ({ codec, channels, bitRate, language })),
      ),
      notes: plan.notes,
    };
  } catch (error) {
    if (!(error instanceof OxbowError) || signal.aborted) throw error;
    return { video: [], audio: [], notes: [error.message] };
  }
}

async function ofFile<T>(
  path: string,
  use: (input: { length: number; read(at: number, count: number): Promise<Uint8Array> }) => Promise<T>,
): Promise<T> {
  await using file = await open(path, 'r');
  const { size } = await file.stat();
  return await use({
    length: size,
    async read(at, count) {
      const { buffer, bytesRead } = await file.read(new Uint8Array(count), 0, count, at);
      return buffer.subarray(0, bytesRead);
    },
  });
}

/** A table and notes. */
export function ladderText({ video, audio, notes }: ProbedLadder): string {
  const rows = [
    ...video.map(({ rung, codec, width, height, frameRate, maxRate }) => [
      ...[
        `${rung}`,
        `${width}x${height}`,
        `${Number(frameRate.toFixed(3))} fps`,
        `≤ ${Math.round(maxRate / 1000)} kbit/s`,
        codec,
      ],
    ]),
    ...audio.map(({ codec, channels, bitRate, language }) => [
      ...['audio', language, `${channels} channels`, `${Math.round(bitRate / 1000)} kbit/s`, codec],
    ]),
  ];
  const parts = rows.length > 0 ? [table([['ladder', 'picture', 'rate', 'bitrate', 'codec'], ...rows])] : [];
  return [...parts, ...notes].join('\n');
}
