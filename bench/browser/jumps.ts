/**
 * Clicks on the timeline bar and measures the time to the frame of that moment.
 * In: a watch page that plays. Out: milliseconds from the release of the button to the first animation frame
 * with the new video frame.
 */
import type { Page } from 'playwright-core';
import { type Look, lookAt } from '../../test/browser/frames.ts';
import { recordScreencast, type Screencast } from '../../test/browser/screencast.ts';
import { until } from '../../test/fixtures/wait.ts';
import { quantile } from '../report.ts';

/** Below this brightness an image is blank; the test picture is three times as bright. */
const BLACK = 24;
/** Longest wait for a jump. */
const GIVE_UP_MS = 15_000;

/** One click. */
interface Jump {
  /** Age of the frame, seconds. */
  readonly agoS: number;
  /** From the release of the button to the frame, milliseconds. */
  readonly ms: number;
}

/** All clicks. */
export interface Jumps {
  readonly plain: readonly Jump[];
  /** Images of a screencast of some more clicks, and how many of them were blank. */
  readonly images: number;
  readonly blank: number;
}

declare global {
  var oxbowJump: { atMs: number | null; utcMs: number | null } | undefined;
}

/**
 * Runs in the page: after the next release of a button, checks each animation frame for a new video frame.
 */
function arm(): void {
  const jump: { atMs: number | null; utcMs: number | null } = { atMs: null, utcMs: null };
  globalThis.oxbowJump = jump;
  const released = (event: PointerEvent) => {
    const before = globalThis.oxbowFrames!.look();
    const startedMs = event.timeStamp;
    const check = (nowMs: number) => {
      const look = globalThis.oxbowFrames!.look();
      // Without the click, playback would have continued from the previous frame.
      const continuedMs = before ? before.utcMs + (nowMs - startedMs) : 0;
      if (look && (!before || Math.abs(look.utcMs - continuedMs) > 3_000)) {
        jump.atMs = nowMs - startedMs;
        jump.utcMs = look.utcMs;
      } else requestAnimationFrame(check);
    };
    requestAnimationFrame(check);
  };
  document.addEventListener('pointerup', released, { once: true, capture: true });
}

/**
 * Clicks at several distances in turn, and records a screencast of some more clicks.
 *
 * @param selector of the bar
 * @param positions where on the bar, 0 to 1
 */
export async function benchJumps(
  page: Page,
  selector: string,
  positions: readonly number[],
  recorded: readonly number[],
): Promise<Jumps> {
  const plain: Jump[] = [];
  for (const position of positions) plain.push(await jump(page, selector, position));
  const screencast: Screencast = await recordScreencast(page, 'video');
  for (const position of recorded) await jump(page, selector, position);
  const values = await screencast.end();
  return { plain, images: values.length, blank: values.filter((value) => value < BLACK).length };
}

async function jump(page: Page, selector: string, position: number): Promise<Jump> {
  await until('it plays', async () => ((await lookAt(page)) as Look | undefined)?.paused === false);
  await page.evaluate(`(${arm})()`);
  const box = (await page.locator(selector).first().boundingBox())!;
  await page.mouse.click(box.x + box.width * position, box.y + box.height / 2);
  await page.mouse.move(box.x, box.y - 120);
  return until(
    `the frame at ${position} of the bar is shown`,
    async () => {
      const done = await page.evaluate(() => globalThis.oxbowJump!);
      return done.atMs !== null && { ms: done.atMs, agoS: (Date.now() - done.utcMs!) / 1000 };
    },
    { withinMs: GIVE_UP_MS, everyMs: 200 },
  );
}

/** Count, p50, p95 and worst of the clicks that match, milliseconds. */
export function jumpTimes(jumps: Jumps, matches: (agoS: number) => boolean): readonly [number, number, number, number] {
  const ms = jumps.plain
    .filter(({ agoS }) => matches(agoS))
    .map((jump) => jump.ms)
    .sort((a, b) => a - b);
  return [ms.length, quantile(ms, 0.5), quantile(ms, 0.95), quantile(ms, 1)];
}
