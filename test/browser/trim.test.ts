import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { type Browser, type BrowserContext, chromium, type Locator, type Page } from 'playwright-core';
import { ProcessTree } from '../../bench/process-tree.ts';
import type { AssetView } from '../../src/api/library/asset-shapes.ts';
import { filmHashes, pictureHashes, run } from '../fixtures/ffmpeg.ts';
import { openCuttingProxy } from '../fixtures/library/cutting-proxy.ts';
import { madeOnce } from '../fixtures/media/made-once.ts';
import { need } from '../fixtures/need.ts';
import { type Folder, isRunning, openFolder, type Server, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { fullTest } from '../full.ts';
import { violations } from './axe.ts';
import { collectFaults, openBrowser, openVisitor } from './chromium.ts';
import { launchOptions } from './chromium-server.ts';
import { overflowing } from './overflow.ts';

const adminToken = 'let-me-in-please';
const shots = process.env.OXBOW_SHOTS;
const SECONDS = 8;
const FPS = 25;
/** Between two key frames, frames. */
const GROUP = 50;
const source = (seconds: number) => [
  ...['-f', 'lavfi', '-i', `testsrc2=size=320x180:rate=${FPS}:duration=${seconds}`],
  ...['-f', 'lavfi', '-i', `sine=frequency=440:duration=${seconds}`],
];
const H264 = ['-c:v', 'libx264', '-preset', 'veryfast', '-bf', '3', '-g', String(GROUP), '-sc_threshold', '0'];

suite('trimming before the upload', { skip: need('chromium') || need('ffmpeg') }, () => {
  const opened = new AsyncDisposableStack();
  let folder: Folder;
  let server: Server;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  let faults: string[];
  let film: string;
  /** Assets of earlier uploads. */
  const known = new Set<string>();

  before(async () => {
    film = madeOnce([...source(SECONDS), ...H264, '-pix_fmt', 'yuv420p', '-c:a', 'aac'], 'mp4');
    folder = opened.use(await openFolder('trim'));
    server = opened.use(await startServer({ data: join(folder.path, 'data'), adminToken }));
    browser = await openBrowser();
    opened.defer(() => browser.close());
    context = await openVisitor(browser, { width: 1280 });
    page = await context.newPage();
    faults = collectFaults(page);
    await page.goto(`${server.url}/upload`);
    await page.locator('input[type="password"]').fill(adminToken);
    await page.keyboard.press('Enter');
    await page.getByRole('switch', { name: /Trim before the upload/ }).check();
  });
  after(() => opened.disposeAsync());

  const clean = async (where: string) => {
    assert.deepEqual(await violations(page, where), []);
    assert.deepEqual(await overflowing(page), [], where);
    if (shots !== undefined) await page.screenshot({ path: join(shots, `${where}.png`), fullPage: true });
  };
  const choose = (path: string) => page.locator('input[type="file"]').setInputFiles(path);
  const handle = (name: string): Locator => page.getByRole('slider', { name });
  const row = () => page.getByRole('list', { name: 'Uploads' }).getByRole('listitem').last();
  const assets = async () => (await server.json<{ items: AssetView[] }>('/api/v1/assets')).items;

  /** The asset of the newest upload of the page, when it is complete, and the path of its original. */
  async function uploaded(what: string): Promise<{ asset: AssetView; path: string }> {
    const id = await until(`the server has all of ${what}`, async () => {
      if (!(await row().locator('.badge').isVisible())) return false;
      const link = row().getByRole('link', { name: /Open in the library|Watch/ });
      const last = (await link.first().getAttribute('href'))!.split('/').at(-1)!;
      return !known.has(last) && last;
    });
    known.add(id);
    const asset = (await assets()).find((each) => each.id === id)!;
    const files = await readdir(join(folder.path, 'data'), { recursive: true, withFileTypes: true });
    for (const file of files) {
      const path = join(file.parentPath, file.name);
      if (path.includes(asset.id) && file.isFile() && (await stat(path)).size === asset.bytes) return { asset, path };
    }
    throw new Error(`no file of ${asset.bytes} bytes for ${what}`);
  }

  test('only the part between the handles is sent, and its pictures and sound are those of the film', async () => {
    await choose(film);
    await handle('Start').waitFor();
    for (let i = 0; i < 3; i++) await handle('Start').press('ArrowRight');
    await handle('End').press('ArrowLeft');
    assert.equal(await handle('Start').getAttribute('aria-valuetext'), '0:03.00');
    assert.equal(await handle('End').getAttribute('aria-valuetext'), '0:07.00');
    await page.getByText(/Sent: 0:02\.00 to 0:07\.\d\d/).waitFor();
    await until('both pictures are drawn', async () => (await page.locator('figure canvas[data-at]').count()) === 2);
    await clean('trim');
    await page.getByRole('button', { name: 'Send this part' }).click();
    const { asset, path } = await uploaded('trim');

    const [all, kept] = await filmHashes([film, path]);
    const { length } = kept!.pictures;
    const from = all!.sound.indexOf(kept!.sound[0]!);
    assert.deepEqual(
      kept!.pictures,
      all!.pictures.slice(GROUP, GROUP + length),
      'pictures of the film, from the key frame on',
    );
    assert.ok(length >= 5 * FPS && length <= 5 * FPS + 4, `${length} pictures`);
    assert.deepEqual(kept!.sound, all!.sound.slice(from, from + kept!.sound.length), 'the sound of the film');
    assert.ok(asset.bytes! < (await stat(film)).size * 0.75, `${asset.bytes} bytes`);
    assert.deepEqual(faults, []);
  });

  fullTest('every container keeps its pictures', async () => {
    const containers = [
      ['mov', [...H264, '-c:a', 'aac']],
      ['mkv', [...H264, '-c:a', 'libopus']],
      ['ts', [...H264, '-c:a', 'aac']],
      ['webm', ['-c:v', 'libvpx', '-deadline', 'realtime', '-g', String(GROUP), '-c:a', 'libopus']],
    ] as const;
    for (const [ending, codecs] of containers) {
      const path = madeOnce([...source(SECONDS), ...codecs, '-pix_fmt', 'yuv420p'], ending);
      await choose(path);
      await handle('Start').waitFor();
      for (let i = 0; i < 3; i++) await handle('Start').press('ArrowRight');
      for (let i = 0; i < 2; i++) await handle('End').press('ArrowLeft');
      await page.getByText(/Sent: 0:02/).waitFor();
      await page.getByRole('button', { name: 'Send this part' }).click();
      const { asset, path: kept } = await uploaded(ending);
      assert.equal(extname(asset.filename!), ending === 'ts' ? '.mp4' : `.${ending}`);
      const [all, part] = [await pictureHashes(path), await pictureHashes(kept)];
      assert.deepEqual(part, all.slice(GROUP, GROUP + part.length), ending);
      assert.ok(part.length >= 4 * FPS && part.length <= 4 * FPS + 4, `${ending}: ${part.length} pictures`);
    }
  });

  fullTest('an exact cut begins and ends at the handles', async () => {
    await choose(film);
    await handle('Start').waitFor();
    for (let i = 0; i < 3; i++) await handle('Start').press('ArrowRight');
    await handle('Start').press('.');
    for (let i = 0; i < 3; i++) await handle('End').press('ArrowLeft');
    await page.getByRole('radio', { name: /Exact/ }).check();
    await page.getByText(/Sent: 0:03\.04 to 0:05\.00/).waitFor();
    await page.getByRole('button', { name: 'Send this part' }).click();
    const { path } = await uploaded('exact');
    const pictures = await pictureHashes(path);
    assert.equal(pictures.length, 2 * FPS - 1);
    const byFrame = `settb=1/${FPS},setpts=N`;
    const same = `[1:v]trim=start_frame=${3 * FPS + 1}:end_frame=${5 * FPS},${byFrame}[b];[0:v]${byFrame}[a];[a][b]psnr`;
    const { stderr } = await run('ffmpeg', ['-i', path, '-i', film, '-filter_complex', same, '-f', 'null', '-']);
    const worst = Number(/PSNR .* min:([\d.]+|inf)/.exec(stderr)?.[1]?.replace('inf', 'Infinity'));
    assert.ok(worst > 28, `the worst picture has ${worst} dB:\n${stderr}`);
  });

  fullTest(
    'the upload of a cut continues after a reload, and says so where the browser has removed the cut',
    async () => {
      const proxy = opened.use(await openCuttingProxy(server.url));
      await page.goto(`${proxy.url}/upload`);
      await page.locator('input[type="password"]').fill(adminToken);
      await page.keyboard.press('Enter');
      await page.getByRole('switch', { name: /Trim before the upload/ }).check();
      const send = async () => {
        await choose(film);
        await handle('Start').waitFor();
        for (let i = 0; i < 3; i++) await handle('Start').press('ArrowRight');
        await page.getByText(/Sent: 0:02/).waitFor();
        proxy.limit(20_000); // it does not end before the reload
        await page.getByRole('button', { name: 'Send this part' }).click();
        await until('the upload has begun', () =>
          page.evaluate(() => (localStorage.getItem('oxbow.uploads') ?? '').includes('cut')),
        );
      };
      await send();
      await page.reload();
      proxy.limit(undefined);
      const { path } = await uploaded('reload');
      const pictures = await pictureHashes(path);
      assert.deepEqual(pictures, (await pictureHashes(film)).slice(GROUP));
      assert.equal(await page.evaluate(() => localStorage.getItem('oxbow.uploads')), '[]');
      const stored = () =>
        page.evaluate(async () => {
          const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle('cuts');
          return (await Array.fromAsync(folder.keys())).length;
        });
      await until('the browser keeps nothing of it', async () => (await stored()) === 0);

      await send();
      await page.goto('about:blank');
      proxy.limit(undefined);
      const other = await context.newPage(); // a page without the scripts of oxbow
      await other.goto(`${proxy.url}/robots.txt`);
      await other.evaluate(async () =>
        (await navigator.storage.getDirectory()).removeEntry('cuts', { recursive: true }),
      );
      await other.close();
      await page.goto(`${proxy.url}/upload`);
      await page.getByText('the browser has removed the trimmed part').waitFor();
      await clean('trim-gone');
      await page.getByRole('button', { name: /Cancel the upload of/ }).click();
      await until('it is gone', async () => (await assets()).every(({ state }) => state !== 'uploading'));
      faults.length = 0; // requests were aborted
    },
  );

  fullTest('a film that the browser cannot open is sent completely, and the page says so', async () => {
    await page.goto(`${server.url}/upload`);
    const path = madeOnce([...source(2), '-c:v', 'mpeg4', '-c:a', 'mp3'], 'avi');
    await choose(path);
    await page.getByText(/its format is unknown here. The complete file is sent/).waitFor();
    const { asset } = await uploaded('avi');
    assert.equal(
      asset.sha256,
      createHash('sha256')
        .update(await readFile(path))
        .digest('hex'),
    );
    await clean('trim-refused');
    await page.getByRole('button', { name: 'Hide', exact: true }).first().click();
    await writeFile(join(folder.path, 'noise.mp4'), randomBytes(100_000));
    await choose(join(folder.path, 'noise.mp4'));
    await page.getByText(/noise.mp4: its format is unknown here/).waitFor();
    await page.getByRole('button', { name: 'Hide', exact: true }).first().click();
    faults.length = 0; // the server refuses the noise
  });

  fullTest('a phone in the dark: the view fits, and an upload that runs can be trimmed instead', async () => {
    const phone = await openVisitor(browser, {
      width: 390,
      height: 844,
      colorScheme: 'dark',
      locale: 'zh-CN',
      touch: true,
    });
    const there = await phone.newPage();
    await there.goto(`${server.url}/upload`);
    await there.locator('input[type="password"]').fill(adminToken);
    await there.keyboard.press('Enter');
    await there.locator('input[type="file"]').waitFor({ state: 'attached' });
    await there.route('**/api/v1/upload/chunk', () => {}); // it does not end
    await there.locator('input[type="file"]').setInputFiles(film);
    await there.getByRole('button', { name: /先裁剪/ }).click();
    await there.getByRole('slider').first().waitFor();
    await until('pictures are drawn', async () => (await there.locator('figure canvas[data-at]').count()) === 2);
    assert.deepEqual(await violations(there, 'trim-phone'), []);
    assert.deepEqual(await overflowing(there), [], 'trim-phone');
    if (shots !== undefined) await there.screenshot({ path: join(shots, 'trim-phone.png'), fullPage: true });
    await phone.close();
  });

  fullTest('a film of 1 GB is trimmed and uploaded by a page that takes less than 150 MB of memory', async () => {
    // Noise is as large as a film of an hour, and is made in seconds; copies of it follow each other.
    const noise = ['-f', 'lavfi', '-i', `nullsrc=s=320x180:r=${FPS}:d=4,geq=random(1)*255:128:128`];
    const short = madeOnce(
      [...noise, '-c:v', 'libx264', '-preset', 'ultrafast', '-qp', '24', '-g', String(GROUP)],
      'mp4',
    );
    const { size } = await stat(short);
    const large = join(folder.path, 'large.mp4');
    const times = String(Math.ceil(1e9 / size) - 1);
    await run('ffmpeg', ['-v', 'error', '-stream_loop', times, '-i', short, '-c', 'copy', large]);
    assert.ok((await stat(large)).size >= 1e9 * 0.98);

    const profile = join(folder.path, 'profile');
    const own = await chromium.launchPersistentContext(profile, launchOptions([]));
    opened.defer(() => own.close());
    own.setDefaultTimeout(300_000);
    const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
    const root = pids.find((pid) => isRunning(pid) && commandOf(pid).includes(profile));
    const tree = new ProcessTree([root!]);
    const there = own.pages()[0]!;
    await there.goto(`${server.url}/upload`);
    await there.locator('input[type="password"]').fill(adminToken);
    await there.keyboard.press('Enter');
    await there.getByRole('switch', { name: /Trim before the upload/ }).check();
    const devtools = await own.newCDPSession(there);
    const measure = async () => {
      const usage = (await devtools.send('Runtime.getHeapUsage')) as Record<string, number>;
      return usage.usedSize! + (usage.embedderHeapUsedSize ?? 0) + (usage.backingStorageSize ?? 0);
    };
    // Of the page: its heap and its buffers. Of all processes: with what their allocators keep.
    const before = { page: await measure(), processes: tree.memory().anonymous };
    const most = { page: 0, processes: 0 };
    const measuring = new AbortController();
    const measured = (async () => {
      while (!measuring.signal.aborted) {
        most.page = Math.max(most.page, (await measure()) - before.page);
        most.processes = Math.max(most.processes, tree.memory().anonymous - before.processes);
        await pause(100);
      }
    })();
    try {
      await there.locator('input[type="file"]').setInputFiles(large);
      await there.getByRole('slider', { name: 'Start' }).press('PageUp');
      await there.getByRole('slider', { name: 'End' }).press('PageDown');
      await there.getByText(/Sent: \d+:\d\d/).waitFor();
      await there.getByRole('button', { name: 'Send this part' }).click();
      const link = there
        .getByRole('list', { name: 'Uploads' })
        .getByRole('link', { name: /Open in the library|Watch/ });
      await link.first().waitFor();
      await there.getByRole('list', { name: 'Uploads' }).locator('.badge').waitFor();
    } finally {
      measuring.abort();
      await measured;
    }
    const asset = (await assets()).find(({ filename }) => filename === 'large.mp4')!;
    assert.ok(asset.bytes! > 0.75e9 && asset.bytes! < 0.85e9, `${asset.bytes} bytes`);
    console.log(
      `memory of the page: +${(most.page / 1e6).toFixed(0)} MB, of all: +${(most.processes / 1e6).toFixed(0)} MB`,
    );
    assert.ok(most.page < 150e6, `${most.page} bytes above the start`);
    assert.ok(most.processes < 300e6, `${most.processes} bytes above the start, in all processes`);
  });
});

/** The command line of a process; empty if it has ended. */
function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1');
  } catch {
    return '';
  }
}
