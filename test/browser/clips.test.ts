import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { Browser, BrowserContext, Download, Page } from 'playwright-core';
import type { ClipView } from '../../src/api/clips/clip-shapes.ts';
import type { JobView } from '../../src/api/jobs/job-shapes.ts';
import { probe, stripsOf } from '../fixtures/ffmpeg.ts';
import { need } from '../fixtures/need.ts';
import { type Folder, openFolder, type Server, smallPicture, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { fullTest } from '../full.ts';
import { copyAlone } from './alone.ts';
import { violations } from './axe.ts';
import { collectFaults, openBrowser, openVisitor, withoutEarlyWindows } from './chromium.ts';
import { isInSight, overflowing } from './overflow.ts';
import { readPicture, type Shown } from './picture.ts';
import { newestStretch } from './stretch.ts';

const adminToken = 'let-me-in-please';

suite('clips and markers, in a browser', { skip: need('chromium') || need('ffprobe') || need('ffmpeg') }, () => {
  let folder: Folder;
  let server: Server;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  let faults: string[];
  /** The marked span, ms since 1970. */
  let span: { fromMs: number; toMs: number };
  /** The page of the created clip. */
  let clipPath: string;

  before(async () => {
    folder = await openFolder('clips');
    server = await startServer({ args: smallPicture, data: `${folder.path}/data`, adminToken });
    browser = await openBrowser();
    context = await openVisitor(browser);
    await context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin: server.url });
    page = await context.newPage();
    faults = collectFaults(page);
  });
  after(async () => {
    await browser?.close();
    await server?.[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  const picture = (what: string, matches: (shown: Shown) => boolean): Promise<Shown> =>
    until(what, async () => {
      const shown = await readPicture(page);
      return shown && matches(shown) && shown;
    });
  const save = async (download: Download): Promise<string> => {
    const path = join(folder.path, download.suggestedFilename());
    await download.saveAs(path);
    return path;
  };
  const panel = () => page.getByRole('tabpanel');
  /** The time in a field of the clip, ms since 1970. */
  const fieldMs = (name: 'From' | 'To') =>
    until(`${name} is marked`, async () => {
      const text = await panel().getByRole('textbox', { name }).inputValue();
      // Of the last twelve hours: the test may run at midnight.
      const read = (time: string) => {
        const [hour = 0, minute = 0, second = 0] = time.split(':').map(Number);
        const atMs = new Date().setHours(hour, minute, 0, Math.round(second * 1000));
        return atMs > Date.now() + 60_000 ? atMs - 86_400_000 : atMs;
      };
      return text === '' ? undefined : (page.evaluate(`(${read})(${JSON.stringify(text)})`) as Promise<number>);
    });
  const signIn = async (visitor: BrowserContext) => {
    const answer = await visitor.request.post(`${server.url}/api/v1/sessions`, {
      data: { token: adminToken },
      headers: { origin: server.url },
    });
    assert.equal(answer.status(), 201);
  };

  test('I and O mark a span, which then plays in a loop', async () => {
    const stretch = await newestStretch(server, 9);
    await page.goto(`${server.url}/watch/demo?t=${Math.ceil(stretch.fromMs / 1000)}`);
    await picture('the past plays', ({ paused }) => !paused);
    await page.keyboard.press('i');
    const fromMs = await fieldMs('From');
    await picture('it plays', ({ utcMs }) => utcMs > fromMs + 2_000);
    await page.keyboard.press('o');
    span = { fromMs, toMs: await fieldMs('To') };
    // The page gets the shown frame a few times a second.
    assert.ok(span.toMs - span.fromMs >= 1_000, JSON.stringify(span));
    const inside = ({ utcMs }: Shown) => utcMs >= span.fromMs - 100 && utcMs <= span.toMs + 300;
    const middleMs = (span.fromMs + span.toMs) / 2;
    for (const round of ['first', 'second']) {
      await picture(`the ${round} round begins`, (shown) => inside(shown) && shown.utcMs < middleMs);
      await picture(`the ${round} round continues`, (shown) => inside(shown) && shown.utcMs > middleMs);
    }
    assert.equal(await panel().getByRole('button', { name: 'Loop' }).getAttribute('aria-pressed'), 'true');
  });

  test('the fast file is available at once, without a token, and contains the span', async () => {
    const link = panel().getByRole('link', { name: 'Download MP4' }).first();
    const [download] = await Promise.all([page.waitForEvent('download'), link.click()]);
    const { durationS } = await probe(await save(download));
    assert.ok(durationS >= (span.toMs - span.fromMs) / 1000, `${durationS} s`);
  });

  fullTest('its link opens the same span', async () => {
    using _ = await copyAlone(page);
    await panel().getByRole('button', { name: 'Copy link' }).click();
    const copied = () => page.evaluate(() => navigator.clipboard.readText());
    const { pathname, searchParams } = new URL(await until('it is copied', async () => (await copied()) || undefined));
    assert.equal(pathname, '/watch/demo');
    const read = (name: string) => Number(searchParams.get(name)) * (searchParams.get(name)!.length === 13 ? 1 : 1000);
    assert.deepEqual({ fromMs: read('from'), toMs: read('to') }, span);
  });

  fullTest(
    'an end before the start is refused in words, and no field is emptied; fields take times and arrow keys',
    async () => {
      const [from, to] = [panel().getByRole('textbox', { name: 'From' }), panel().getByRole('textbox', { name: 'To' })];
      const before = await to.inputValue();
      await from.fill('not a time');
      await from.press('Enter');
      await panel().getByText('Enter a time such as').waitFor();
      await from.fill(before);
      await from.press('Enter');
      await panel().getByText('The end must be after the start.').waitFor();
      assert.equal(await to.inputValue(), before);
      await to.press('ArrowUp');
      await panel().getByText('00:01.0', { exact: true }).waitFor();
      await panel().getByRole('button', { name: 'From −1s' }).click();
      await panel().getByText('00:02.0', { exact: true }).waitFor();
      assert.equal(await fieldMs('To'), span.toMs + 1_000);
      await page.goto(`${server.url}/watch/demo?from=${span.fromMs}&to=${span.toMs}`);
      await until('the link marks the span again', async () => (await fieldMs('From')) === span.fromMs);
    },
  );

  fullTest('a viewer without an account is offered to sign in; no page asks them for a token', async () => {
    const link = panel().getByRole('link', { name: 'Sign in' });
    assert.match((await link.getAttribute('href'))!, /^\/sign-in\?to=%2Fwatch%2Fdemo%3Ffrom%3D/);
    assert.equal(await panel().getByRole('button', { name: 'Create clip' }).count(), 0);
    assert.equal(await page.locator('main input[type="password"]').count(), 0);
  });

  test('one press on Clip marks what was just seen, with handles, and the viewer keeps watching live', async () => {
    await signIn(context);
    await page.goto(`${server.url}/watch/demo`);
    const live = page.getByTitle('You are watching live (G)');
    await live.waitFor();
    const shown = await picture('it plays', ({ paused }) => !paused);
    await page.keyboard.press('x');
    const [fromMs, toMs] = [await fieldMs('From'), await fieldMs('To')];
    assert.ok(toMs - fromMs > 1_000 && toMs - fromMs <= 30_000, `${toMs - fromMs} ms`);
    assert.ok(toMs >= shown.utcMs - 1_000, `${toMs} is after ${shown.utcMs}`);
    for (const name of ['Clip start', 'Clip end']) {
      const box = await page.getByRole('slider', { name }).boundingBox();
      assert.ok(box && box.width >= 24 && box.height >= 24, `${name}: ${JSON.stringify(box)}`);
    }
    await picture('it continues', ({ utcMs }) => utcMs > toMs + 1_000);
    await live.waitFor();
    assert.equal(await panel().getByRole('button', { name: 'Loop' }).getAttribute('aria-pressed'), 'false');
    const create = panel().getByRole('button', { name: 'Create clip' });
    await until('the button is in sight', () => isInSight(create));
    await page.keyboard.press('w');
    await page.keyboard.press('x');
    await until('it is also in theatre mode', () => isInSight(create));
    await page.keyboard.press('w');
  });

  fullTest('a created clip has a page that plays it from its start to its end, for everyone', async () => {
    await panel().getByLabel('Title').fill('The best part');
    await panel().getByRole('button', { name: 'Create clip' }).click();
    const open = panel().getByRole('link', { name: 'Open' });
    clipPath = (await open.getAttribute('href'))!;
    const clip = await server.json<ClipView>(`/api/v1/clips/${clipPath.split('/').at(-1)}`);
    const visitor = await openVisitor(browser);
    const visit = await visitor.newPage();
    const strange = collectFaults(visit);
    await visit.goto(server.url + clipPath);
    await visit.getByRole('heading', { name: 'The best part' }).waitFor();
    assert.equal(await visit.getByRole('button', { name: 'Delete' }).count(), 0);
    const whole = visit.getByRole('link', { name: 'Watch the whole stream at this moment' });
    assert.match((await whole.getAttribute('href'))!, /^\/watch\/demo\?t=\d+$/);
    assert.deepEqual(await violations(visit, 'page of a clip'), []);
    const look = () => readPicture(visit);
    await visit.keyboard.press('k');
    const first = await until('it plays', look);
    assert.ok(first.utcMs >= Date.parse(clip.from) - 80, `${first.utcMs} is not before ${clip.from}`);
    await visit.getByRole('slider', { name: 'Position' }).press('End');
    const ended = () => visit.locator('video').evaluate((video: HTMLVideoElement) => video.paused && video.currentTime);
    const atS = await until('it stops at its end', async () => (await ended()) || undefined);
    assert.ok(Math.abs(atS - clip.media.endS) < 0.2, `${atS} of ${clip.media.endS}`);
    await visit.setViewportSize({ width: 320, height: 640 });
    assert.deepEqual(await overflowing(visit), []);
    const download = visit.getByRole('link', { name: /^Download/ });
    const [file] = await Promise.all([visit.waitForEvent('download'), download.click()]);
    assert.ok((await probe(await save(file))).durationS >= clip.media.endS - clip.media.startS - 0.1);
    assert.deepEqual(strange, []);
    await visitor.close();
  });

  fullTest('on a phone the form and its button are in sight after one tap, and no key is shown', async () => {
    const phone = await openVisitor(browser, { width: 390, height: 844, touch: true });
    await signIn(phone);
    const small = await phone.newPage();
    await small.goto(`${server.url}/watch/demo`);
    await small.getByTitle('You are watching live (G)').waitFor();
    await small.getByRole('button', { name: 'Clip', exact: true }).tap();
    const create = small.getByRole('button', { name: 'Create clip' });
    await until('the button is in sight', () => isInSight(create));
    assert.equal(await small.getByRole('tabpanel').locator('kbd:visible').count(), 0);
    assert.deepEqual(await overflowing(small), []);

    // As for a private stream: the viewer confirms that more people may watch the clip.
    await small.route('**/api/v1/clips', (route) => {
      const { confirm } = route.request().postDataJSON() as { confirm?: boolean };
      if (confirm) return route.continue();
      return route.fulfill({ status: 409, json: { code: 'clip-more-open', status: 409, title: 'More open' } });
    });
    await create.tap();
    const confirm = small.getByLabel('Let more people watch this clip than its stream');
    await confirm.waitFor();
    assert.ok(await create.isDisabled());
    await confirm.check();
    await create.tap();
    await small.getByRole('link', { name: 'Open' }).waitFor();
    await phone.close();
  });

  fullTest('the server creates the exact file, for administrators, and it contains the span to the frame', async () => {
    await page.goto(`${server.url}/watch/demo?from=${span.fromMs}&to=${span.toMs}`);
    await panel().getByText('Formats and exact cut').click();
    await panel()
      .getByRole('radio', { name: /^Exact/ })
      .check();
    await panel().getByLabel('Title').fill('The exact part');
    await panel().getByRole('button', { name: 'Create file' }).click();
    const fetch = panel().locator('.made').getByRole('button', { name: 'Download' });
    await fetch.waitFor({ timeout: 60_000 });
    const [download] = await Promise.all([page.waitForEvent('download'), fetch.click()]);
    const path = await save(download);
    const { streams } = await probe(path);
    const pictures = streams.find(({ kind }) => kind === 'video')!;
    const seconds = (span.toMs - span.fromMs) / 1000;
    assert.ok(Math.abs(pictures.durationS - seconds) <= 0.08, `${pictures.durationS} s of ${seconds} s`);
    const [first] = await stripsOf(path, { width: 320, height: 180 });
    assert.ok(first && Math.abs(first.utcMs - span.fromMs) <= 80, `${first?.utcMs} for ${span.fromMs}`);
    assert.doesNotMatch(download.url(), new RegExp(adminToken));
  });

  fullTest('a running job shows its progress and the time left, and can be cancelled', async () => {
    const fake = (state: JobView['state']): JobView => ({
      id: 'x-1',
      kind: 'export',
      state,
      subject: null,
      priority: 0,
      progress: 0.25,
      parts: {},
      result: null,
      error: null,
      tries: 1,
      maxTries: 1,
      failures: [],
      worker: null,
      notBefore: null,
      endedAt: null,
      expiresAt: null,
      input: { stream: 'demo', from: new Date(span.fromMs).toISOString(), to: new Date(span.toMs).toISOString() },
      createdAt: new Date().toISOString(),
      startedAt: new Date(Date.now() - 10_000).toISOString(),
    });
    const requests: string[] = [];
    let asked: unknown;
    await page.route(/\/api\/v1\/(exports|jobs)/, (route) => {
      const request = route.request();
      if (request.method() === 'POST') asked = request.postDataJSON();
      requests.push(`${request.method()} ${new URL(request.url()).pathname}`);
      if (request.method() === 'POST') return route.fulfill({ status: 202, json: fake('running') });
      if (request.method() === 'DELETE') return route.fulfill({ json: fake('cancelled') });
      const isOver = requests.includes('DELETE /api/v1/jobs/x-1');
      return route.fulfill({ json: { items: [fake(isOver ? 'cancelled' : 'running')], nextCursor: null } });
    });
    await panel().getByLabel('Quality').selectOption('144p');
    await panel().getByRole('button', { name: 'Create file' }).click();
    const running = panel().getByRole('button', { name: /25 % done · about \d+ s left/ });
    await running.waitFor();
    assert.equal((asked as { quality?: string }).quality, '144p');
    await panel().getByRole('button', { name: 'Cancel' }).click();
    await panel().locator('.made').getByText('Cancelled').waitFor();
    assert.ok(requests.includes('DELETE /api/v1/jobs/x-1'));
    await page.unroute(/\/api\/v1\/(exports|jobs)/);
  });

  fullTest('N adds a marker, which everyone sees on the bar and in the list, and which can be removed', async () => {
    await page.locator('h1').click();
    await page.keyboard.press('n');
    const dialog = page.getByRole('dialog', { name: /^Marker at/ });
    const field = dialog.getByLabel('Text');
    await until('the field has the focus', () => field.evaluate((input) => input === document.activeElement));
    await page.keyboard.type('Kick-off');
    await page.keyboard.press('Enter');
    await dialog.waitFor({ state: 'hidden' });
    await page.locator('.timeline .marker, .rail .marker, .track .marker').first().waitFor();
    const line = page.locator('.markers li', { hasText: 'Kick-off' });
    await line.waitFor();
    const { markers } = await server.timeline('demo');
    assert.deepEqual(
      markers.map(({ text }) => text),
      ['Kick-off'],
    );
    await line.getByRole('button', { name: 'Remove Kick-off' }).click();
    await line.waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Undo' }).click();
    await line.waitFor();
  });

  fullTest(
    'the clips page plays, renames and deletes clips of the server, and keeps those of this browser',
    async () => {
      await page.goto(`${server.url}/clips`);
      const clip = page.locator('article', { hasText: 'The best part' });
      await clip.getByRole('button', { name: 'Play The best part' }).click();
      await picture('it plays in its card', ({ paused }) => !paused);
      await clip.getByRole('button', { name: 'Edit The best part' }).click();
      const dialog = page.getByRole('dialog');
      await dialog.getByLabel('Title').fill('The very best');
      await dialog.getByLabel('Who can watch').selectOption('unlisted');
      await dialog.getByRole('button', { name: 'Save', exact: true }).click();
      const renamed = page.locator('article', { hasText: 'The very best' });
      await renamed.getByText('Unlisted').waitFor();
      assert.deepEqual(await violations(page, 'clips'), []);
      await renamed.getByRole('button', { name: 'Delete The very best' }).click();
      await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
      await renamed.waitFor({ state: 'detached' });

      const local = page.getByRole('region', { name: 'Saved in this browser' }).locator('article.card');
      const exact = local.filter({ hasText: 'The exact part' }).first();
      await page.reload();
      await exact.waitFor();
      const count = await local.count();
      await exact.getByRole('button', { name: 'Remove The exact part' }).click();
      await until('it is removed', async () => (await local.count()) === count - 1);
      await page.getByRole('button', { name: 'Undo' }).click();
      await until('it is restored', async () => (await local.count()) === count);
    },
  );

  test('no console error, no failed request in all this', () => assert.deepEqual(withoutEarlyWindows(faults), []));

  fullTest('a deleted clip says so, and offers to sign in; so does one whose recording is gone', async () => {
    const visitor = await openVisitor(browser);
    const visit = await visitor.newPage();
    await visit.goto(server.url + clipPath);
    await visit.getByText('Clip not found').waitFor();
    await visit.locator('main').getByRole('link', { name: 'Sign in' }).waitFor();
    await visit.route('**/api/v1/clips/*', (route) =>
      route.fulfill({ status: 410, json: { code: 'clip-lost', status: 410, title: 'Lost' } }),
    );
    await visit.reload();
    await visit.getByText('This clip is no longer available').waitFor();
    await visitor.close();
  });
});
