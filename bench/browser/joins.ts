/**
 * Plays a recording over two ten-minute marks and the hole between them, and tells of each picture whether it was shown.
 * In: a watch page, a recording. Out: how many there were, were seen, and what became of the others.
 */
import type { Page } from 'playwright-core';
import { frameWhen, isUntold, takeFrames } from '../../test/browser/frames.ts';
import { FRAME_MS, type JoinedRecording } from '../../test/fixtures/joined-recording.ts';
import type { Server } from '../../test/fixtures/server.ts';

/** Pictures over two joins. */
export interface Joins {
  readonly wished: number;
  readonly seen: number;
  /** Presented without a word to the page, which was busy: the browser's own count of presented pictures has them. */
  readonly untold: number;
  /** The rest: not presented. */
  readonly missing: readonly number[];
  /** Pictures that the browser says it left out because they came too late. */
  readonly dropped: number;
}

/**
 * Plays it once.
 *
 * @param marginS at either end of each stretch, not counted
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
  const wished = overMarks.flatMap(({ fromMs, toMs }) =>
    Array.from(
      { length: (toMs - fromMs - 2000 * marginS) / FRAME_MS },
      (_, i) => fromMs + 1000 * marginS + i * FRAME_MS,
    ),
  );
  const unseen = wished.filter((utcMs) => !shown.has(utcMs));
  const missing = unseen.filter((utcMs) => !isUntold(seen, utcMs, FRAME_MS));
  return {
    wished: wished.length,
    seen: wished.length - unseen.length,
    untold: unseen.length - missing.length,
    missing,
    dropped: (seen.at(-1)?.dropped ?? 0) - (seen[0]?.dropped ?? 0),
  };
}
