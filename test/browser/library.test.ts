import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import type { AssetView } from '../../src/api/library/asset-shapes.ts';
import { type CuttingProxy, openCuttingProxy } from '../fixtures/library/cutting-proxy.ts';
import { makeFilm } from '../fixtures/library/film.ts';
import { need } from '../fixtures/need.ts';
import { type Folder, openFolder, type Server, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { fullTest } from '../full.ts';
import { violations } from './axe.ts';
import { collectFaults, openBrowser, openVisitor } from './chromium.ts';
import { uploadWithTus } from './library/tus-page.ts';
import { overflowing } from './overflow.ts';

const adminToken = 'let-me-in-please';
const FILM_BYTES = 6_000_000;
/** Bytes per second of an upload that must not end. */
const SLOW_RATE = 20_000;
const shots = process.env.OXBOW_SHOTS;
const chapter = (from: number, to: number, title: string) =>
  `[CHAPTER]\nTIMEBASE=1/1000\nSTART=${from}\nEND=${to}\ntitle=${title}\n`;

suite('the library, in a browser', { skip: need('chromium') || need('ffmpeg') }, () => {
  const opened = new AsyncDisposableStack();
  let folder: Folder;
  let server: Server;
  let proxy: CuttingProxy;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  let faults: string[];
  let path: string;
  let asset: AssetView;

  before(async () => {
    folder = opened.use(await openFolder('library-page'));
    path = join(folder.path, 'harbour at night.mp4');
    await makeFilm(path, {
      bytes: FILM_BYTES,
      seconds: 6,
      subtitles: '1\n00:00:00,500 --> 00:00:05,500\n<i>Rain</i> & wind\n',
      chapters: `;FFMETADATA1\n${chapter(0, 3000, 'Begin')}${chapter(3000, 6000, 'Harbour')}`,
    });
    server = opened.use(await startServer({ data: join(folder.path, 'data'), adminToken }));
    proxy = opened.use(await openCuttingProxy(server.url));
    browser = await openBrowser();
    opened.defer(() => browser.close());
    context = await openVisitor(browser, { width: 1280 });
    page = await context.newPage();
    faults = collectFaults(page);
  });
  after(() => opened.disposeAsync());

  const shot = async (name: string) => {
    if (shots !== undefined) await page.screenshot({ path: join(shots, `${name}.png`) });
  };
  const clean = async (where: string) => {
    assert.deepEqual(await violations(page, where), []);
    assert.deepEqual(await overflowing(page), [], where);
    await shot(where);
  };
  const row = () => page.getByRole('list', { name: 'Uploads' }).getByRole('listitem');
  const share = () =>
    row()
      .locator('progress')
      .evaluate((bar: HTMLProgressElement) => bar.value);

  /** What the server has of the upload in progress; the page counts bytes on their way too. */
  const stored = async () => {
    const { items } = await server.json<{ items: AssetView[] }>('/api/v1/assets');
    const upload = items.find((each) => each.upload !== null)?.upload;
    return upload ? upload.received / (upload.length ?? FILM_BYTES) : 0;
  };

  test('an empty library leads to the upload page, which asks to sign in', async () => {
    await page.goto(`${proxy.url}/library`);
    await page.getByText('No videos yet').waitFor();
    await clean('library-empty');
    await page.locator('.empty a').click();
    await page.waitForURL('**/upload');
    await page.locator('input[type="password"]').fill(adminToken);
    await page.keyboard.press('Enter');
    await page.getByText('Drop video files anywhere').waitFor();
    await clean('upload-empty');
  });

  test('an upload survives a lost connection and a reload, and its title can be changed meanwhile', async () => {
    const bytesBefore = proxy.bytes;
    proxy.limit(400_000);
    await page.locator('input[type="file"]').setInputFiles(path);
    await until('a part has arrived', async () => (await share()) > 0.2);
    await row().getByRole('textbox').fill('Harbour at night, in the rain');
    await row().getByRole('textbox').press('Enter');
    await row().getByRole('textbox').blur();
    await row()
      .getByText(/MB\/s|kB\/s/)
      .waitFor();
    proxy.limit(SLOW_RATE); // it does not end while the page is looked at
    await clean('upload-sending');

    proxy.turn(false);
    await row().getByText('No connection').waitFor();
    const atLoss = await share();
    proxy.limit(400_000);
    proxy.turn(true);
    await until('it continues', async () => (await share()) > atLoss + 0.1 && (await stored()) > 0.2);

    proxy.limit(SLOW_RATE);
    await page.reload();
    await row().getByText('Interrupted by a reload').waitFor();
    await until('the page shows what the server has', async () => (await share()) > 0.2);
    // Another file of this name is no continuation. It does not end before it is cancelled.
    const changed = { name: basename(path), mimeType: 'video/mp4', buffer: Buffer.alloc(2_000_000) };
    await page.locator('input[type="file"]').setInputFiles(changed);
    await row().first().getByText('another size or date').waitFor();
    await page
      .getByRole('button', { name: /^(Hide|Cancel the upload of) / })
      .last()
      .click();
    await clean('upload-interrupted');
    await page.locator('input[type="file"]').setInputFiles(path);
    proxy.limit(undefined);
    await row()
      .getByRole('link', { name: /Open in the library|Watch/ })
      .waitFor();
    await until('the server has all of it', () => row().locator('.badge').isVisible());
    const sent = proxy.bytes - bytesBefore;
    assert.ok(sent < FILM_BYTES * 1.9, `${sent} bytes for a file of ${FILM_BYTES}`);

    const { items } = await server.json<{ items: AssetView[] }>('/api/v1/assets');
    assert.equal(items.length, 1);
    asset = items[0]!;
    assert.equal(asset.title, 'Harbour at night, in the rain');
    assert.equal(
      asset.sha256,
      createHash('sha256')
        .update(await readFile(path))
        .digest('hex'),
    );
    assert.equal(await page.evaluate(() => localStorage.getItem('oxbow.uploads')), '[]');
    faults.length = 0; // requests were cut on purpose
  });

  fullTest('a paused upload continues, and a cancelled one is removed from the server', async () => {
    proxy.limit(100_000); // slow enough that it is cancelled before the end
    const other = join(folder.path, 'other.mp4');
    await makeFilm(other, { bytes: FILM_BYTES });
    await page.locator('input[type="file"]').setInputFiles(other);
    await page.getByRole('button', { name: 'Pause other.mp4' }).click();
    await page.getByText('Paused').waitFor();
    await page.getByRole('button', { name: 'Resume other.mp4' }).click();
    await until('it has an asset', async () => {
      const { items } = await server.json<{ items: AssetView[] }>('/api/v1/assets');
      return items.length === 2;
    });
    await page.getByRole('button', { name: 'Cancel the upload of other.mp4' }).click();
    proxy.limit(undefined);
    const picture = { name: 'sea.png', mimeType: 'image/png', buffer: Buffer.from('\x89PNG\r\n\x1a\n', 'latin1') };
    await page.locator('input[type="file"]').setInputFiles(picture);
    await page.getByText('This file is not a video').waitFor();
    assert.equal(await page.getByRole('button', { name: 'Try again' }).count(), 0, 'it would be refused again');
    await page.getByRole('button', { name: 'Cancel the upload of sea.png' }).click();
    await until('it is gone', async () => {
      const { items } = await server.json<{ items: AssetView[] }>('/api/v1/assets');
      return items.length === 1;
    });
    faults.length = 0; // requests were aborted on purpose
  });

  fullTest('where the browser remembers a file, its upload continues after a reload at one press', async () => {
    // A file of the page itself has the same kind of handle, and needs no dialog of the browser.
    await page.addInitScript(() => {
      Object.assign(FileSystemHandle.prototype, { queryPermission: async () => 'prompt' });
    });
    await page.reload();
    await page.evaluate(
      async (base64) => {
        const root = await navigator.storage.getDirectory();
        const handle = await root.getFileHandle('kept.mp4', { create: true });
        const written = await handle.createWritable();
        await written.write(Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0)));
        await written.close();
        Object.assign(window, { showOpenFilePicker: async () => [handle] });
      },
      (await readFile(path)).toString('base64'),
    );
    proxy.limit(400_000);
    await page.getByText('Choose files', { exact: true }).click();
    await until('a part has arrived', async () => (await stored()) > 0.2);
    proxy.limit(SLOW_RATE);
    await page.reload();
    await row().getByText('The browser asks whether oxbow may read the file again').waitFor();
    await until('the page shows what the server has', async () => (await share()) > 0.2);
    await clean('upload-left');
    proxy.limit(undefined);
    await page.getByRole('button', { name: 'Continue kept.mp4' }).click();
    await until('the server has all of it', () => row().locator('.badge').isVisible());
    const { items } = await server.json<{ items: AssetView[] }>('/api/v1/assets');
    const kept = items.find(({ filename }) => filename === 'kept.mp4')!;
    assert.equal(kept.sha256, asset.sha256);
    assert.equal((await server.fetch(`/api/v1/assets/${kept.id}?purge=true`, { method: 'DELETE' })).status, 204);
    faults.length = 0; // requests were cut on purpose
  });

  fullTest('search and filters keep to the address; a video goes to the trash and back', async () => {
    await page.goto(`${proxy.url}/library`);
    const cards = page.getByRole('list', { name: 'Library' }).getByRole('listitem');
    await cards.first().waitFor();
    await clean('library');
    const search = page.getByRole('searchbox');
    await search.fill('rain');
    await page.waitForURL('**/library?q=rain');
    await until('it is found', async () => (await cards.count()) === 1);
    await search.fill('desert');
    await page.getByText('No video matches').waitFor();
    await search.fill('');
    await cards.first().waitFor();
    await page.getByRole('checkbox', { name: /Select Harbour/ }).check();
    await page.getByRole('button', { name: 'Move to trash' }).click();
    await page.getByText('No videos yet').waitFor();
    await page.getByRole('button', { name: 'Undo' }).click();
    await cards.first().waitFor();
    await cards.first().getByRole('checkbox').check();
    await page.getByRole('button', { name: 'Move to trash' }).click();
    await page.getByText('No videos yet').waitFor();
    await page.getByRole('button', { name: 'Trash', exact: true }).click();
    await page.getByRole('checkbox', { name: /Select Harbour/ }).check();
    await page.getByText(/Deleted for good: .*\d/).waitFor();
    await clean('library-trash');
    await page.getByRole('button', { name: 'Empty trash' }).click();
    const question = page.getByRole('dialog', { name: 'Delete 1 for good?' });
    await question.waitFor();
    assert.deepEqual(await violations(page, 'emptying the trash'), []);
    await question.getByRole('button', { name: 'Cancel' }).click();
    await page.getByRole('button', { name: 'Restore' }).click();
    await page.getByText('The trash is empty').waitFor();
  });

  test('its qualities are made, and it plays to its end', async () => {
    await page.goto(`${proxy.url}/library/${asset.id}`);
    await page.locator('.player .start').click();
    await until('it has played', () =>
      page.locator('video').evaluate((video: HTMLVideoElement) => video.ended && video.videoWidth > 0),
    );
    const seconds = await page.locator('video').evaluate((video: HTMLVideoElement) => video.duration);
    assert.ok(Math.abs(seconds - 6) < 0.1, String(seconds));
    const done = await until('all qualities are made', async () => {
      const now = await server.json<AssetView>(`/api/v1/assets/${asset.id}`);
      if (now.renditions.every(({ state }) => state === 'done')) return now;
      throw new Error(JSON.stringify(now.renditions));
    });
    const shown = page.locator('section', { hasText: 'Qualities' }).getByRole('listitem');
    await until('the page shows them', async () => (await shown.getByText('Ready').count()) === done.renditions.length);
  });

  fullTest(
    'a link opens at its moment; clips, theatre mode and the help are those of the page of a stream',
    async () => {
      await page.goto(`${proxy.url}/library/${asset.id}?t=0:02`);
      const player = page.locator('.player');
      await player.getByText('00:02').waitFor();
      await player.locator('.start').click();
      const at = () => page.locator('video').evaluate((video: HTMLVideoElement) => video.currentTime);
      await until('it begins there', async () => (await at()) >= 2);
      await page.keyboard.press('k');
      await page.getByRole('button', { name: 'Share', exact: true }).click();
      const link = page.getByRole('textbox', { name: 'Link' });
      assert.match(await link.inputValue(), new RegExp(`/library/${asset.id}\\?t=[2-6](\\.\\d+)?$`));
      assert.deepEqual(await violations(page, 'sharing a video'), []);
      await page.keyboard.press('Escape');

      await page.keyboard.press('x');
      const clip = page.getByRole('region', { name: 'Clip' });
      await clip.getByText(/00:00 – 00:0\d/).waitFor();
      await page.getByRole('button', { name: 'Share', exact: true }).click();
      assert.match(await link.inputValue(), /\?from=0&to=[2-6](\.\d+)?$/);
      await page.keyboard.press('Escape');
      await clean('asset-clip');
      await page.goto(`${proxy.url}/library/${asset.id}?from=1&to=2`);
      await player.locator('.start').click();
      await until('it plays', async () => (await at()) > 1.5);
      await until('and again', async () => (await at()) < 1.5);
      await clip.getByRole('button', { name: 'Clear marks' }).click();

      await page.keyboard.press('w');
      await until('the picture has the width of the window', async () => (await player.boundingBox())!.width >= 1280);
      assert.deepEqual(await overflowing(page), []);
      await page.keyboard.press('w');
      await page.keyboard.press('?');
      const help = page.getByRole('dialog', { name: 'Keyboard shortcuts' });
      await help.getByText('To the end').waitFor();
      assert.equal(await help.getByText('Back to live').count(), 0);
      await page.keyboard.press('Escape');
    },
  );

  fullTest('subtitles are shown, chapters are marks and a list, and the bar shows pictures', async () => {
    await page.goto(`${proxy.url}/library/${asset.id}`);
    const player = page.locator('.player');
    await player.locator('.start').click();
    // Then it is paused at a second with a cue, however long that takes to load: the film is short.
    await until('it plays', () =>
      page.locator('video').evaluate((video: HTMLVideoElement) => {
        if (video.currentTime === 0) return false;
        video.pause();
        video.currentTime = 1;
        return true;
      }),
    );
    await page.keyboard.press('c');
    await until('a cue is shown', () =>
      page
        .locator('video')
        .evaluate((video: HTMLVideoElement) =>
          [...video.textTracks].some(
            ({ mode, activeCues }) =>
              mode === 'showing' && (activeCues?.[0] as VTTCue | undefined)?.text === '<i>Rain</i> &amp; wind',
          ),
        ),
    );
    const cues = () =>
      page
        .locator('video')
        .evaluate((video: HTMLVideoElement) => [...video.textTracks].map((track) => track.cues?.length ?? 0));
    await until('the cue of the second segment is known', async () => (await cues()).some((count) => count > 0));
    assert.deepEqual(
      (await cues()).filter((count) => count > 0),
      [1],
      'one cue, though it is in both segments',
    );
    assert.equal(await player.locator('.bar .mark').count(), 1);
    const slider = player.getByRole('slider', { name: 'Position' });
    const box = (await slider.boundingBox())!;
    await page.mouse.move(box.x + box.width * 0.75, box.y + box.height / 2);
    await player.locator('.tip', { hasText: 'Harbour' }).waitFor();
    await until('the picture under the pointer', async () => {
      const background = await player
        .locator('.tip .picture')
        .evaluate((picture) => getComputedStyle(picture).backgroundImage);
      const sheet = /url\("(.*)"\)/.exec(background)?.[1];
      return sheet !== undefined && (await page.request.get(sheet)).headers()['content-type'] === 'image/jpeg';
    });
    await shot('asset-hover');
    await page.mouse.move(0, 0);
    await player.locator('.tip').waitFor({ state: 'detached' });
    await slider.focus();
    await page.keyboard.press('Tab');
    await page.keyboard.press('Shift+Tab');
    await player.locator('.tip .picture').waitFor();
    await page.locator('section', { hasText: 'Chapters' }).getByRole('button', { name: 'Harbour' }).click();
    await until('it plays from the chapter', () =>
      page
        .locator('video')
        .evaluate((video: HTMLVideoElement) => (!video.paused || video.ended) && video.currentTime >= 3),
    );
    await page.keyboard.press('k');

    const section = page.locator('section', { hasText: 'Subtitles' }).filter({ has: page.locator('details') });
    await section.getByText('Add subtitles').click();
    const file = {
      name: 'film.zh-Hans.srt',
      mimeType: '',
      buffer: Buffer.from('1\n00:00:01,000 --> 00:00:02,000\n雨'),
    };
    await section.locator('input[type="file"]').setInputFiles(file);
    assert.equal(await section.getByRole('textbox', { name: 'Language' }).inputValue(), 'zh-Hans');
    await section.getByRole('button', { name: 'Add', exact: true }).click();
    await section.getByText('Simplified Chinese').waitFor();
    await clean('asset-subtitles');
    await section.getByRole('button', { name: 'Remove Simplified Chinese' }).click();
    await section.getByText('Simplified Chinese').waitFor({ state: 'detached' });
    const { subtitles } = await server.json<AssetView>(`/api/v1/assets/${asset.id}`);
    assert.deepEqual(
      subtitles.map(({ language, origin }) => [language, origin]),
      [['eng', 'original']],
    );
  });

  fullTest('texts are changed in place', async () => {
    await page.goto(`${proxy.url}/library/${asset.id}`);
    await page.getByLabel('Description').fill('Two minutes of rain.');
    await page.getByLabel('Tags').fill('rain, night');
    await page.getByLabel('Tags').blur();
    await page.getByLabel('Visibility').selectOption('public');
    const changed = await until('all is stored', async () => {
      const now = await server.json<AssetView>(`/api/v1/assets/${asset.id}`);
      return now.visibility === 'public' && now.tags.length === 2 && now.description !== '' && now;
    });
    assert.deepEqual([changed.description, changed.tags.toSorted()], ['Two minutes of rain.', ['night', 'rain']]);
    await clean('asset');
  });

  test('no console error, no failed request except those that were cut', () => {
    assert.deepEqual(faults, []);
  });

  fullTest('tus-js-client continues where it was after two lost connections and a reload', async () => {
    const media = join(folder.path, 'by tus.mp4');
    const head = Buffer.from('\0\0\0\x18ftypisom', 'latin1');
    const bytes = Buffer.concat([head, randomBytes(2_000_000)]);
    await writeFile(media, bytes);
    await page.route(`${proxy.url}/by-tus`, (route) =>
      route.fulfill({ contentType: 'text/html', body: '<!doctype html><title>tus</title><input type="file">' }),
    );
    await page.goto(`${proxy.url}/by-tus`);
    const offsets: number[] = [];
    page.on('request', (request) => {
      if (request.method() === 'PATCH') offsets.push(Number(request.headers()['upload-offset']));
    });
    proxy.limit(600_000);
    proxy.cutAfter(400_000);
    assert.equal(await uploadWithTus(page, media), null);
    // Cuts of other requests do not count: a connection may be one that sent files before.
    await until('two requests were cut', () => offsets.length >= 3);
    proxy.cutAfter(undefined);
    proxy.limit(100_000); // slow enough that the reload comes before the end
    const atCut = proxy.bytes;
    await until('it continues', () => proxy.bytes - atCut > 200_000);
    await page.reload();
    const address = await uploadWithTus(page, media);
    proxy.limit(undefined);
    const url = await page.evaluate(() => (window as unknown as { uploaded: Promise<string> }).uploaded);
    assert.equal(url, address);
    assert.ok(offsets.length >= 4, 'one for each cut and the reload');
    assert.deepEqual(
      offsets,
      offsets.toSorted((a, b) => a - b),
      'it never goes back',
    );
    assert.ok(offsets.at(-1)! > 200_000);
    const { items } = await server.json<{ items: AssetView[] }>('/api/v1/assets');
    const made = items.find(({ title }) => title === 'by tus')!;
    assert.equal(made.sha256, createHash('sha256').update(bytes).digest('hex'));
  });

  fullTest('nothing is wider than a phone, in Chinese and in the dark', async () => {
    await using phone = await openVisitor(browser, { width: 390, height: 844, locale: 'zh-CN', colorScheme: 'dark' });
    await phone.addCookies(await context.cookies());
    page = await phone.newPage();
    for (const where of ['library', `library/${asset.id}`, 'upload']) {
      await page.goto(`${proxy.url}/${where}`);
      await page.locator('h1').waitFor();
      await clean(`phone-${where.replace('/', '-')}`);
    }
  });
});
