/**
 * The first minute of a newcomer, as `npm run tour` plays it, without its budgets.
 * In: oxbow with the demo, a live source. Out: every step is possible, with as few clicks as promised.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Page } from 'playwright-core';
import type { StreamView } from '../../../src/api/shapes.ts';
import { need } from '../../fixtures/need.ts';
import { openFolder, type Server, smallPicture, startServer } from '../../fixtures/server.ts';
import { until } from '../../fixtures/wait.ts';
import { collectFaults, launchBrowser, openVisitor, withoutEarlyWindows } from '../chromium.ts';
import { openOwnSource } from './source.ts';
import { takeTour } from './steps.ts';

test('from the home page to rewinding one’s own stream takes four clicks at most', {
  skip: need('chromium') || need('ffmpeg'),
}, async () => {
  await using folder = await openFolder('first-minute');
  await using source = await openOwnSource(join(folder.path, 'source'));
  await using server = await startServer({ data: join(folder.path, 'data'), args: smallPicture });
  await using browser = await launchBrowser(); // it uses the clipboard, of which the shared one has one
  const page = await (await openVisitor(browser)).newPage();
  const faults = collectFaults(page);
  const steps = await takeTour({ page, url: server.url, source: source.address });
  const own = steps.filter((step) => step.own);
  assert.ok(own.length > 3);
  assert.ok(own.reduce((clicks, step) => clicks + step.clicks, 0) <= 4);
  await showsTimeLapse(page, server);
  assert.deepEqual(withoutEarlyWindows(faults), []);
});

/** The own stream claims to be two days old; its film of a day is then one of the seconds that there are. */
async function showsTimeLapse(page: Page, server: Server): Promise<void> {
  const { from, to } = (await server.stream('demo')).recorded;
  const film = `${server.url}/timelapse/demo/${Date.parse(from!)}/${Date.parse(to!)}/5.mp4`;
  await page.route('**/api/v1/streams/film', async (route) => {
    const view = (await (await route.fetch()).json()) as StreamView;
    const older = new Date(Date.parse(view.recorded.to!) - 2 * 24 * 3600_000).toISOString();
    await route.fulfill({ json: { ...view, recorded: { ...view.recorded, from: older } } });
  });
  await page.route('**/timelapse/film/*/*/30.mp4', (route) => route.continue({ url: film }));
  await page.reload();
  await page.getByRole('tab', { name: 'Clips' }).click();
  await page.getByRole('button', { name: 'A day in 30 seconds' }).click();
  const video = page.getByLabel('A day in 30 seconds');
  await until('the film plays', () =>
    video.evaluate((one: HTMLVideoElement) => one.currentTime > 0 && one.duration === 5),
  );
  assert.match((await page.getByRole('link', { name: 'Download time-lapse' }).getAttribute('href'))!, /\/30\.mp4$/);
}
