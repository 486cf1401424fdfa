import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { Browser, BrowserContext, Download, Page } from 'playwright-core';
import type { JobView } from '../../src/api/jobs/job-shapes.ts';
import { probe, stripsOf } from '../fixtures/ffmpeg.ts';
import { need } from '../fixtures/need.ts';
import { type Folder, openFolder, type Server, smallPicture, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { collectFaults, openBrowser, openVisitor } from './chromium.ts';
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
  const panel = () => page.locator('form.clip');

  test('I and O mark a span, which then plays in a loop', async () => {
    const stretch = await newestStretch(server, 9);
    await page.goto(`${server.url}/watch/demo?t=${Math.ceil(stretch.fromMs / 1000)}`);
    await picture('the past plays', ({ paused }) => !paused);
    const fields = panel().locator('input[type="datetime-local"]');
    const marked = (n: number) =>
      until(`mark ${n + 1} is set`, async () => {
        const text = (await fields.count()) > n && (await fields.nth(n).inputValue());
        return text ? page.evaluate((local) => Date.parse(local), text) : undefined;
      });
    await page.keyboard.press('i');
    const fromMs = await marked(0);
    await picture('it plays', ({ utcMs }) => utcMs > fromMs + 2_000);
    await page.keyboard.press('o');
    span = { fromMs, toMs: await marked(1) };
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
    const link = page.getByRole('link', { name: 'Download MP4' });
    const [download] = await Promise.all([page.waitForEvent('download'), link.click()]);
    const { durationS } = await probe(await save(download));
    assert.ok(durationS >= (span.toMs - span.fromMs) / 1000, `${durationS} s`);
  });

  test('its link opens the same span', async () => {
    await panel().getByRole('button', { name: 'Copy link' }).click();
    const copied = () => page.evaluate(() => navigator.clipboard.readText());
    const { pathname, searchParams } = new URL(await until('it is copied', async () => (await copied()) || undefined));
    assert.equal(pathname, '/watch/demo');
    const read = (name: string) => Number(searchParams.get(name)) * (searchParams.get(name)!.length === 13 ? 1 : 1000);
    assert.deepEqual({ fromMs: read('from'), toMs: read('to') }, span);
  });

  test('the server creates the exact file, for administrators, and it contains the span to the frame', async () => {
    await panel()
      .getByRole('radio', { name: /^Exact/ })
      .check();
    const make = panel().getByRole('button', { name: 'Create file' });
    assert.equal(await make.count(), 0, 'only administrators can create files');
    await panel().getByLabel('Admin token').fill(adminToken);
    await panel().getByLabel('Admin token').press('Enter');
    await make.waitFor();
    await panel().getByLabel('Name').fill('The best part');
    await make.click();
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

  test('a running job shows its progress and the time left, and can be cancelled', async () => {
    const fake = (state: JobView['state']): JobView => ({
      ...{
        ...{ id: 'x-1', kind: 'export', state, subject: null, priority: 0, progress: 0.25, parts: {} },
        ...{ result: null, error: null, tries: 1, maxTries: 1, failures: [], worker: null },
        ...{ notBefore: null, endedAt: null, expiresAt: null },
      },
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
    const made = panel().locator('.made');
    await made.getByText(/25 % done · about \d+ s left/).waitFor();
    assert.equal((asked as { quality?: string }).quality, '144p');
    await panel().getByLabel('Quality').selectOption('');
    assert.equal(await made.getByRole('progressbar').getAttribute('value'), '0.25');
    await made.getByRole('button', { name: 'Cancel' }).click();
    await made.getByText('Cancelled').waitFor();
    assert.ok(requests.includes('DELETE /api/v1/jobs/x-1'));
    await page.unroute(/\/api\/v1\/(exports|jobs)/);
  });

  test('N adds a marker, which everyone sees on the bar and in the list, and which can be removed', async () => {
    await page.keyboard.press('Escape');
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

  test('the clips page has them all, also after a reload, and a removed clip can be restored', async () => {
    await page.goto(`${server.url}/clips`);
    const clips = page.locator('article.card');
    const exact = clips.filter({ hasText: 'The best part' }).first();
    await exact.waitFor();
    await page.reload();
    await exact.waitFor();
    const count = await clips.count();
    assert.ok(count >= 2, `${count} clips`);
    await exact.getByRole('button', { name: 'Remove The best part' }).click();
    await until('it is removed', async () => (await clips.count()) === count - 1);
    await page.getByRole('button', { name: 'Undo' }).click();
    await until('it is restored', async () => (await clips.count()) === count);
  });

  test('no console error, no failed request in all this', () => assert.deepEqual(faults, []));
});
