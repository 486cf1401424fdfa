/**
 * Plays a recording across two ten-minute marks and the gap between them, and checks which frames were
 * presented.
 * In: a watch page, a recording. Out: counts of frames.
 */
import type { Page } from 'playwright-core';
import { frameWhen, isUntold, takeFrames } from '../../test/browser/frames.ts';
import { FRAME_MS, type JoinedRecording } from '../../test/fixtures/joined-recording.ts';
import type { Server } from '../../test/fixtures/server.ts';

/** Frames over two joins. */
export interface Joins {
  readonly expected: number;
  readonly seen: number;
  /** Presented according to the browser's count, but not reported to the page, which was busy. */
  readonly unreported: number;
  /** UTC of the frames that were not presented, ms. */
  readonly missing: readonly number[];
  /** Frames that the browser reports as dropped. */
  readonly dropped: number;
}

/**
 * Plays it once.
 *
 * @param marginS seconds at both ends of each range that do not count
 */
export async function playJoins(
  page: Page,
  server: Server,
  { overMarks }: JoinedRecording,
  marginS: number,
): Promise<Joins> {
  const [first, second] = overMarks;
  await page.goto(`${server.url}/watch/joined?t=${first.fromMs / 1000}`);
  await takeFrames(page);
  await frameWhen(page, 'it plays over both', ({ utcMs }) => utcMs > second.toMs - (marginS * 1000) / 2, 120_000);
  const seen = (await takeFrames(page)).filter(({ front }) => front);
  const shown = new Set(seen.map(({ utcMs }) => utcMs));
  const expected = overMarks.flatMap(({ fromMs, toMs }) =>
    Array.from(
      { length: (toMs - fromMs - 2000 * marginS) / FRAME_MS },
      (_, i) => fromMs + 1000 * marginS + i * FRAME_MS,
    ),
  );
  const unseen = expected.filter((utcMs) => !shown.has(utcMs));
  const missing = unseen.filter((utcMs) => !isUntold(seen, utcMs, FRAME_MS));
  return {
    expected: expected.length,
    seen: expected.length - unseen.length,
    unreported: unseen.length - missing.length,
    missing,
    dropped: (seen.at(-1)?.dropped ?? 0) - (seen[0]?.dropped ?? 0),
  };
}
