import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import type { Browser, BrowserContext, CDPSession, Page, Route } from 'playwright-core';
import type { RecordedDays } from '../../src/api/measure/recorded-days.ts';
import type { StreamView, TimelineView } from '../../src/api/shapes.ts';
import { need } from '../fixtures/need.ts';
import { type Folder, openFolder, type Server } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { fullTest } from '../full.ts';
import { collectFaults, openBrowser, openVisitor, PAGE_WITHIN_MS, withoutEarlyWindows } from './chromium.ts';
import { overflowing } from './overflow.ts';
import { readPicture } from './picture.ts';
import { newestStretch, type Stretch, startSample } from './stretch.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const iso = (ms: number) => new Date(ms).toISOString();

/** The view of the bar, from its slider, ms since 1970. */
async function viewOf(page: Page): Promise<Stretch> {
  const track = page.getByRole('slider', { name: 'Timeline' });
  const read = async (name: string) => Number(await track.getAttribute(name)) * 1000;
  return { fromMs: await read('aria-valuemin'), toMs: await read('aria-valuemax') };
}

const lengthOf = ({ fromMs, toMs }: Stretch) => toMs - fromMs;

/** Waits until the length of the view matches. */
function untilLength(page: Page, what: string, matches: (ms: number) => boolean): Promise<Stretch> {
  return until(what, async () => {
    const view = await viewOf(page);
    if (!matches(lengthOf(view))) throw new Error(`it shows ${lengthOf(view) / MINUTE} min`);
    return view;
  });
}

/** The point of the window above a time, CSS pixels. */
async function pointOf(page: Page, momentMs: number): Promise<[x: number, y: number]> {
  const { fromMs, toMs } = await viewOf(page);
  const box = (await page.locator('.track').boundingBox())!;
  return [box.x + (box.width * (momentMs - fromMs)) / (toMs - fromMs), box.y + box.height / 2];
}

suite('the timeline bar, in a browser', { skip: need('chromium') }, () => {
  let folder: Folder;
  let server: Server;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  let faults: string[];
  let startedMs: number;
  let gap: Stretch;
  let still: Buffer;

  /**
   * Three days that were not recorded, with a gap five minutes ago, before what the server really has. They
   * end some time before it: if they were adjacent, a seek to its start just after a ten-minute mark would
   * request the window before the mark, and rightly so.
   */
  async function addPast(route: Route): Promise<void> {
    const answer = await route.fetch();
    const view = (await answer.json()) as TimelineView;
    const query = new URL(route.request().url()).searchParams;
    const [from, to] = [Number(query.get('from')) * 1000, Number(query.get('to')) * 1000];
    const cut = (fromMs: number, toMs: number) => {
      const [cutFrom, cutTo] = [Math.max(from, fromMs), Math.min(to, toMs)];
      return cutTo > cutFrom ? [{ from: iso(cutFrom), to: iso(cutTo) }] : [];
    };
    const spans = [...cut(startedMs - 3 * DAY, gap.fromMs), ...cut(gap.toMs, startedMs - MINUTE / 2), ...view.spans];
    const gaps = cut(gap.fromMs, gap.toMs).map((span) => ({ ...span, cause: 'disk', detail: 'ENOSPC' }));
    await route.fulfill({ json: { ...view, from: iso(from), spans, gaps: [...gaps, ...view.gaps] } });
  }

  /** The days of that past, in the zone of the browser. */
  async function addDays(route: Route): Promise<void> {
    const view = (await (await route.fetch()).json()) as RecordedDays;
    const nameOf = (ms: number) => new Date(ms).toLocaleDateString('sv-SE', { timeZone: view.zone }); // 2026-11-22
    const names = [3, 2, 1, 0].map((days) => nameOf(startedMs - days * DAY));
    const days = names.filter((day) => day >= view.from && day <= view.to).map((day) => ({ day }));
    await route.fulfill({ json: { ...view, days } });
  }

  /** Makes the stream three days old. */
  async function sayOlder(route: Route): Promise<void> {
    const stream = (await (await route.fetch()).json()) as StreamView;
    await route.fulfill({ json: { ...stream, recorded: { ...stream.recorded, from: iso(startedMs - 3 * DAY) } } });
  }

  /** A constant bitrate, and in its middle a change of the picture. */
  async function addActivity(route: Route): Promise<void> {
    const query = new URL(route.request().url()).searchParams;
    const [from, to, res] = ['from', 'to', 'res'].map((name) => Number(query.get(name))) as [number, number, number];
    const steps = Math.ceil((to - from) / 1000 / res);
    const changes = Array.from({ length: steps }, (_, step) => (Math.abs(step - steps / 2) < 3 ? 12 : 0.2));
    const values = changes.map(() => 1_000_000);
    await route.fulfill({ json: { from: iso(from), to: iso(to), res, values, changes } });
  }

  /** A page with that stream; all its stills are the same. */
  async function openBar(of: BrowserContext): Promise<Page> {
    const opened = await of.newPage();
    // A page that is closed needs no response.
    await opened.route('**/api/v1/streams/demo/timeline?*', (route) => addPast(route).catch(() => {}));
    await opened.route('**/api/v1/streams/demo/days?*', (route) => addDays(route).catch(() => {}));
    await opened.route('**/api/v1/streams/demo', (route) => sayOlder(route).catch(() => {}));
    await opened.route('**/api/v1/streams/demo/activity?*', (route) => addActivity(route).catch(() => {}));
    await opened.route('**/thumb/demo/**/*.jpg', (route) => route.fulfill({ contentType: 'image/jpeg', body: still }));
    await opened.goto(`${server.url}/watch/demo`);
    await opened.locator('.track').waitFor();
    await untilLength(opened, 'two hours are shown at first', (ms) => Math.abs(ms - 2 * HOUR) < 3_000);
    return opened;
  }

  before(async () => {
    folder = await openFolder('timeline');
    server = await startSample(`${folder.path}/data`);
    const { fromMs } = await newestStretch(server, 8);
    startedMs = fromMs;
    gap = { fromMs: fromMs - 5 * MINUTE, toMs: fromMs - 4 * MINUTE };
    const second = Math.ceil(fromMs / 5_000) * 5;
    still = Buffer.from(await until('a still is there', () => server.bytes(`/thumb/demo/${second}.jpg`)));
    browser = await openBrowser();
    context = await openVisitor(browser);
    page = await openBar(context);
    faults = collectFaults(page);
  });
  after(async () => {
    await browser?.close();
    await server?.[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  test('a change of the picture is a peak of the activity curve, at a constant bitrate', async () => {
    const path = page.locator('[data-activity] path');
    await path.waitFor({ state: 'attached' });
    const box = (await path.boundingBox())!;
    const track = (await page.locator('.track').boundingBox())!;
    assert.ok(box.height > track.height / 4, `it is ${box.height} of ${track.height} pixels high`);
    assert.match((await path.getAttribute('d'))!, /V0H/, 'it reaches the top');
    await page.getByText('Activity', { exact: true }).waitFor();
  });

  test('the wheel zooms about the pointer, and the page does not scroll', async () => {
    const view = await viewOf(page);
    const momentMs = view.fromMs + lengthOf(view) / 4;
    await page.mouse.move(...(await pointOf(page, momentMs)));
    await page.mouse.wheel(0, -300);
    const near = await untilLength(page, 'it shows less', (ms) => ms < 1.5 * HOUR);
    assert.ok(Math.abs((momentMs - near.fromMs) / lengthOf(near) - 0.25) < 0.05, 'the moment stays under the pointer');
    await page.mouse.wheel(0, 300);
    await untilLength(page, 'and as much as before', (ms) => Math.abs(ms - 2 * HOUR) < 2 * MINUTE);
    assert.equal(await page.evaluate(() => scrollY), 0);
  });

  fullTest('keys zoom from all that is kept to a minute', async () => {
    await page.locator('.track').focus();
    await page.keyboard.press('0');
    await untilLength(page, 'three days are shown', (ms) => Math.abs(ms - 3 * DAY) < 10 * MINUTE);
    for (let presses = 0; presses < 20; presses += 1) await page.keyboard.press('+');
    await untilLength(page, 'a minute is shown', (ms) => Math.abs(ms - MINUTE) < 3_000);
    await page.keyboard.press('-');
    await untilLength(page, 'a little more', (ms) => ms > 1.3 * MINUTE);
  });

  test('a gap shows its cause at the pointer, and has no still', async () => {
    await page.getByRole('button', { name: '10 min' }).click();
    await untilLength(page, 'ten minutes are shown', (ms) => Math.abs(ms - 10 * MINUTE) < 3_000);
    await page.mouse.move(...(await pointOf(page, (gap.fromMs + gap.toMs) / 2)));
    await page.locator('.preview', { hasText: 'Gap: the disk was full or failed' }).waitFor();
    const words = (await page.locator('.preview').textContent())!;
    assert.match(words, /ENOSPC/);
    assert.match(words, /1 min 0 s long/);
    assert.match(words, /UTC/);
    assert.equal(await page.locator('.preview img').count(), 0);
  });

  test('recorded media has a still at the pointer', async () => {
    await page.mouse.move(...(await pointOf(page, gap.fromMs - MINUTE)));
    await page.waitForFunction(() => document.querySelector<HTMLImageElement>('.preview img')?.naturalWidth);
  });

  test('the bar does not move under a pressed pointer, and follows live again after it', async () => {
    await page.locator('.track').focus();
    for (let presses = 0; presses < 20; presses += 1) await page.keyboard.press('+');
    await page.locator('.golive.edge').waitFor();
    const { fromMs, toMs } = await untilLength(page, 'a minute is shown', (ms) => Math.abs(ms - MINUTE) < 3_000);
    await page.mouse.move(...(await pointOf(page, (fromMs + toMs) / 2)));
    await page.mouse.down();
    const held = await viewOf(page);
    const shown = await until('a picture is there', () => readPicture(page));
    await until('live continues', async () => ((await readPicture(page))?.utcMs ?? 0) > shown.utcMs + 3_000);
    assert.deepEqual(await viewOf(page), held);
    await page.keyboard.press('Escape');
    await page.mouse.up();
    await until('it follows again', async () => (await viewOf(page)).fromMs > held.fromMs + 2_000);
    await page.getByRole('button', { name: '10 min' }).click();
    await untilLength(page, 'ten minutes are shown', (ms) => Math.abs(ms - 10 * MINUTE) < 3_000);
  });

  test('a drag shows stills and seeks once, when it is released', async () => {
    const windows: string[] = [];
    page.on('request', (request) => {
      if (request.url().includes('/vod/')) windows.push(request.url());
    });
    const momentMs = startedMs + 3_000;
    const before = await until('a picture is there', () => readPicture(page));
    await page.mouse.move(...(await pointOf(page, gap.fromMs - 2 * MINUTE)));
    await page.mouse.down();
    await page.mouse.move(...(await pointOf(page, gap.fromMs - MINUTE)), { steps: 5 });
    const scrubbed = page.locator('.stage [data-scrub]');
    const scrubbedMs = async () => Number(await scrubbed.getAttribute('data-scrub'));
    await until('the picture of that time covers the video', async () => {
      const near = Math.abs((await scrubbedMs()) - (gap.fromMs - MINUTE)) < 15_000;
      return near && scrubbed.evaluate((canvas: HTMLCanvasElement) => canvas.width >= 160);
    });
    assert.equal(await page.locator('.preview img').count(), 0, 'the picture is shown once');
    await until('at rest it is exact', async () => Math.abs((await scrubbedMs()) - (gap.fromMs - MINUTE)) < 2_500);
    await page.mouse.move(...(await pointOf(page, gap.fromMs + MINUTE / 2)));
    await page.locator('.stage .when', { hasText: 'Gap: the disk was full or failed' }).waitFor();
    assert.deepEqual(windows, []);
    await page.keyboard.press('Escape');
    await scrubbed.waitFor({ state: 'detached' });
    await page.mouse.up();
    assert.deepEqual(windows, [], 'Escape leaves the player where it was');
    await page.mouse.down();
    await page.mouse.move(...(await pointOf(page, momentMs)), { steps: 5 });
    await scrubbed.waitFor();
    await page.mouse.up();
    await until('that moment is shown', async () => {
      const shown = await readPicture(page);
      // Soon after the start the live picture is there, too: only a jump goes back.
      return shown && shown.utcMs > momentMs - 3_000 && shown.utcMs < Math.min(momentMs + 10_000, before.utcMs);
    });
    await scrubbed.waitFor({ state: 'detached' });
  });

  fullTest('the slider announces the shown time', async () => {
    const slider = page.getByRole('slider', { name: 'Timeline' });
    await until('it announces a time before live', async () =>
      /\d\d:\d\d:\d\d, .* behind live/.test((await slider.getAttribute('aria-valuetext'))!),
    );
  });

  fullTest('the handles of a clip move by keys, a second or a frame', async () => {
    await page.keyboard.press('i');
    const from = page.getByRole('slider', { name: 'Clip start' });
    await from.waitFor();
    const at = async () => Number(await from.getAttribute('aria-valuenow'));
    const firstAt = await at();
    await from.focus();
    await page.keyboard.press('ArrowLeft');
    await page.keyboard.press('ArrowLeft');
    await until('it is two seconds earlier', async () => (await at()) === firstAt - 2);
    await page.keyboard.press('PageDown');
    await until('it is ten seconds earlier', async () => (await at()) === firstAt - 12);
    for (let presses = 0; presses < 25; presses += 1) await page.keyboard.press('Shift+ArrowRight');
    await until('25 frames are a second', async () => (await at()) === firstAt - 11);
  });

  fullTest('a drag on the ruler pans, and one button returns to the playhead', async () => {
    const before = await viewOf(page);
    const box = (await page.locator('.ruler').boundingBox())!;
    await page.mouse.move(box.x + 100, box.y + 6);
    await page.mouse.down();
    await page.mouse.move(box.x + 100 + box.width * 0.8, box.y + 6, { steps: 4 });
    await page.mouse.move(box.x + 100 + box.width * 0.8, box.y + 7);
    await page.mouse.up();
    await until('it shows earlier', async () => (await viewOf(page)).fromMs < before.fromMs - 6 * MINUTE);
    await page.getByRole('button', { name: 'Back to the playback position' }).click();
    await page.locator('.shown').waitFor();
  });

  fullTest('T opens the choice of a time: typed, or a day with footage by keys', async () => {
    let months = 0;
    page.on('request', (request) => {
      months += request.url().includes('/days?') ? 1 : 0;
    });
    await page.keyboard.press('t');
    const dialog = page.getByRole('dialog', { name: 'Go to a time' });
    const field = dialog.getByLabel('Date and time');
    const utc = (ms: number) => `${iso(ms).slice(0, 19).replace('T', ' ')} UTC`;
    await field.fill('2001-02-03 04:05');
    await dialog.getByText('Recording begins at').waitFor();
    await field.fill(utc((gap.fromMs + gap.toMs) / 2));
    await dialog.getByText('Nothing was recorded then; the next picture is at').waitFor();
    const chosen = dialog.locator('[aria-selected="true"] button');
    await dialog
      .getByRole('button', { name: /, recorded$/ })
      .first()
      .waitFor();
    const day = await chosen.getAttribute('aria-label'); // in the zone of the browser, which may have tomorrow
    await chosen.focus();
    await page.keyboard.press('ArrowLeft');
    await page.keyboard.press('Enter');
    await until('the day before is chosen', async () => (await chosen.getAttribute('aria-label')) !== day);
    await field.fill(utc(startedMs + 2_000));
    await page.keyboard.press('Enter');
    await dialog.waitFor({ state: 'hidden' });
    await until('that time is shown', async () => {
      const shown = await readPicture(page);
      return shown && Math.abs(shown.utcMs - startedMs - 2_000) < 10_000;
    });
    assert.ok(months <= 8, `the calendar sent ${months} requests`);
  });

  fullTest('buttons step to gaps and markers, and say so where there is none', async () => {
    const bar = await openBar(context); // not the page of the other tests: the made-up past cannot be played
    await bar.locator('.golive.edge').waitFor();
    const back = bar.getByRole('button', { name: 'Previous marker or gap' });
    const forward = bar.getByRole('button', { name: 'Next marker or gap' });
    await until('nothing is after live', async () => (await forward.getAttribute('aria-disabled')) === 'true');
    assert.equal(await forward.getAttribute('title'), 'No marker or gap after this time');
    const windows: number[] = [];
    bar.on('request', (request) => windows.push(Number(/\/vod\/demo\/(\d+)\//.exec(request.url())?.[1] ?? 0)));
    await back.click();
    const beforeGapS = (gap.fromMs - 3_000) / 1000;
    await until('it plays what is before the gap', () => windows.some((s) => s > beforeGapS - 660 && s <= beforeGapS));
    await bar.keyboard.press('t');
    const dialog = bar.getByRole('dialog', { name: 'Go to a time' });
    const field = dialog.getByLabel('Date and time');
    await field.fill(`${iso(startedMs).slice(0, 19).replace('T', ' ')} UTC`);
    await dialog.getByRole('button', { name: 'Previous gap' }).click();
    await dialog.getByText('A gap begins three seconds later.').waitFor();
    const next = dialog.getByRole('button', { name: 'Next gap' });
    await next.press('Enter'); // Playwright does not click what is disabled
    await dialog.getByText('A gap begins three seconds later.').waitFor({ state: 'hidden' });
    await dialog.getByText('No gap after this time.').waitFor();
    assert.equal(await next.getAttribute('aria-disabled'), 'true');
    await dialog.getByRole('button', { name: 'Previous marker' }).click();
    await dialog.getByText('No marker before this time.').waitFor();
    await bar.close();
  });

  fullTest('two fingers pinch, one scrubs; nothing is wider than the phone', async () => {
    await using phone = await browser.newContext({
      viewport: { width: 390, height: 844 },
      hasTouch: true,
      isMobile: true,
    });
    phone.setDefaultTimeout(PAGE_WITHIN_MS);
    const touched = await openBar(phone);
    assert.deepEqual(await overflowing(touched), []);
    const box = (await touched.locator('.track').boundingBox())!;
    const session = await phone.newCDPSession(touched);
    await scrubAcross(touched, session);
    const at = (...shares: number[]) =>
      shares.map((share, id) => ({ x: box.x + box.width * share, y: box.y + box.height / 2, id }));
    await touch(session, at(0.4), at(0.4, 0.6), at(0.3, 0.7), at(0.2, 0.8), []);
    const near = await untilLength(touched, 'a third is shown', (ms) => Math.abs(ms - (2 * HOUR) / 3) < 3 * MINUTE);
    await touch(session, at(0.3), at(0.4), at(0.5));
    const preview = touched.locator('.preview.raised');
    await preview.waitFor();
    assert.ok(
      (await preview.boundingBox())!.y + (await preview.boundingBox())!.height < box.y - 20,
      'above the finger',
    );
    await touch(session, []);
    await preview.waitFor({ state: 'detached' });
    assert.ok(near.toMs < Date.now());
  });

  test('no console error, no failed request in all this', () => assert.deepEqual(withoutEarlyWindows(faults), []));
});

/**
 * Drags a finger across the picture to the left, and waits until the player loads an earlier time: here it
 * was not really recorded.
 */
async function scrubAcross(page: Page, session: CDPSession): Promise<void> {
  const picture = (await page.locator('.stage').boundingBox())!;
  const at = (share: number) => [{ x: picture.x + picture.width * share, y: picture.y + picture.height / 2, id: 0 }];
  const scrubbed = page.locator('.stage [data-scrub]');
  await page.locator('.golive.edge').waitFor();
  await page.locator('.stage .surface.scrubs').waitFor();
  const before = Date.parse((await page.locator('.controls time').getAttribute('datetime'))!);
  await touch(session, at(0.9), at(0.7), at(0.5));
  await page.locator('.stage .when').waitFor();
  await scrubbed.waitFor();
  const loads = page.waitForRequest((request) => {
    const fromS = Number(/\/vod\/demo\/(\d+)\//.exec(request.url())?.[1]);
    return fromS * 1000 < before - MINUTE;
  });
  await Promise.all([loads, touch(session, at(0.3), [])]);
  await scrubbed.waitFor({ state: 'detached' });
}

/** Touches the screen step by step; a step without fingers ends it. */
async function touch(session: CDPSession, ...steps: { x: number; y: number; id: number }[][]): Promise<void> {
  let down = 0;
  for (const touchPoints of steps) {
    const type = touchPoints.length > down ? 'touchStart' : touchPoints.length === 0 ? 'touchEnd' : 'touchMove';
    await session.send('Input.dispatchTouchEvent', { type, touchPoints });
    down = touchPoints.length;
  }
}
