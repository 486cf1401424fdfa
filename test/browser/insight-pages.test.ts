import assert from 'node:assert/strict';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { Browser, Locator, Page } from 'playwright-core';
import type { PlaybackQuality } from '../../src/api/insight/insight-shapes.ts';
import type { AssetView } from '../../src/api/library/asset-shapes.ts';
import { need } from '../fixtures/need.ts';
import { type MadeMinute, storeViewing } from '../fixtures/observe/made-viewing.ts';
import { type Folder, openFolder, type Server, smallPicture, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { fullTest } from '../full.ts';
import { violations } from './axe.ts';
import { collectFaults, openBrowser, openVisitor } from './chromium.ts';
import { overflowing } from './overflow.ts';

const adminToken = 'let-me-in-please';
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const HOURS = 30;
/** Length of what is recorded before the sessions are made, seconds. */
const RECORDED_S = 25;
const EDGE = 'edge-1.example.org';
/** Viewers that go back to the goal, and those that see all of the video. */
const REWINDERS = 6;
const PATIENT = 3;

const looks = [
  { width: 390, height: 844, colorScheme: 'dark', locale: 'zh-CN', only: '仅看 demo', empty: '此时间段内无人观看' },
  { width: 1280, height: 900, colorScheme: 'light', locale: 'en-US', only: 'Only demo', empty: 'No one has watched' },
] as const;

/** With LOOK=FOLDER the page is kept as a picture, for a person to look at. */
async function keep(shown: Page | Locator, name: string): Promise<void> {
  const { LOOK } = process.env;
  if (LOOK === undefined) return;
  await mkdir(LOOK, { recursive: true });
  const path = join(LOOK, `${name}.png`);
  await ('goto' in shown ? shown.screenshot({ path, fullPage: true }) : shown.screenshot({ path }));
}

suite('insight', { skip: need('chromium') }, () => {
  let folder: Folder;
  let server: Server;
  let browser: Browser;
  let asset: AssetView;
  /** Id of a clip around the goal. */
  let clip: string;
  /** The goal in the recording, unix seconds. */
  let goalS: number;
  const create = async (stream: object) => {
    const headers = { 'content-type': 'application/json' };
    const made = await server.fetch('/api/v1/streams', { method: 'POST', headers, body: JSON.stringify(stream) });
    assert.equal(made.status, 201);
  };
  const start = () => startServer({ data: join(folder.path, 'data'), args: [...smallPicture], adminToken });

  before(async () => {
    folder = await openFolder('insight-page');
    server = await start();
    await create({ name: 'quiet', source: { type: 'push' } });
    await create({ name: 'yard', source: { type: 'test' }, showRewound: true });
    await until('a recording', async () => (await server.stream('demo')).recorded.seconds >= RECORDED_S);
    const { from } = (await server.stream('demo')).recorded;
    const firstS = Math.ceil(Date.parse(from!) / 1000);
    goalS = Math.ceil((firstS + 15) / 5) * 5;
    const made = await server.fetch('/api/v1/assets', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ stream: 'demo', from: String(firstS), to: '20s', title: 'The goal' }),
    });
    assert.equal(made.status, 201, await made.clone().text());
    const { id } = (await made.json()) as AssetView;
    asset = await until('the video', async () => {
      const view = await server.json<AssetView>(`/api/v1/assets/${id}`);
      return view.state === 'ready' && view;
    });
    const clipped = await server.fetch('/api/v1/clips', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ stream: 'demo', from: String(firstS), to: '24s', title: 'Around the goal' }),
    });
    assert.equal(clipped.status, 201, await clipped.clone().text());
    clip = ((await clipped.json()) as { readonly id: string }).id;
    await server.stop();
    await storeViewing(join(folder.path, 'data'), 'demo', (streamId) => madeMinutes(streamId, id, Date.now()));
    await storeViewing(join(folder.path, 'data'), 'yard', (streamId) => rewinders(streamId, Date.now()));
    server = await start();
    browser = await openBrowser();
  });
  after(async () => {
    await browser?.close();
    await server?.[Symbol.asyncDispose]();
    await folder?.[Symbol.asyncDispose]();
  });

  /** Live viewers of the last hours, some that went back to the goal, and viewers of the video. */
  function madeMinutes(streamId: string, assetId: string, nowMs: number): MadeMinute[] {
    const stream = { kind: 'stream', id: streamId } as const;
    const minutes: MadeMinute[] = [];
    for (let hour = 1; hour <= HOURS; hour++) {
      for (let viewer = 0; viewer < 2 + (hour % 12); viewer++) {
        const session = `live-${hour}-${viewer}`;
        const from = { edge: viewer % 3 === 0 ? EDGE : '', country: viewer % 2 === 0 ? 'AT' : 'DE' };
        for (let minute = 0; minute < 3; minute++) {
          const atMs = nowMs - hour * HOUR_MS + minute * MINUTE_MS;
          const first = { begins: true, startupMs: 400 + 100 * viewer, stallMs: viewer === 1 ? 1500 : 0 };
          minutes.push({ content: stream, session, atMs, live: true, ...from, ...(minute === 0 && first) });
        }
      }
    }
    minutes.push(...rewinders(streamId, nowMs));
    const atMs = nowMs - 10 * MINUTE_MS;
    const early: MadeMinute = { content: stream, session: 'early', atMs, begins: true, watched: [goalS - 5, goalS] };
    minutes.push(early);
    for (let viewer = 0; viewer < 2 * PATIENT; viewer++) {
      const watched = [0, viewer < PATIENT ? 20 : 10] as const;
      const content = { kind: 'asset', id: assetId } as const;
      minutes.push({ content, session: `film-${viewer}`, atMs, begins: true, watched, leaves: true });
    }
    return minutes;
  }

  /** Sessions that go back to the goal, and leave after it. */
  function rewinders(streamId: string, nowMs: number): MadeMinute[] {
    return Array.from({ length: REWINDERS }, (_, viewer) => ({
      content: { kind: 'stream', id: streamId },
      session: `rewinds-${streamId}-${viewer}`,
      atMs: nowMs - 10 * MINUTE_MS,
      begins: true,
      watched: [goalS, goalS + 5],
      leaves: true,
    }));
  }

  async function signIn(page: Page, path: string): Promise<void> {
    await page.goto(`${server.url}${path}`);
    await page.locator('main input[type="password"]').fill(adminToken);
    await page.locator('main input[type="password"]').press('Enter');
  }

  for (const [index, { width, height, colorScheme, locale, only, empty }] of looks.entries()) {
    const testLook = index === 0 ? test : fullTest;
    testLook(
      `the page has charts with tables, quality by stream and edge, the past and a CSV file, ${width} wide`,
      async () => {
        await using context = await openVisitor(browser, { width, height, colorScheme, locale });
        const page = await context.newPage();
        const faults = collectFaults(page);
        await signIn(page, '/admin/insight');
        const chart = page.locator('[data-chart]').first();
        await chart.locator('canvas').waitFor();
        const found = [...(await violations(page, 'insight')), ...(await overflowing(page))];
        await keep(page, `insight-${width}-${colorScheme}`);

        // The table of the chart, by keyboard.
        await chart.locator('summary').focus();
        await page.keyboard.press('Enter');
        const rows = chart.locator('tbody tr');
        await rows.first().waitFor();
        assert.ok((await rows.count()) >= HOURS, `${await rows.count()} rows`);
        found.push(...(await violations(page, 'table')), ...(await overflowing(page)));
        await page.keyboard.press('Enter');

        // By edge, then one stream only.
        const byEdge = page.locator('fieldset').nth(1).locator('input').nth(2);
        await byEdge.focus();
        await page.keyboard.press('Space');
        await page.locator('tbody tr', { hasText: EDGE }).waitFor();
        await page.locator('fieldset').nth(1).locator('input').first().check({ force: true });
        await page.getByRole('button', { name: only }).press('Enter');
        const most = page.locator('[data-most] a').first();
        await most.waitFor();
        assert.equal(await most.getAttribute('href'), `/watch/demo?t=${goalS}`, 'the goal was watched most');
        found.push(...(await violations(page, 'stream')), ...(await overflowing(page)));
        await keep(page, `insight-stream-${width}-${colorScheme}`);

        const download = page.waitForEvent('download');
        await page.locator('a[download="sessions.csv"]').click();
        const csv = join(folder.path, `sessions-${width}.csv`);
        await (await download).saveAs(csv);
        const lines = (await readFile(csv, 'utf8')).trim().split('\r\n');
        assert.match(lines[0]!, /^id,stream,asset,startedAt/);
        const sums = await server.json<{ items: PlaybackQuality[] }>(
          `/api/v1/insight/quality?stream=demo&from=${Math.floor(Date.now() / 1000) - 7 * 86_400}`,
        );
        assert.equal(lines.length - 1, sums.items[0]!.sessions, 'a line for each session of the stream');

        // A stream that no one watched.
        await page.locator('select').selectOption('quiet');
        await page.getByText(empty).first().waitFor();
        found.push(...(await violations(page, 'empty')), ...(await overflowing(page)));
        await keep(page, `insight-empty-${width}-${colorScheme}`);
        assert.deepEqual(faults, []);

        // A server that cannot answer, and can again.
        await page.route('**/api/v1/insight/**', (route) =>
          route.fulfill({ status: 503, json: { code: 'not-ready' } }),
        );
        await page.locator('fieldset').first().locator('input').last().check({ force: true });
        const retry = page.locator('[role="alert"] button, .failed button').first();
        await retry.waitFor();
        await keep(page, `insight-failed-${width}-${colorScheme}`);
        await page.unroute('**/api/v1/insight/**');
        await retry.click();
        await retry.waitFor({ state: 'detached' });
        assert.deepEqual(found, []);
      },
    );

    testLook(`the timeline shows what was watched again, and makes clips of it, ${width} wide`, async () => {
      await using context = await openVisitor(browser, { width, height, colorScheme, locale });
      const page = await context.newPage();
      const faults = collectFaults(page);
      await signIn(page, '/admin/insight');
      await page.locator('[data-chart]').first().waitFor();
      await page.goto(`${server.url}/watch/demo?t=${goalS}`);
      const band = page.locator('[data-heat]');
      await band.waitFor({ state: 'attached' });
      await until('cells of the band', async () => Number(await band.getAttribute('data-heat')) > 0);
      await page.locator('aside').getByRole('tab').first().click();
      const panel = page.locator('[data-rewound]');
      await panel.waitFor();
      assert.equal(await panel.locator('[data-top]').first().getAttribute('data-top'), String(goalS * 1000));
      const found = [...(await violations(page, 'watch')), ...(await overflowing(page))];
      await keep(page, `watch-${width}-${colorScheme}`);
      await panel.locator('button').nth(1).press('Enter');
      await until('the marks of the clip', async () => (await page.locator('.cut').count()) === 1);
      assert.deepEqual(found, []);
      assert.deepEqual(faults, []);
    });

    testLook(`the page of a clip has what was watched again of it, ${width} wide`, async () => {
      await using context = await openVisitor(browser, { width, height, colorScheme, locale });
      const page = await context.newPage();
      const faults = collectFaults(page);
      await signIn(page, '/admin/insight');
      await page.locator('[data-chart]').first().waitFor();
      await page.goto(`${server.url}/c/${clip}`);
      const band = page.locator('[data-heat]');
      await band.waitFor();
      const most = band.locator('a').first();
      assert.equal(await most.getAttribute('href'), `/watch/demo?t=${goalS}`);
      const found = [...(await violations(page, 'clip')), ...(await overflowing(page))];
      await keep(page, `clip-${width}-${colorScheme}`);
      assert.deepEqual(found, []);
      assert.deepEqual(faults, []);
    });

    testLook(`the weekly report is set on the page of settings, ${width} wide`, async () => {
      await using context = await openVisitor(browser, { width, height, colorScheme, locale });
      const page = await context.newPage();
      const faults = collectFaults(page);
      await signIn(page, '/admin/settings');
      const form = (path: string) => page.locator(`[data-setting="${path}"]`);
      const readValue = async (path: string) => {
        const { items } = await server.json<{ items: { path: string; value: string }[] }>('/api/v1/settings');
        return items.find((row) => row.path === path)!.value;
      };
      await form('reports.weekly').locator('select').selectOption('monday');
      await form('reports.weekly').locator('button').click();
      await until('the day is set', async () => (await readValue('reports.weekly')) === 'monday');
      const mail = form('reports.mail');
      await mail.locator('input').fill('no address');
      await mail.locator('button').click();
      await mail.getByText('no address').first().waitFor();
      await mail.locator('input').fill('ann@example.org, bob@example.org');
      await mail.locator('button').click();
      await until('the addresses are set', async () => (await readValue('reports.mail')).includes('bob@example.org'));
      const found = [...(await violations(page, 'settings')), ...(await overflowing(page))];
      await keep(page.locator('section', { has: mail }).last(), `settings-${width}-${colorScheme}`);
      for (const path of ['reports.weekly', 'reports.mail']) await form(path).locator('button').click();
      await until('the defaults', async () => (await readValue('reports.weekly')) === 'off');
      assert.deepEqual(found, []);
      assert.deepEqual(
        faults.filter((fault) => !/\/settings 400$|status of 400/.test(fault)), // the address that is refused
        [],
      );
    });

    testLook(`the page of a video has the share of viewers at each second, ${width} wide`, async () => {
      await using context = await openVisitor(browser, { width, height, colorScheme, locale });
      const page = await context.newPage();
      await signIn(page, '/admin/insight');
      await page.locator('[data-chart]').first().waitFor();
      await page.goto(`${server.url}/library/${asset.id}`);
      const curve = page.locator('[data-retention]');
      await curve.locator('canvas').waitFor();
      assert.equal(await curve.getAttribute('data-retention'), String(2 * PATIENT));
      await curve.locator('summary').click();
      const cells = await curve.locator('tbody td').allInnerTexts();
      assert.deepEqual(
        cells.slice(0, 4).map((text) => text.replace(/[^0-9%]/g, '')),
        ['100%', '100%', '50%', '50%'],
        'half of the viewers left after ten seconds',
      );
      const found = [...(await violations(page, 'asset')), ...(await overflowing(page))];
      await keep(page, `asset-${width}-${colorScheme}`);
      assert.deepEqual(found, []);
    });
  }

  test('viewers see the band of a stream that shows it, and request none of others', async () => {
    await using context = await openVisitor(browser);
    const page = await context.newPage();
    const faults = collectFaults(page);
    const asked: string[] = [];
    page.on('request', (request) => {
      if (request.url().includes('/rewound')) asked.push(new URL(request.url()).pathname);
    });
    await page.goto(`${server.url}/watch/demo?t=${goalS}`);
    await page.locator('[data-activity]').waitFor({ state: 'attached' });
    assert.deepEqual(asked, []);
    assert.equal((await page.request.get(`${server.url}/api/v1/streams/demo/rewound`)).status(), 404);

    await page.goto(`${server.url}/watch/yard?t=${goalS}`);
    const band = page.locator('[data-heat]');
    await band.waitFor({ state: 'attached' });
    await until('cells of the band', async () => Number(await band.getAttribute('data-heat')) > 0);
    const top = page.locator('[data-rewound] [data-top]').first();
    await page.locator('aside').getByRole('tab').first().click();
    assert.equal(await top.getAttribute('data-top'), String(goalS * 1000));
    assert.deepEqual(new Set(asked), new Set(['/api/v1/streams/yard/rewound']));
    assert.deepEqual(faults, []);
  });
});
