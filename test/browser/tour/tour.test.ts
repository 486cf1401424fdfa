/**
 * The first minute of a newcomer, as `npm run tour` plays it, without its budgets.
 * In: oxbow with the demo, a live source. Out: every step is possible, with as few clicks as promised.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Page } from 'playwright-core';
import { need } from '../../fixtures/need.ts';
import { openFolder, smallPicture, startServer } from '../../fixtures/server.ts';
import { collectFaults, openBrowser, openVisitor, withoutEarlyWindows } from '../chromium.ts';
import { openOwnSource } from './source.ts';
import { takeTour } from './steps.ts';

test('from the home page to rewinding one’s own stream takes four clicks at most', {
  skip: need('chromium') || need('ffmpeg'),
}, async () => {
  await using folder = await openFolder('first-minute');
  await using source = await openOwnSource(join(folder.path, 'source'));
  await using server = await startServer({ data: join(folder.path, 'data'), args: smallPicture });
  await using browser = await openBrowser();
  const page = await (await openVisitor(browser)).newPage();
  const faults = collectFaults(page);
  const steps = await takeTour({ page, url: server.url, source: source.address });
  const own = steps.filter((step) => step.own);
  assert.ok(own.length > 3);
  assert.ok(own.reduce((clicks, step) => clicks + step.clicks, 0) <= 4);
  const { from, to } = (await server.stream('demo')).recorded;
  const film = `/timelapse/demo/${Date.parse(from!)}/${Date.parse(to!)}/5.mp4`;
  assert.equal(await playsFor(page, film), 5, 'Chromium plays a time-lapse to its end');
  assert.deepEqual(withoutEarlyWindows(faults), []);
});

/** Plays a file to its end, fast. Resolves with its duration, seconds. */
function playsFor(page: Page, path: string): Promise<number> {
  return page.evaluate(
    (path) =>
      new Promise((resolve, reject) => {
        const video = Object.assign(document.createElement('video'), { src: path, muted: true, playbackRate: 4 });
        video.onended = () => resolve(video.duration);
        video.onerror = () => reject(new Error(video.error?.message));
        document.body.append(video);
        video.play().catch(reject);
      }),
    path,
  );
}
