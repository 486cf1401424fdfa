import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import type { Browser, BrowserContext, Locator, Page } from 'playwright-core';
import { readStrip, stripHeight } from '../../src/ffmpeg/strip.ts';
import { need } from '../fixtures/need.ts';
import { type Folder, openFolder, type Server } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { collectFaults, openBrowser, openVisitor } from './chromium.ts';
import { type ForeignSite, openForeignSite } from './foreign-page.ts';
import { newestStretch, startSample } from './stretch.ts';

/** What `<oxbow-player>` says of itself, on whatever page it stands. */
interface Told {
  readonly currentTime: number;
  readonly startMs: number;
  readonly seekableEnd: number;
  readonly duration: number;
  readonly paused: boolean;
  readonly playbackRate: number;
}

/** UTC that the picture of a video shows, ms since 1970; undefined while there is none. */
async function shownIn(video: Locator): Promise<number | undefined> {
  if ((await video.count()) !== 1) return undefined;
  const raw = await video.evaluate((element) => {
    const shown = element as HTMLVideoElement;
    const { videoWidth: width, videoHeight: height } = shown;
    if (shown.readyState < 2 || shown.seeking || width === 0) return null;
    const context = new OffscreenCanvas(width, height).getContext('2d');
    if (!context) return null;
    context.drawImage(shown, 0, 0);
    const { data } = context.getImageData(0, Math.floor(Math.round(height / 18) / 2), width, 1);
    return { width, height, row: Array.from({ length: width }, (_, x) => data[4 * x + 1] ?? 0) };
  });
  if (!raw) return undefined;
  const luma = new Uint8Array(raw.width * (Math.floor(stripHeight(raw.height) / 2) + 1));
  luma.set(raw.row, luma.length - raw.width);
  return readStrip(luma, raw.width, raw.height)?.utcMs;
}

suite('a stream on other people’s pages', { skip: need('chromium') }, () => {
  let folder: Folder;
  let server: Server;
  let site: ForeignSite;
  let browser: Browser;
  let context: BrowserContext;

  before(async () => {
    folder = await openFolder('embed');
    server = await startSample(`${folder.path}/data`);
    site = await openForeignSite(server.url);
    browser = await openBrowser();
    context = await openVisitor(browser, { width: 800, height: 600 });
    await newestStretch(server, 3);
  });
  after(async () => {
    await browser?.close();
    await site?.[Symbol.asyncDispose]();
    await server?.[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  /** Shows a page of the other site, and asks that nothing went wrong on it. */
  async function onPage(path: string, look: (page: Page) => Promise<void>): Promise<void> {
    const page = await context.newPage();
    const faults = collectFaults(page);
    await page.goto(`${site.url}${path}`);
    await look(page);
    // On a busy machine the still of a moment may be asked for before that is recorded.
    const isEarly = faults.some((fault) => /\/thumb\/\S* 404$/.test(fault));
    assert.deepEqual(isEarly ? faults.filter((fault) => !/ 404( |$)/.test(fault)) : faults, []);
    await page.close();
  }

  /** Waits until a video shows the present, as far as a busy machine's test picture is that. */
  const plays = (video: Locator) =>
    until('it plays live', async () => {
      const utcMs = await shownIn(video);
      if (utcMs !== undefined && Date.now() - utcMs > 30_000) throw new Error(`it shows ${utcMs} at ${Date.now()}`);
      return utcMs;
    });

  const tell = (page: Page): Promise<Told> =>
    page.locator('oxbow-player').evaluate((element) => {
      const player = element as HTMLMediaElement & { getStartDate(): Date };
      const { currentTime, seekable, duration, paused, playbackRate } = player;
      const seekableEnd = seekable.length === 0 ? Number.NaN : seekable.end(0);
      return { currentTime, startMs: player.getStartDate().getTime(), seekableEnd, duration, paused, playbackRate };
    });

  test('a frame plays by itself, silent, with controls and a way to the watch page', async () => {
    await onPage('/frame', async (page) => {
      const frame = page.frameLocator('iframe');
      const first = await plays(frame.locator('video[data-front]'));
      await until('it goes on', async () => ((await shownIn(frame.locator('video[data-front]'))) ?? 0) > first);
      await frame.getByRole('button', { name: 'Pause' }).waitFor();
      await frame.getByRole('slider', { name: 'Timeline' }).waitFor();
      const link = frame.getByRole('link', { name: 'Watch on oxbow' });
      assert.match((await link.getAttribute('href'))!, new RegExp(`^${server.url}/watch/demo`));
    });
  });

  test('a frame that was not asked to play waits with a still, and begins at a click', async () => {
    await onPage('/waiting', async (page) => {
      const frame = page.frameLocator('iframe');
      await frame.locator('img.poster').waitFor();
      assert.equal(await frame.locator('video[data-front]').count(), 0);
      await frame.getByRole('button', { name: 'Play' }).first().click();
      await plays(frame.locator('video[data-front]'));
    });
  });

  test('the interface itself cannot be framed by others', async () => {
    const page = await context.newPage();
    await page.goto(`${site.url}/own`);
    await until('the frame is refused', () =>
      page.frames().some((frame) => frame.url().startsWith('chrome-error://') || frame.url() === 'about:blank'),
    );
    await page.close();
  });

  test('no page of oxbow does anything that its own policy forbids', async () => {
    const page = await context.newPage();
    const forbidden: string[] = [];
    await page.exposeFunction('forbidden', (what: string) => forbidden.push(what));
    await page.addInitScript(() => {
      document.addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI, sourceFile }) => {
        (window as unknown as { forbidden(what: string): void }).forbidden(
          `${violatedDirective} ${blockedURI} ${sourceFile}`,
        );
      });
    });
    for (const path of ['/', '/clips', '/record', '/watch/demo', '/embed/demo?autoplay&muted']) {
      await page.goto(server.url + path);
      await page.locator('h1').waitFor({ state: 'attached' });
      if (path.includes('demo')) await page.locator('video[data-front]').waitFor({ state: 'attached' });
    }
    assert.deepEqual(forbidden, []);
    await page.close();
  });

  test('the element plays under a strict policy of the page, and speaks as a media element does', async () => {
    await onPage('/element', async (page) => {
      const video = page.locator('oxbow-player video[data-front]');
      await plays(video);
      await page.locator('oxbow-player').getByRole('button', { name: 'Pause' }).waitFor();
      const told = await until('it knows its time', async () => {
        const now = await tell(page);
        return now.currentTime > 0 && now;
      });
      assert.equal(told.duration, Number.POSITIVE_INFINITY);
      assert.equal(told.paused, false);
      const aheadS = Date.now() / 1000 - (told.startMs / 1000 + told.currentTime);
      assert.ok(aheadS > -1 && aheadS < 30, `${aheadS} s behind`);
      assert.ok(told.seekableEnd >= told.currentTime);

      // The programme time it tells is that of its picture.
      await page.locator('oxbow-player').evaluate((element) => (element as HTMLMediaElement).pause());
      await until('it stands still', async () => {
        const [utcMs, { currentTime, startMs, paused }] = [await shownIn(video), await tell(page)];
        return paused && Math.abs((utcMs ?? 0) - startMs - currentTime * 1000) < 100;
      });
    });
  });

  test('media-chrome drives it unchanged: pause, play, back in time, live, speed', async () => {
    await onPage('/chrome', async (page) => {
      const video = page.locator('oxbow-player video[data-front]');
      await plays(video);
      const live = page.locator('media-live-button');
      await until('the live button is lit', () => live.evaluate((button) => button.hasAttribute('mediatimeislive')));
      await page.locator('media-play-button').click();
      await until('it pauses', async () => (await tell(page)).paused);
      await page.locator('media-play-button').click();
      await until('it plays', async () => !(await tell(page)).paused);

      // So far back that it stays in the past for as long as this looks, however busy the machine is.
      const { seekableEnd } = await until('there is a past', async () => {
        const told = await tell(page);
        return told.seekableEnd > 30 && told;
      });
      const backTo = seekableEnd - 30;
      await page.locator('media-time-range').evaluate((range, detail) => {
        range.dispatchEvent(new CustomEvent('mediaseekrequest', { bubbles: true, composed: true, detail }));
      }, backTo);
      await until('it is back there', async () => {
        const { startMs, currentTime } = await tell(page);
        const utcMs = await shownIn(video);
        const agrees = utcMs !== undefined && Math.abs(utcMs - startMs - currentTime * 1000) < 1_500;
        return agrees && currentTime < backTo + 10;
      });
      await until('the live button is dark', () => live.evaluate((button) => !button.hasAttribute('mediatimeislive')));
      await page.locator('media-playback-rate-button').click();
      await until('it is faster', async () => (await tell(page)).playbackRate > 1);
      await live.click();
      await plays(video);
      await until('the live button is lit again', () =>
        live.evaluate((button) => button.hasAttribute('mediatimeislive')),
      );
    });
  });
});
