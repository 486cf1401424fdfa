/**
 * The ladder in the output of `oxbow probe`: as a worker measures it (decision 108), or the fixed one.
 * In: a path or the result of a probe, settings. Out: lines of text, or JSON.
 */
import { open } from 'node:fs/promises';
import type { AssetLadder } from '../api/library/asset-facts.ts';
import type { ProbeView } from '../api/probe.ts';
import type { Config } from '../config/schema.ts';
import type { StreamInput } from '../ffmpeg/stream-input.ts';
import { OxbowError } from '../lib/errors.ts';
import type { LadderPlan } from '../transcode/ladder/plan-shapes.ts';
import { table } from './terminal.ts';

/** A ladder for a person and for scripts. */
export interface ProbedLadder {
  /** Whether samples of the file have decided the rungs. */
  readonly plan: 'measured' | 'fixed';
  /** Samples that were measured; 0: none. */
  readonly samples: number;
  readonly video: readonly {
    readonly rung: string;
    readonly codec: string;
    readonly width: number;
    readonly height: number;
    readonly frameRate: number;
    /** Bits per second. */
    readonly maxRate: number;
    /** Expected average, bits per second; null: not measured. */
    readonly bitRate: number | null;
    /** Expected quality, dB; null: not measured. */
    readonly xpsnr: number | null;
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

interface ProbeLadderOptions {
  readonly signal: AbortSignal;
  /** How far the measurement is, 0 to 1. */
  readonly progress: (share: number) => void;
}

/**
 * The ladder of a probed source.
 *
 * @param path of a file; undefined for an address, which is not measured
 */
export async function probedLadder(
  view: ProbeView,
  path: string | undefined,
  config: Config,
  { signal, progress }: ProbeLadderOptions,
): Promise<ProbedLadder> {
  const [{ ladderOfFile, ladderOfTracks }, { ladderSettingsOf }] = await Promise.all([
    import('../transcode/ladder/probe-ladder.ts'),
    import('../transcode/ladder/settings.ts'),
  ]);
  const settings = ladderSettingsOf(config.library.ladder);
  try {
    if (path === undefined) return shown(ladderOfTracks(view, settings), undefined);
    return await ofFile(path, async (input) => {
      const fixed = await ladderOfFile(input, settings, { signal });
      return await measured(input, fixed, { signal, progress });
    });
  } catch (error) {
    if (!(error instanceof OxbowError) || signal.aborted) throw error;
    return { plan: 'fixed', samples: 0, video: [], audio: [], notes: [error.message] };
  }
}

/** @param fixed the ladder without a measurement */
async function measured(input: StreamInput, fixed: LadderPlan, options: ProbeLadderOptions): Promise<ProbedLadder> {
  const [{ measureFile }, { decideLadder }] = await Promise.all([
    import('../transcode/ladder/probe-measure.ts'),
    import('../library/processing/measured-ladder.ts'),
  ]);
  const result = await measureFile(input, fixed, options);
  if (!result) return shown(fixed, undefined);
  const { plan, ladder, warnings } = decideLadder(fixed, { state: 'done', result, error: null });
  return shown({ ...plan, notes: [...plan.notes, ...warnings] }, ladder);
}

/** @param ladder what was measured */
function shown(plan: LadderPlan, ladder: AssetLadder | undefined): ProbedLadder {
  const expected = new Map(ladder?.rungs.map((rung) => [rung.name, rung]));
  return {
    plan: ladder?.plan ?? 'fixed',
    samples: ladder?.samples ?? 0,
    video: (plan.video?.renditions ?? []).map(({ rung, codec, width, height, frameRate: { num, den }, maxRate }) => {
      const { bitRate = null, xpsnr = null } = (codec === 'h264' && expected.get(rung)) || {};
      return { rung, codec, width, height, frameRate: Math.round((num * 1000) / den) / 1000, maxRate, bitRate, xpsnr };
    }),
    audio: plan.audio.flatMap(({ renditions }) =>
      renditions.map(({ codec, channels, bitRate, language }) => ({ codec, channels, bitRate, language })),
    ),
    notes: plan.notes,
  };
}

async function ofFile<T>(path: string, use: (input: StreamInput) => Promise<T>): Promise<T> {
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
export function ladderText({ plan, samples, video, audio, notes }: ProbedLadder): string {
  const isMeasured = video.some(({ bitRate }) => bitRate !== null);
  const kbps = (bitRate: number) => `${Math.round(bitRate / 1000)} kbit/s`;
  const rows = [
    ...video.map(({ rung, codec, width, height, frameRate, maxRate, bitRate, xpsnr }) => [
      ...[`${rung}`, `${width}x${height}`, `${Number(frameRate.toFixed(3))} fps`, `≤ ${kbps(maxRate)}`, codec],
      ...(bitRate === null ? [] : [kbps(bitRate), ...(xpsnr === null ? [] : [`${xpsnr.toFixed(1)} dB`])]),
    ]),
    ...audio.map(({ codec, channels, bitRate, language }) => [
      ...['audio', language, `${channels} channels`, kbps(bitRate), codec],
    ]),
  ];
  const head = ['ladder', 'picture', 'rate', 'bitrate', 'codec', ...(isMeasured ? ['expected', 'XPSNR'] : [])];
  const full = rows.map((row) => head.map((_, i) => row[i] ?? ''));
  const parts = rows.length > 0 ? [table([head, ...full])] : [];
  const how = plan === 'measured' ? [`${samples} samples of the file have decided its rungs.`] : [];
  return [...parts, ...how, ...notes].join('\n');
}
