import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import type { StreamView } from '../../src/api/shapes.ts';
import { need } from '../fixtures/need.ts';
import { type LiveHls, type Origin, openLiveHls, openOrigin } from '../fixtures/origin.ts';
import { type Folder, openFolder, type Server, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { livePage, type StandIn, writeStandIn } from '../fixtures/yt-dlp.ts';
import { fullTest } from '../full.ts';
import { collectFaults, openBrowser, openVisitor } from './chromium.ts';
import { isInSight, overflowing } from './overflow.ts';

const adminToken = 'let-me-in-please';

suite('the record page', { skip: need('chromium') || need('ffmpeg') }, () => {
  const opened = new AsyncDisposableStack();
  let folder: Folder;
  let origin: Origin;
  let live: LiveHls;
  let standIn: StandIn;
  let server: Server;
  let browser: Browser;
  let page: Page;
  let faults: string[];

  before(async () => {
    folder = opened.use(await openFolder('record-page'));
    const hls = join(folder.path, 'hls');
    live = opened.use(await openLiveHls({ folder: hls, seconds: 600, size: '320x180', live: { window: 30 } }));
    origin = opened.use(await openOrigin({ folder: hls }));
    standIn = await writeStandIn(folder.path);
    server = opened.use(
      await startServer({
        data: join(folder.path, 'data'),
        adminToken,
        args: ['--net-allow', '127.0.0.1', '--pages-yt-dlp', standIn.path],
      }),
    );
    browser = await openBrowser();
    opened.defer(() => browser.close());
    const context = await openVisitor(browser);
    page = await context.newPage();
    faults = collectFaults(page);
    await until('the source is available', () => fetch(`${origin.url}/index.m3u8`).then(({ ok }) => ok));
    const master = '#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=400000,RESOLUTION=320x180\nindex.m3u8\n';
    origin.put('/master.m3u8', master);
    for (const name of ['film', 'yard']) {
      origin.put(`/hls/${name}/master.m3u8`, master.replace('index', `${origin.url}/index`));
    }
    origin.put('/watch', '<!doctype html><title>A harbour</title>');
    origin.put('/slow', '<!doctype html><title>Slow</title>');
    await standIn.answer(`${origin.url}/watch`, { json: livePage('A harbour at night', `${origin.url}/master.m3u8`) });
    await standIn.answer(`${origin.url}/slow`, { delayMs: 60_000 });
    assert.ok(live.process.pid);
  });
  after(() => opened.disposeAsync());

  const look = () => page.getByRole('button', { name: 'Check address' });
  const address = () => page.getByLabel('Address', { exact: true });
  /** Pastes as a person does, where the focus is. */
  const paste = (text: string) =>
    page.evaluate((text) => {
      const clipboardData = new DataTransfer();
      clipboardData.setData('text/plain', text);
      const paste = new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true });
      (document.activeElement ?? document.body).dispatchEvent(paste);
    }, text);
  /** Expected 4xx and 5xx responses, which the browser also logs, sooner or later. */
  const meant = new Set<number>();
  const expectProblem = async (status: number) => {
    await until(`the browser reports ${status}`, () => faults.some((fault) => fault.includes(String(status))));
    meant.add(status);
    faults.length = 0;
  };

  test('is reached from the home page, requires signing in, which takes one press here, and focuses the address field', async () => {
    await page.goto(`${server.url}/`);
    await page.getByRole('link', { name: 'Record a stream' }).click();
    await page.waitForURL('**/record');
    const press = page.getByRole('button', { name: 'Sign in on this computer' });
    await press.focus();
    assert.equal(await page.getByLabel('Admin token').count(), 1, 'a token is set, so it is offered too');
    await page.keyboard.press('Enter');
    await until('the field has the focus', () => address().evaluate((field) => field === document.activeElement));
    assert.equal(await look().isDisabled(), true);
    assert.equal(await page.evaluate(() => sessionStorage.length + document.cookie.length), 0, 'no script can read it');
  });

  test('an address from another page is checked at once', async () => {
    await page.goto(`${server.url}/record?url=${encodeURIComponent(`${origin.url}/nothing.m3u8`)}`);
    await page.getByRole('alert').getByText(/404/).first().waitFor();
    await expectProblem(502);
  });

  fullTest(
    'an address that is pasted anywhere on the home page is checked at once, and names the stream after its path',
    async () => {
      await page.goto(`${server.url}/`);
      await page.getByRole('heading', { name: 'Streams' }).waitFor();
      await paste('just words');
      assert.equal(new URL(page.url()).pathname, '/');
      await paste(`${origin.url}/hls/film/master.m3u8`);
      await page.getByRole('button', { name: 'Start recording' }).waitFor();
      assert.equal(await page.getByLabel('Name').inputValue(), 'film');
      await page.getByRole('button', { name: 'Change address' }).click();
      await address().selectText();
      await paste(`${origin.url}/hls/yard/master.m3u8`);
      await page.getByRole('button', { name: 'Start recording' }).waitFor();
      assert.equal(await page.getByLabel('Name').inputValue(), 'yard', 'a paste into the field checks too');
      await page.getByRole('button', { name: 'Change address' }).click();
    },
  );

  fullTest('says what oxbow cannot pull, and what to do instead', async () => {
    for (const [text, words, link] of [
      ['rtmp://a.example/live/x', 'oxbow receives RTMP, it does not fetch it', 'Go live'],
      ['/home/me/film.mp4', 'This is a file on a computer, not a stream', 'Upload a file'],
      ['ftp://a.example/x', 'ftp addresses are not supported', undefined],
      ['hello', 'This is not an address', undefined],
    ] as const) {
      await address().fill(text);
      await look().click();
      const alert = page.getByRole('alert');
      await alert.getByText(words, { exact: true }).waitFor();
      assert.equal(await alert.getByRole('link').count(), link === undefined ? 0 : 1, text);
      if (link !== undefined) await alert.getByRole('link', { name: link }).waitFor();
      assert.equal(await address().getAttribute('aria-invalid'), 'true');
    }
  });

  test('shows an invalid address at its field', async () => {
    for (const [url, words, status] of [
      ['https://user:pass@', /not an address/, 400],
      [`${origin.url}/nothing.m3u8`, /404/, 502],
      [`${origin.url}/index0.bin`, /HTTP 404/, 502],
    ] as const) {
      await address().fill(url);
      await look().click();
      await page.getByRole('alert').getByText(words).first().waitFor();
      assert.equal(await page.getByRole('button', { name: 'Record it anyway' }).isVisible(), status === 502, url);
      await expectProblem(status);
    }
  });

  fullTest('a probe can be cancelled', async () => {
    await address().fill(`${origin.url}/slow`);
    await page.keyboard.press('Enter');
    await page.getByRole('status').getByText('Checking the address').waitFor();
    await until('yt-dlp runs', async () => (await standIn.questions()).length > 0);
    await page.keyboard.press('Escape');
    await look().waitFor();
    assert.equal(await page.getByRole('alert').count(), 0);
    faults.length = 0;
  });

  test('shows the result of a probe: title, picture, tracks, qualities', async () => {
    await address().fill(`${origin.url}/watch`);
    await look().click();
    await page.getByRole('heading', { name: 'A harbour at night' }).waitFor();
    const picture = page.getByRole('img', { name: 'Picture from the source' });
    await until('the picture is there', () =>
      picture.evaluate((image: HTMLImageElement) => image.complete && image.naturalWidth > 100),
    );
    const found = await page.locator('section.card').first().textContent();
    assert.match(found!, /Live/);
    assert.match(found!, /H\.264 .*320 × 180/);
    assert.match(found!, /AAC/);
    assert.match(found!, /25 fps · keyframe every 1 s/);
    assert.deepEqual(await page.getByRole('group', { name: 'Quality' }).getByRole('radio').count(), 3);
    assert.equal(await page.getByLabel('Name').inputValue(), 'a-harbour-at-night');
  });

  fullTest('shows an invalid or taken name at its field', async () => {
    const taken = await server.fetch('/api/v1/streams', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'taken', source: { type: 'test' }, visibility: 'unlisted' }),
    });
    assert.equal(taken.status, 201);
    await page.getByLabel('Name').fill('Not a name');
    await page.getByRole('alert').getByText('Start with a letter or digit').waitFor();
    await page.getByLabel('Name').fill('taken');
    await page.getByRole('button', { name: 'Start recording' }).click();
    await page.getByRole('alert').getByText('This name is already taken').waitFor();
    await expectProblem(409);
  });

  test('starts with the keyboard alone, and shows the stream', async () => {
    await page.getByRole('radio', { name: '360p' }).focus();
    await page.keyboard.press('Space');
    await page.getByLabel('Name').fill('harbour');
    await page.getByLabel('Keep recordings for').selectOption('7d');
    await page.getByLabel('Name').press('Enter');
    await page.waitForURL('**/watch/harbour');
    const view = await server.stream('harbour');
    assert.equal(view.facts!.protocol, 'page');
    assert.equal(view.facts!.title, 'A harbour at night');
    const { media } = await until('it was measured', async () => {
      const now = await server.json<StreamView>('/api/v1/streams/harbour');
      return now.media && { media: now.media };
    });
    assert.equal(media.frameRate, 25);
    assert.equal(JSON.stringify(view).includes(String(origin.port)), false, 'no address is shown');
    // The first playlist may be available after the page is loaded.
    await page.goto('about:blank');
    faults.length = 0;
  });

  fullTest('nothing is wider than a phone, in both languages, in light and dark', async () => {
    for (const [locale, colorScheme] of [
      ['en-US', 'dark'],
      ['zh-CN', 'light'],
    ] as const) {
      await using visitor = await openVisitor(browser, { width: 390, height: 844, locale, colorScheme });
      const phone = await visitor.newPage();
      const phoneFaults = collectFaults(phone);
      await phone.goto(`${server.url}/record`);
      await phone.locator('input[type="password"]').fill(adminToken);
      assert.deepEqual(await overflowing(phone), [], `sign-in in ${locale}`);
      await phone.keyboard.press('Enter');
      await phone.locator('#record-url').fill(`${origin.url}/watch`);
      await phone.keyboard.press('Enter');
      await phone.locator('section.card img').waitFor();
      assert.deepEqual(await overflowing(phone), [], `found in ${locale}`);
      await until('recording is one tap away', () => isInSight(phone.locator('.start button')));
      assert.deepEqual(phoneFaults, []);
    }
  });

  test('no console error, no failed request except the expected ones', () => {
    const others = faults.filter((fault) => ![...meant].some((status) => fault.includes(` ${status}`)));
    assert.deepEqual(others, []);
  });
});
