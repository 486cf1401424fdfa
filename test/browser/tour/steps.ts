/**
 * The first minute of a newcomer, step by step: the demo, its past, the own stream, its past.
 * In: a page, the address of oxbow with its demo, the address of a live source. Out: clicks and duration of
 * each step.
 */
import type { Locator, Page } from 'playwright-core';
import type { StreamView } from '../../../src/api/shapes.ts';
import { until } from '../../fixtures/wait.ts';

/** Then a drag is repeated. */
const SCRUB_MS = 20_000;

/** What the steps work with. */
export interface TourOptions {
  readonly page: Page;
  /** Of oxbow, without a slash at the end. */
  readonly url: string;
  /** Of the playlist of a live source; its path names the stream `film`. */
  readonly source: string;
}

export interface TourStep {
  readonly name: string;
  /** Longest duration, seconds, on a machine with four cores. */
  readonly budgetS: number;
  /** It is on the shortest way to rewinding one's own stream. */
  readonly own: boolean;
  readonly run: (hand: Hand) => Promise<void>;
}

/** A finished step. */
export interface TourResult extends Pick<TourStep, 'name' | 'budgetS' | 'own'> {
  readonly clicks: number;
  readonly seconds: number;
}

/** The newcomer's hand: each click counts. */
export class Hand {
  readonly page: Page;
  readonly url: string;
  readonly source: string;
  clicks = 0;

  constructor({ page, url, source }: TourOptions) {
    this.page = page;
    this.url = url;
    this.source = source;
  }

  async click(locator: Locator): Promise<void> {
    await locator.click();
    this.clicks += 1;
  }

  /** A button by its name. */
  press(name: string): Promise<void> {
    return this.click(this.page.getByRole('button', { name, exact: true }));
  }

  /** Pastes a text where the focus is. */
  async paste(text: string): Promise<void> {
    await this.page.evaluate((text) => navigator.clipboard.writeText(text), text);
    await this.page.keyboard.press('ControlOrMeta+V');
  }

  /**
   * Clicks the timeline bar.
   *
   * @param momentMs ms since 1970
   */
  async clickBar(momentMs: number): Promise<void> {
    await this.page.mouse.click(...(await this.placeOf(momentMs)));
    this.clicks += 1;
  }

  /** Where the timeline bar has a moment, CSS pixels. */
  placeOf = async (momentMs: number): Promise<[x: number, y: number]> => {
    const bar = this.page.getByRole('slider', { name: 'Timeline' });
    const box = (await bar.boundingBox())!;
    const [from, to] = [await bar.getAttribute('aria-valuemin'), await bar.getAttribute('aria-valuemax')].map(Number);
    const share = (momentMs / 1000 - from!) / (to! - from!);
    return [box.x + box.width * share, box.y + box.height / 2];
  };

  /**
   * Waits for moving pictures; with `atMs` for those of that moment, ms since 1970, or as long after it as
   * playback may have continued.
   */
  async seesPictures(atMs?: number, withinMs = 8_000): Promise<void> {
    const seen = await this.page.waitForFunction(
      ([atMs, withinMs]) => {
        const shown = [...document.querySelectorAll('video')].filter(
          (video) =>
            getComputedStyle(video).visibility === 'visible' && video.readyState > 2 && !video.seeking && !video.paused,
        );
        if (!shown.some((video) => video.getVideoPlaybackQuality().totalVideoFrames > 0)) return false;
        const named = Date.parse(document.querySelector('.controls time')?.getAttribute('datetime') ?? '');
        return atMs === undefined || (named > atMs - 2_500 && named < atMs + withinMs);
      },
      [atMs, withinMs] as const,
      { polling: 'raf' },
    );
    await seen.dispose();
  }

  /** The stream, when at least `seconds` of it are recorded. */
  recorded = (name: string, seconds: number): Promise<number> =>
    until(
      `${seconds} s of ${name} are recorded`,
      async () => {
        const reply = await fetch(`${this.url}/api/v1/streams/${name}`);
        const { from, seconds: length } = ((await reply.json()) as StreamView).recorded;
        return from !== null && length >= seconds && Date.parse(from);
      },
      { everyMs: 100 },
    );
}

/** This much is seen before Clip is pressed, ms: a clip of less than a second is not made. */
const LEAST_CLIP_MS = 4_000;
/** About two seconds of a minute. */
const DRAG_PX = 40;
/** Enough past to rewind, seconds. */
const PAST_S = 4;

/** All steps, in their order. */
export const tourSteps: readonly TourStep[] = [
  {
    name: 'the home page is open',
    budgetS: 3,
    own: true,
    async run({ page, url }) {
      await page.goto(`${url}/`);
      await page.getByRole('heading', { name: 'Get started in three steps' }).waitFor();
    },
  },
  {
    name: 'the demo plays',
    budgetS: 6,
    own: false,
    async run(hand) {
      await hand.click(hand.page.getByRole('link', { name: 'Watch', exact: true }));
      await hand.seesPictures();
    },
  },
  {
    name: 'a few seconds of the demo are recorded',
    budgetS: 8,
    own: false,
    run: async (hand) => void (await hand.recorded('demo', PAST_S)),
  },
  {
    name: 'a click into its past shows it',
    budgetS: 2,
    own: false,
    async run(hand) {
      const fromMs = await hand.recorded('demo', PAST_S);
      await hand.clickBar(fromMs + 1_000);
      await hand.seesPictures(fromMs + 1_000);
    },
  },
  {
    name: 'back to the home page',
    budgetS: 2,
    own: false,
    async run(hand) {
      await hand.click(hand.page.getByRole('link', { name: 'oxbow home' }));
      await hand.page.getByRole('heading', { name: 'Get started in three steps' }).waitFor();
    },
  },
  {
    name: 'the own address is pasted',
    budgetS: 2,
    own: true,
    async run(hand) {
      await hand.paste(hand.source);
      await hand.page.getByRole('button', { name: 'Sign in on this computer' }).waitFor();
    },
  },
  {
    name: 'one press signs in, and the source is shown',
    budgetS: 6,
    own: true,
    async run(hand) {
      await hand.press('Sign in on this computer');
      await hand.page.getByRole('img', { name: 'Picture from the source' }).waitFor();
      const name = await hand.page.getByLabel('Name').inputValue();
      if (name !== 'film') throw new Error(`the suggested name is ${name}`);
    },
  },
  {
    name: 'the own stream is recorded and plays',
    budgetS: 5,
    own: true,
    async run(hand) {
      await hand.press('Start recording');
      await hand.page.waitForURL('**/watch/film');
      await hand.seesPictures();
    },
  },
  {
    name: 'a click rewinds the own stream',
    budgetS: 5,
    own: true,
    async run(hand) {
      const fromMs = await hand.recorded('film', PAST_S);
      await hand.clickBar(fromMs + 1_000);
      await hand.seesPictures(fromMs + 1_000);
    },
  },
  {
    name: 'a drag on the bar shows the past in full size',
    budgetS: 5,
    own: false,
    async run({ page, placeOf, recorded }) {
      const fromMs = await recorded('film', PAST_S);
      await page.getByRole('slider', { name: 'Timeline' }).focus();
      for (let presses = 0; presses < 8; presses++) await page.keyboard.press('+');
      const scrub = page.locator('.stage [data-scrub]');
      // The bar moves while it zooms and follows live: on a busy machine the place may be another time by
      // then.
      await until('the drag shows the past', async () => {
        const [x, y] = await placeOf(fromMs + 1_000);
        await page.mouse.move(x, y);
        await page.mouse.down();
        // By pixels: the bar may have followed live before the press, so a place of a later time may be where
        // the pointer is.
        await page.mouse.move(x + DRAG_PX, y, { steps: 5 });
        const isShown = await scrub.waitFor({ timeout: SCRUB_MS }).then(
          () => true,
          () => false,
        );
        await page.mouse.up();
        return isShown;
      });
      await scrub.waitFor({ state: 'detached' });
    },
  },
  {
    name: 'T and a time go there',
    budgetS: 3,
    own: false,
    async run(hand) {
      await hand.page.keyboard.press('t');
      const field = hand.page.getByLabel('Date and time');
      await field.fill('-5s');
      const atMs = Date.now() - 5_000;
      await field.press('Enter');
      await field.waitFor({ state: 'hidden' });
      await hand.seesPictures(atMs);
    },
  },
  {
    name: 'Clip marks what was just seen, and makes a page of it',
    budgetS: 5,
    own: false,
    async run(hand) {
      const fromMs = await hand.recorded('film', PAST_S);
      await hand.seesPictures(fromMs + LEAST_CLIP_MS, Number.POSITIVE_INFINITY);
      await hand.page.getByText(/^recorded \d/).waitFor(); // the page knows what there is for a clip
      await hand.press('Clip');
      await hand.press('Create clip');
      await hand.page.getByRole('link', { name: 'Open', exact: true }).waitFor();
    },
  },
];

/**
 * Runs the steps.
 *
 * @param onStep called after each step, e.g. for a screenshot; its duration does not count
 */
export async function takeTour(
  options: TourOptions,
  onStep: (result: TourResult) => Promise<void> = async () => {},
): Promise<TourResult[]> {
  await options.page.context().grantPermissions(['clipboard-read', 'clipboard-write'], { origin: options.url });
  const hand = new Hand(options);
  const results: TourResult[] = [];
  for (const { name, budgetS, own, run } of tourSteps) {
    hand.clicks = 0;
    const begunAt = performance.now();
    try {
      await run(hand);
    } catch (error) {
      throw new Error(`The tour ended at "${name}": ${(error as Error).message}`, { cause: error });
    }
    const result = { name, budgetS, own, clicks: hand.clicks, seconds: (performance.now() - begunAt) / 1000 };
    results.push(result);
    await onStep(result);
  }
  return results;
}
