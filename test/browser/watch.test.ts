import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import states from '../../web/src/text/en/home.json' with { type: 'json' };
import words from '../../web/src/text/en/watch.json' with { type: 'json' };
import zhStates from '../../web/src/text/zh-CN/home.json' with { type: 'json' };
import zh from '../../web/src/text/zh-CN/watch.json' with { type: 'json' };
import { need } from '../fixtures/need.ts';
import { type Folder, openFolder, type Server, smallPicture, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { fullTest, isFull } from '../full.ts';
import { copyAlone } from './alone.ts';
import { violations } from './axe.ts';
import { collectFaults, type Looks, openBrowser, openVisitor, withoutEarlyWindows } from './chromium.ts';
import { overflowing } from './overflow.ts';
import { layoutShift, messages, observePage } from './page-log.ts';
import { readPicture, type Shown } from './picture.ts';
import { newestStretch } from './stretch.ts';

const adminToken = 'let-me-in-please';

/** Waits for a picture that matches. */
function picture(page: Page, what: string, matches: (shown: Shown) => boolean): Promise<Shown> {
  return until(what, async () => {
    const shown = await readPicture(page);
    if (shown && !matches(shown)) throw new Error(`the picture shows ${JSON.stringify(shown)} at ${Date.now()}`);
    return shown;
  });
}

const isLive = ({ utcMs, paused }: Shown) => !paused && Math.abs(Date.now() - utcMs) < 5_000;
/** Whether the picture is the one at a time, or one of the seconds after it. */
const isFrom = (momentMs: number, shown: Shown) => shown.utcMs >= momentMs - 300 && shown.utcMs < momentMs + 8_000;

/** It is paused, and the page shows the time of the picture. */
const isSettled = ({ paused, utcMs, namedMs }: Shown) => paused && Math.abs(utcMs - (namedMs ?? 0)) <= 300;

/** Pauses with the keyboard, compares the time in the picture with the page, and plays. */
async function agrees(page: Page): Promise<Shown> {
  await page.keyboard.press('k');
  const shown = await picture(page, 'it is paused, and the page shows the time of the picture', isSettled);
  await page.keyboard.press('k');
  return shown;
}

/** Ten seconds back with the keyboard; it may be in the past already. */
async function stepBack(page: Page): Promise<Shown> {
  const before = await picture(page, 'it shows', () => true);
  await page.keyboard.press('j');
  return picture(page, 'it steps back', ({ utcMs }) => utcMs < before.utcMs - 5_000);
}

suite('the pages, in a browser', { skip: need('chromium') }, () => {
  let folder: Folder;
  let server: Server;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  let faults: string[];
  /** A time with media before and after it, ms since 1970. */
  let momentMs: number;

  before(async () => {
    folder = await openFolder('pages');
    server = await startServer({ args: smallPicture, data: `${folder.path}/data`, adminToken });
    browser = await openBrowser();
    context = await openVisitor(browser);
    page = await context.newPage();
    faults = collectFaults(page);
  });
  after(async () => {
    await browser?.close();
    await server?.[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  /** Runs `look` on its own page, and expects no faults there. */
  async function onOwnPage(path: string, looks: Looks, look: (page: Page) => Promise<void>): Promise<void> {
    await using other = await openVisitor(browser, looks);
    const otherPage = await other.newPage();
    const otherFaults = collectFaults(otherPage);
    await otherPage.goto(`${server.url}${path}`);
    await look(otherPage);
    assert.deepEqual(withoutEarlyWindows(otherFaults), []);
  }

  test('the home page shows a new stream within seconds, then its picture', async () => {
    await page.goto(`${server.url}/`);
    const card = page.locator('.card', { has: page.locator('h2 a[href="/watch/demo"]') });
    await card.waitFor();
    await page.waitForFunction(() => {
      const still = document.querySelector<HTMLImageElement>('.card img[src*="/thumb/demo/"]');
      return still?.complete && still.naturalWidth > 100;
    });
    // The still may be loaded before the page knows how much is recorded.
    await card.getByText(/recorded \d+ s/).waitFor();
    assert.match((await card.textContent())!, /demo.*Live.*recorded \d+ s/s);
  });

  test('a click on its card plays it live, at most a few seconds behind', async () => {
    await page.click('h2 a[href="/watch/demo"]');
    const first = await picture(page, 'it plays live', isLive);
    await picture(page, 'it continues', (shown) => isLive(shown) && shown.utcMs > first.utcMs + 1_000);
    await until('the title says so', async () => (await page.title()) === '● demo · oxbow');
    await page.locator('.where.live').waitFor();
  });

  test('a click on the bar seeks to that time', async () => {
    momentMs = (await newestStretch(server, 7)).fromMs + 2_000;
    // As far as it is recorded: the picture of a busy machine is late.
    await until('that is past', async () => {
      const { to } = (await server.stream('demo')).recorded;
      return Date.parse(to!) > momentMs + 16_000;
    });
    const track = page.locator('.track');
    const box = (await track.boundingBox())!;
    const secondOf = async (name: string) => Number(await track.getAttribute(name));
    const [from, to] = [await secondOf('aria-valuemin'), await secondOf('aria-valuemax')];
    const fraction = (momentMs / 1000 - from) / (to - from);
    await page.mouse.click(box.x + box.width * fraction, box.y + box.height / 2);
    // The slider names whole seconds, and the bar moves once a second.
    await picture(page, 'the past plays', (shown) => isFrom(momentMs, { ...shown, utcMs: shown.utcMs + 1_500 }));
    await agrees(page);
    assert.match((await page.locator('.where').textContent())!, /^−\d\d:\d\d$/);
    assert.equal(await page.title(), 'demo · oxbow');
  });

  fullTest('J and L step by ten seconds, arrows by five, End goes live', async () => {
    // While paused, a step has its exact length, however slow the machine is.
    await page.keyboard.press('k');
    let atMs = (await picture(page, 'it is paused, and the page shows the time of the picture', isSettled)).utcMs;
    for (const [key, byMs] of [
      ['l', 10_000],
      ['ArrowLeft', -5_000],
      ['ArrowRight', 5_000],
      ['j', -10_000],
    ] as const) {
      const isExpected = (shown: Shown) => isSettled(shown) && Math.abs(shown.utcMs - atMs - byMs) <= 300;
      await page.keyboard.press(key);
      atMs = (await picture(page, `${key} steps by ${byMs} ms from ${atMs}`, isExpected)).utcMs;
    }
    await page.keyboard.press('End');
    await picture(page, 'it is live again', isLive);
    await page.locator('.where.live').waitFor();
  });

  test('“Back to live” returns from the past as well', async () => {
    // In short the page is still at the time of the click.
    if (isFull) await stepBack(page);
    await page.getByRole('button', { name: 'Back to live' }).click();
    await page.locator('.where.live').waitFor();
    await picture(page, 'it is live again', isLive);
    await agrees(page);
  });

  fullTest('a shared link opens at its second', async () => {
    const t = Math.ceil(momentMs / 1000);
    await onOwnPage(`/watch/demo?t=${t}`, {}, async (shared) => {
      await picture(shared, 'it opens there', (shown) => isFrom(t * 1000, shown));
      await agrees(shared);
    });
  });

  fullTest('a shared link has the shown time, to the frame while paused', async () => {
    await context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin: server.url });
    await stepBack(page);
    using _ = await copyAlone(page);
    for (const [paused, form] of [
      [false, /^\d{10}$/],
      [true, /^\d{10,13}$/],
    ] as const) {
      if (paused) await page.keyboard.press('k');
      const shown = await picture(page, 'it is ready', (one) => (paused ? isSettled(one) : !one.paused));
      await page.getByRole('button', { name: 'Share' }).click();
      await page.getByRole('button', { name: 'Copy link' }).click();
      const copied = () => page.evaluate(() => navigator.clipboard.readText());
      const link = new URL(await until('it is copied', async () => (await copied()) || undefined));
      assert.equal(link.origin + link.pathname, `${server.url}/watch/demo`);
      const t = link.searchParams.get('t')!;
      assert.match(t, form);
      const atMs = Number(t) * (t.length === 13 ? 1 : 1000);
      // A link while it plays has a whole second, one of those that passed in the meantime.
      const later = await picture(page, 'it shows', () => true);
      const [leastMs, mostMs] = paused ? [shown.utcMs, shown.utcMs] : [shown.utcMs - 1_000, later.utcMs];
      assert.ok(atMs >= leastMs - 300 && atMs <= mostMs + 300, `${link.href}: ${leastMs} to ${mostMs}`);
      await page.evaluate(() => navigator.clipboard.writeText(''));
    }
    await page.keyboard.press('k');
    await picture(page, 'it plays on', ({ paused }) => !paused);
  });

  fullTest('a link to a time that is not there says so, in both languages', async () => {
    const future = Math.floor(Date.now() / 1000) + 86_400;
    const oldestMs = Date.parse((await server.stream('demo')).recorded.from!);
    for (const [query, locale, note] of [
      ['?t=1700000000', 'en-US', words['note.begins']],
      [`?t=${future}`, 'zh-CN', zh['note.future']],
      ['?t=teatime', 'en-US', words['note.unreadable']],
    ] as const) {
      await onOwnPage(`/watch/demo${query}`, { locale }, async (linked) => {
        const [before, after] = note.split('{time}');
        await linked
          .locator('.note', { hasText: before! })
          .filter({ hasText: after ?? '' })
          .waitFor();
        if (query === '?t=1700000000') await picture(linked, 'the oldest plays', (shown) => isFrom(oldestMs, shown));
        else await picture(linked, 'live plays', isLive);
      });
    }
  });

  fullTest(
    'without a network the page says it once, moves nothing, and says nothing more when it is back',
    async () => {
      await using visitor = await openVisitor(browser);
      const other = await visitor.newPage();
      await other.goto(`${server.url}/watch/demo`);
      await other.locator('.where.live').waitFor();
      await observePage(other);
      await visitor.setOffline(true);
      await other.getByRole('alert').getByText(words['watch.youAreOffline']).waitFor();
      // What was loaded is played; then nothing plays, and the button says so.
      await other.locator('.controls').getByRole('button', { name: words['watch.play'] }).waitFor();
      assert.equal(await other.locator('.golive').getAttribute('aria-disabled'), 'true');
      await visitor.setOffline(false);
      await other.locator('.where.live').waitFor();
      await other.locator('.lost').waitFor({ state: 'detached' });
      assert.deepEqual(await messages(other), [words['watch.youAreOffline']]);
      const shift = await layoutShift(other);
      assert.ok(shift < 0.02, `the layout shifted by ${shift}`);
    },
  );

  fullTest('in theatre mode the picture has the width of the window, also after a reload', async () => {
    const stage = async () => (await page.locator('.stage').boundingBox())!;
    const narrow = await stage();
    await page.keyboard.press('w');
    await until('it is as wide as the window', async () => (await stage()).width >= 1_439);
    await page.reload();
    await page.locator('.where.live').waitFor();
    const { width, height } = await stage();
    assert.deepEqual([width >= 1_439, height > narrow.height], [true, true], `${width} × ${height}`);
    const controls = (await page.locator('.controls').boundingBox())!;
    assert.ok(controls.y + controls.height <= 900, 'the controls are in the window');
    await page.getByRole('button', { name: words['watch.leaveTheatre'] }).click();
    await until('it is as before', async () => (await stage()).width === narrow.width);
  });

  fullTest(
    'on a small laptop the controls are one row in the window, live and in the past, playing and paused',
    async () => {
      for (const [width, height] of [
        [1280, 720],
        [1280, 800],
      ] as const) {
        await onOwnPage('/watch/demo', { width, height }, async (laptop) => {
          await laptop.locator('.where.live').waitFor();
          const rows = async (when: string) => {
            const box = (await laptop.locator('.controls').boundingBox())!;
            assert.ok(box.height < 70, `one row ${when} at ${width} × ${height}: ${box.height}`);
          };
          await rows('live');
          await laptop.keyboard.press('j');
          await laptop.locator('.golive:not(.edge)').waitFor();
          await rows('in the past');
          await laptop.keyboard.press('k');
          await laptop.locator('.controls.paused').waitFor();
          await rows('paused');
        });
      }
    },
  );

  fullTest('at 200 % and 400 % zoom the timeline and the controls stay on the page', async () => {
    for (const [width, height] of [
      [640, 400],
      [320, 200],
    ] as const) {
      await onOwnPage('/watch/demo', { width, height }, async (zoomed) => {
        await zoomed.locator('.where.live').waitFor();
        assert.deepEqual(await overflowing(zoomed), []);
        const stage = (await zoomed.locator('.stage').boundingBox())!;
        for (const part of ['.track', '.ruler', '.zooms', '.controls']) {
          const box = (await zoomed.locator(part).boundingBox())!;
          assert.ok(box.height > 10 && box.y >= stage.y + stage.height, `${part} is below the picture`);
        }
        const pages = zoomed.getByRole('navigation').first();
        assert.notEqual(await pages.evaluate((bar) => getComputedStyle(bar).position), 'fixed');
        if (height < 400) return;
        const { y, height: high } = (await zoomed.locator('.controls').boundingBox())!;
        assert.ok(y + high <= height, `the controls end at ${y + high} of ${height}`);
      });
    }
  });

  fullTest('home and watch page have no accessibility findings: light, dark, forced colours', async () => {
    const looks = [{ colorScheme: 'light' }, { colorScheme: 'dark' }, { forcedColors: 'active' }] as const;
    await onOwnPage('/', {}, async (other) => {
      const check = async (where: string) => {
        for (const look of looks) {
          await other.emulateMedia(look);
          const found = await violations(other, `${where} ${JSON.stringify(look)}`);
          // Forced colours are the system's: axe reads those of the page.
          const isOurs = (violation: string) => !('forcedColors' in look) || !violation.includes('color-contrast');
          assert.deepEqual(found.filter(isOurs), []);
        }
      };
      await other.locator('article.card').waitFor();
      await check('home');
      await other.emulateMedia({ forcedColors: 'none' });
      await other.click('article.card h2 a');
      await other.locator('.where.live').waitFor();
      await check('watch');
      const colour = (selector: string) =>
        other
          .locator(selector)
          .first()
          .evaluate((element) => getComputedStyle(element).backgroundColor);
      const plain = await colour('.zooms .sign');
      for (const chosen of ['.zooms [aria-pressed="true"]', '.golive.edge', '.shown.live', '.badge .dot']) {
        await until(`${chosen} is visible with forced colours`, async () => (await colour(chosen)) !== plain);
      }
    });
  });

  fullTest('the help lists the keys and closes with Escape; shortcuts are off while it is open', async () => {
    await page.keyboard.press('?');
    const dialog = page.getByRole('dialog', { name: words['help.title'] });
    await dialog.waitFor();
    const paused = await page
      .locator('video')
      .evaluateAll((all) => all.every((one) => (one as HTMLVideoElement).paused));
    await page.keyboard.press('k');
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'hidden' });
    assert.equal(
      await page.locator('video').evaluateAll((all) => all.every((one) => (one as HTMLVideoElement).paused)),
      paused,
    );
  });

  fullTest('two marks make a clip, which can be downloaded', async () => {
    await page.keyboard.press('End');
    await picture(page, 'it is live', isLive);
    const start = await stepBack(page);
    await page.keyboard.press('i');
    await picture(page, 'it plays on', ({ utcMs }) => utcMs > start.utcMs + 1_500);
    await page.keyboard.press('o');
    const link = page.getByRole('link', { name: 'Download MP4' });
    const path = (await link.getAttribute('href'))!;
    const [, from, to] = /^\/clip\/demo\/(\d+)\/(\d+)\.mp4$/.exec(path)!;
    // The address has whole seconds, and the page gets the shown frame a few times a second.
    assert.ok(Number(from) >= Math.floor((start.utcMs - 1_000) / 1000), path);
    assert.ok(Number(to) > Number(from) && Number(to) * 1000 < Date.now() + 1_000, path);
    const head = await server.fetch(path, { method: 'HEAD' });
    assert.equal(head.status, 200);
    const [download] = await Promise.all([page.waitForEvent('download'), link.click()]);
    let size = 0;
    for await (const bytes of await download.createReadStream()) size += (bytes as Buffer).length;
    assert.equal(size, Number(head.headers.get('content-length')));
    assert.match(download.suggestedFilename(), /\.mp4$/);
  });

  fullTest('nothing is wider than a phone, in both languages, in light and dark', async () => {
    const looks = { width: 390, height: 844 };
    for (const [locale, colorScheme] of [
      ['en-US', 'dark'],
      ['zh-CN', 'light'],
    ] as const) {
      await onOwnPage('/', { ...looks, locale, colorScheme }, async (phone) => {
        await phone.locator('article.card').waitFor();
        assert.deepEqual(await overflowing(phone), [], `home in ${locale}`);
        const moves = () =>
          phone.evaluate(() => {
            const { currentTime = 0, muted = false } = document.querySelector<HTMLVideoElement>('.card video') ?? {};
            return muted && currentTime > 0;
          });
        await until('the card plays while it is in view', moves);
        assert.ok((await phone.locator('article.card').boundingBox())!.y < 160, 'the picture comes first');
        assert.equal(await phone.locator('article.card .thumb').innerText(), '', 'nothing covers words in the picture');
        await phone.locator('.head button').first().click();
        assert.equal(await phone.locator('.card video').count(), 0, 'what moves by itself can be stopped');
        await phone.locator('.head button').first().click();
        await phone.emulateMedia({ reducedMotion: 'reduce' });
        await until('nothing moves', async () => (await phone.locator('.card video').count()) === 0);
        await phone.emulateMedia({ reducedMotion: 'no-preference' });
        await phone.click('article.card h2 a');
        await picture(phone, 'it plays live', isLive);
        await phone.locator('.where.live').waitFor();
        await phone.keyboard.press('i');
        await picture(phone, 'it plays on', isLive);
        await phone.keyboard.press('ArrowLeft');
        await phone.keyboard.press('o');
        assert.deepEqual(await overflowing(phone), [], `watch in ${locale}`);
        assert.equal(
          await phone.evaluate(() => document.documentElement.lang),
          locale.slice(0, 2) === 'en' ? 'en' : locale,
        );
        const scheme = await phone.evaluate(() => getComputedStyle(document.body).backgroundColor);
        assert.equal(Number(/\d+/.exec(scheme)![0]) < 128, colorScheme === 'dark', scheme);
      });
    }
  });

  fullTest('the other language is one choice away, and is stored', async () => {
    await page.getByRole('button', { name: 'Language' }).click();
    await page.getByRole('menuitemradio', { name: '中文' }).click();
    await page.getByRole('tab', { name: '信息' }).waitFor();
    await page.reload();
    await page.getByRole('tab', { name: '信息' }).waitFor();
    await picture(page, 'it plays', isLive);
  });

  fullTest('a stopped stream says so; administrators start it again, where everyone else only reads', async () => {
    await page.goto(`${server.url}/`);
    assert.equal((await server.fetch('/api/v1/streams/demo/stop', { method: 'POST' })).status, 202);
    await page.locator('article.card', { hasText: zhStates['state.stopped'] }).waitFor(); // in the other language by now
    await using viewer = await openVisitor(browser);
    await using admin = await openVisitor(browser);
    const headers = { origin: server.url };
    await admin.request.post(`${server.url}/api/v1/sessions`, { headers, data: { token: adminToken } });
    const [watched, administrated] = [await viewer.newPage(), await admin.newPage()];
    for (const each of [watched, administrated]) {
      await each.goto(`${server.url}/watch/demo`);
      await each.locator('.veil', { hasText: states['state.stoppedLong'] }).waitFor();
    }
    // The page may know the state before it knows what is recorded.
    await watched.locator('.veil').getByRole('button', { name: words['watch.lastRecorded'] }).waitFor();
    assert.deepEqual(await watched.locator('.veil .button').allInnerTexts(), [words['watch.lastRecorded']]);
    await administrated.locator('.veil').getByRole('button', { name: words['watch.start'] }).click();
    for (const each of [administrated, watched]) await each.locator('.where.live').waitFor();
  });

  test('no console error, no failed request in all this', () => assert.deepEqual(withoutEarlyWindows(faults), []));
});
