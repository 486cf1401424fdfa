/**
 * A set of angles on the multi-view page: two cameras whose clocks differ and a video show the same instant
 * once their sound was compared, and one is moved by frames.
 */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import type { AngleSet } from '../../src/api/angles/angle-shapes.ts';
import { makeSpokenFilm, putCamera } from '../fixtures/angles/spoken-film.ts';
import { need } from '../fixtures/need.ts';
import { type Folder, openFolder, runOxbow, type Server, startPlainServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { collectFaults, openBrowser, openVisitor } from './chromium.ts';

const adminToken = 'let-me-in-please';
/** On a full hour, two hours ago: the first camera begins then. */
const EVENT_MS = (Math.floor(Date.now() / 3_600_000) - 2) * 3_600_000;
/** Pictures have 10 frames a second, and the page places them within some ms. */
const NEAR_S = 0.1;

suite('a set of angles on the multi-view page', { skip: need('chromium') || need('ffmpeg') }, () => {
  const opened = new AsyncDisposableStack();
  let folder: Folder;
  let server: Server;
  let browser: Browser;
  let page: Page;
  let faults: string[];
  let set: AngleSet;
  const json = { 'content-type': 'application/json' };
  const stored = () => server.json<AngleSet>(`/api/v1/angle-sets/${set.id}`);
  /** Position of the picture of a tile in its file, s. */
  const positionOf = (name: string) =>
    page
      .locator(`[data-stream="${name}"] video`)
      .evaluateAll((videos) => Math.max(...(videos as HTMLVideoElement[]).map(({ currentTime }) => currentTime)));
  const phone = () => `asset:${set.members[2]!.asset}`;
  const signIn = async (of: Page) => {
    const answer = await of.request.post(`${server.url}/api/v1/sessions`, {
      headers: { origin: server.url },
      data: { token: adminToken },
    });
    assert.ok(answer.ok(), await answer.text());
  };

  before(async () => {
    folder = opened.use(await openFolder('angles-page'));
    const cameras = join(folder.path, 'cameras');
    const data = join(folder.path, 'data');
    const film = join(folder.path, 'phone.mp4');
    await Promise.all([
      putCamera(cameras, 'front', EVENT_MS, { event: 7, fromS: 0, toS: 55, noiseDb: 12 }),
      putCamera(cameras, 'back', EVENT_MS - 3300, { event: 7, fromS: 4, toS: 55, noiseDb: 10 }),
      makeSpokenFilm(film, { event: 7, fromS: 8, toS: 55, noiseDb: 10 }),
    ]);
    const said = await runOxbow(['import', 'recordings', cameras, '--data', data, '--json']);
    assert.equal(said.code, 0, said.stderr);
    server = opened.use(await startPlainServer({ data, adminToken }));
    const body = await readFile(film);
    const sent = await server.fetch('/api/v1/uploads/file?filename=phone.mp4&visibility=public', {
      method: 'PUT',
      body,
    });
    const { asset } = (await sent.json()) as { asset: string };
    await until('the video can be played', async () => {
      return (await server.json<{ state: string }>(`/api/v1/assets/${asset}`)).state === 'ready';
    });
    // The video is 50 s away: further than is searched.
    const members = [{ stream: 'front' }, { stream: 'back' }, { asset, offsetMs: EVENT_MS - 42_000 }];
    const created = await server.fetch('/api/v1/angle-sets', {
      method: 'POST',
      headers: json,
      body: JSON.stringify({ name: 'Stage', at: String(EVENT_MS + 20_000), members }),
    });
    set = (await created.json()) as AngleSet;
    browser = opened.use(await openBrowser());
    page = await (await openVisitor(browser)).newPage();
    faults = collectFaults(page);
    await signIn(page);
  });
  after(() => opened.disposeAsync());

  test('opens where the set does, and shows one instant after the comparison', async () => {
    await page.goto(`${server.url}/multi`);
    await page.getByRole('link', { name: 'Stage 3' }).click();
    await until('the page plays', async () => (await positionOf('front')) > 20.5);
    await page.getByRole('button', { name: 'Pause' }).first().click();
    // Moved by 30 s, and not saved: the search is around what the page shows.
    await page.getByRole('slider', { name: 'Offset of phone' }).fill('30000');
    await page.getByRole('button', { name: 'Compare sound' }).click();
    await page.getByText('By sound · ').nth(1).waitFor();
    const { members } = await stored();
    assert.ok(Math.abs(members[1]!.offsetMs - 7300) <= 20, `${members[1]!.offsetMs}`);
    await until('all pictures are of one instant', async () => {
      const [front, back, film] = await Promise.all(['front', 'back', phone()].map(positionOf));
      // A player of a recording counts from a window of it: of whole seconds.
      const apart = (front! - back!) % 1;
      return Math.abs(front! - film! - 8) < NEAR_S && Math.min(Math.abs(apart), 1 - Math.abs(apart)) < NEAR_S;
    });
  });

  test('moves a picture by frames, and saves that', async () => {
    const from = await positionOf(phone());
    const later = page.getByRole('button', { name: 'phone: one frame later' });
    for (let i = 0; i < 5; i++) await later.click();
    await until('the picture is earlier', async () => (await positionOf(phone())) < from - 0.15);
    assert.match(page.url(), /&offset=asset:[^&]+:\d+/);
    assert.ok(await page.getByRole('button', { name: 'Clip all angles' }).isDisabled());
    await page.getByRole('button', { name: 'Save offsets' }).click();
    await page.getByText('By hand').waitFor();
    assert.equal((await stored()).members[2]!.how, 'hand');
    assert.doesNotMatch(page.url(), /offset=/);
    await page.getByRole('button', { name: 'Clip all angles' }).click();
    await page.getByRole('status').getByRole('link', { name: 'back' }).waitFor();
    assert.deepEqual(faults, []);
  });

  test('is made of streams and a video on the page', async () => {
    await page.goto(`${server.url}/multi?s=front,back&t=${EVENT_MS / 1000 + 20}`);
    await page.getByRole('button', { name: 'Angles' }).click();
    await page.getByLabel('Add a video').selectOption({ label: 'phone' });
    await page.getByRole('slider', { name: 'Offset of phone' }).waitFor();
    await page.getByLabel('Name of the set').fill('Hall');
    await page.getByRole('button', { name: 'Save as a set' }).click();
    await page.getByRole('heading', { name: 'Hall' }).waitFor();
    const { items } = await server.json<{ items: AngleSet[] }>('/api/v1/angle-sets');
    const [{ members }] = items as [AngleSet];
    assert.deepEqual(
      members.map(({ stream, asset }) => stream ?? asset),
      ['front', 'back', set.members[2]!.asset],
    );
    assert.ok(Math.abs(members[2]!.offsetMs - EVENT_MS - 20_000) < 10_000, 'it begins where the page was');
    assert.deepEqual(faults, []);
  });

  test('fits a narrow dark page in Chinese, and a link without the set has the offsets', async () => {
    const looks = { width: 390, height: 844, colorScheme: 'dark', locale: 'zh-CN', touch: true } as const;
    await using context = await openVisitor(browser, looks);
    const narrow = await context.newPage();
    const narrowFaults = collectFaults(narrow);
    const { members } = await stored();
    await narrow.goto(`${server.url}/multi?s=front,back&offset=back:${members[1]!.offsetMs}&t=${EVENT_MS / 1000 + 20}`);
    await narrow.getByRole('heading', { name: '机位' }).waitFor();
    await narrow.getByText('+7.3').waitFor();
    const wide = await narrow.evaluate(() => document.documentElement.scrollWidth > innerWidth);
    assert.equal(wide, false, 'nothing is wider than the page');
    assert.deepEqual(narrowFaults, []);
  });
});
