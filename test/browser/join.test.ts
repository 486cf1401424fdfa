import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { FRAME_MS, type JoinedRecording, recordOverMarks } from '../fixtures/joined-recording.ts';
import { need } from '../fixtures/need.ts';
import { type Folder, openFolder, type Server, startServer } from '../fixtures/server.ts';
import { openBrowser, openVisitor } from './chromium.ts';
import { frameWhen, isUntold, takeFrames } from './frames.ts';

/**
 * Counted on both sides of each join; more is recorded, so that the observer starts before the first of them
 * is shown.
 */
const HALF_S = 2;
const MARGIN_S = 1;
/** Maximum number of attempts. */
const TRIES = 5;

suite('windows of the past join without a seam, in a browser', { skip: need('chromium') || need('ffmpeg') }, () => {
  let folder: Folder;
  let recording: JoinedRecording;
  let server: Server;
  let browser: Browser;
  let page: Page;

  before(async () => {
    folder = await openFolder('join');
    recording = await recordOverMarks(folder.path, HALF_S + MARGIN_S);
    server = await startServer({ data: folder.path });
    browser = await openBrowser();
    page = await (await openVisitor(browser)).newPage();
  });
  after(async () => {
    await browser?.close();
    await server?.[Symbol.asyncDispose]();
    await folder?.[Symbol.asyncDispose]();
  });

  test('every picture is shown over two joins and a hole of minutes between them', async (t) => {
    const [first, second] = recording.overMarks;
    const counted = (2 * HALF_S * 1000) / FRAME_MS;
    const expected = [first, second].flatMap(({ fromMs }) =>
      Array.from({ length: counted }, (_, i) => fromMs + MARGIN_S * 1000 + i * FRAME_MS),
    );
    const shown = new Set<number | null>();
    // A busy machine drops different pictures each time; one that a playlist or the player loses is missing
    // each time.
    for (let left = TRIES; ; left--) {
      await page.goto(`${server.url}/watch/joined?t=${first.fromMs / 1000}`);
      await takeFrames(page);
      await frameWhen(page, 'it plays', ({ utcMs }) => utcMs < first.toMs);
      await frameWhen(page, 'it plays over both', ({ utcMs }) => utcMs > second.toMs - 500, 120_000);
      const seen = await takeFrames(page);
      for (const { front, utcMs } of seen) if (front) shown.add(utcMs);
      const inFront = seen.filter(({ front }) => front);
      const unseen = expected.filter((utcMs) => !shown.has(utcMs));
      const missing = unseen.filter((utcMs) => !isUntold(inFront, utcMs, FRAME_MS));
      const dropped = (inFront.at(-1)?.dropped ?? 0) - (inFront[0]?.dropped ?? 0);
      t.diagnostic(
        `${expected.length - unseen.length} of ${expected.length} pictures seen, ${unseen.length - missing.length} more presented, ${dropped} left out by the machine`,
      );
      const times = seen.filter(({ front, utcMs }) => front && utcMs !== null).map(({ utcMs }) => utcMs!);
      assert.deepEqual(
        times,
        times.toSorted((a, b) => a - b),
        'in order',
      );
      const own = seen.filter(({ front, utcMs }) => front && expected.includes(utcMs!));
      const elements = new Set(own.map(({ element }) => element));
      assert.equal(elements.size, 1, 'windows join in one element: no second one takes over');
      // The browser itself counts what the machine dropped.
      if (missing.length <= dropped) break;
      assert.ok(left > 1, `never shown: ${missing.join(' ')}`);
    }
  });
});
