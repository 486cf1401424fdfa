/**
 * How loud a recording is over time, for a stream without pictures.
 * In: ten seconds of a recording, decoded by the browser. Out: levels for SoundWave.
 */
import { clipUrl, windowUrl } from '../player/source/window.ts';

/** Length of a block, milliseconds: all viewers request the same ones. */
export const BLOCK_MS = 10_000;
/** Bars of a block. */
export const BARS = 80;
/** Enough for loudness, and every browser can decode to it, Hz. */
const RATE_HZ = 22_050;
/** Timeout of a request, milliseconds. */
const PATIENCE_MS = 10_000;

/** The start of the block that contains a time, unix milliseconds. */
export function blockOf(atMs: number): number {
  return Math.floor(atMs / BLOCK_MS) * BLOCK_MS;
}

/**
 * The levels of a block: the root mean square of each bar, 0 to 1, where the loudest bar is 1; null where
 * there are no samples.
 *
 * @param samples of one channel, −1 to 1
 * @param rateHz samples per second
 * @param startMs time of the first sample, unix milliseconds
 * @param blockMs start of the block, unix milliseconds
 */
export function levelsOf(samples: Float32Array, rateHz: number, startMs: number, blockMs: number): (number | null)[] {
  const indexOf = (bar: number) => Math.round(((blockMs + (bar * BLOCK_MS) / BARS - startMs) * rateHz) / 1000);
  const levels = Array.from({ length: BARS }, (_, bar) => {
    const from = Math.max(0, indexOf(bar));
    const to = Math.min(samples.length, indexOf(bar + 1));
    if (to <= from) return null;
    let sum = 0;
    for (let i = from; i < to; i++) sum += samples[i]! ** 2;
    return Math.sqrt(sum / (to - from));
  });
  const loudest = Math.max(...levels.map((level) => level ?? 0));
  return levels.map((level) => (level === null || loudest === 0 ? level : level / loudest));
}

/**
 * Reads the levels of a block. Where the recording has not reached its end yet, the bars after it are null.
 *
 * @returns null if nothing is recorded there, or this browser cannot decode it
 */
export async function readLevels(
  stream: string,
  blockMs: number,
  signal: AbortSignal,
): Promise<(number | null)[] | null> {
  const either = AbortSignal.any([signal, AbortSignal.timeout(PATIENCE_MS)]);
  try {
    const [fromSeconds, toSeconds] = [blockMs / 1000, (blockMs + BLOCK_MS) / 1000];
    // The file is whole segments: the manifest of the same window names the time of the first one, and counts
    // no viewer.
    const list = windowUrl(stream, { fromSeconds, toSeconds }).replace('.m3u8', '.mpd');
    const [manifest, file] = await Promise.all(
      [list, clipUrl(stream, blockMs, blockMs + BLOCK_MS)].map((url) => fetch(url, { signal: either })),
    );
    if (!manifest?.ok || !file?.ok) return null;
    const startMs = Date.parse(/availabilityStartTime="([^"]+)"/.exec(await manifest.text())?.[1] ?? '');
    if (Number.isNaN(startMs)) return null;
    const sound = await new OfflineAudioContext(1, 1, RATE_HZ).decodeAudioData(await file.arrayBuffer());
    return levelsOf(sound.getChannelData(0), sound.sampleRate, startMs, blockMs);
  } catch {
    return null; // a picture of the sound is not worth a message
  }
}
