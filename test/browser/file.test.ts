import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { need } from '../fixtures/need.ts';
import { chunkFiles } from '../fixtures/recordings.ts';
import { type Folder, openFolder } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { collectFaults, openBrowser, openVisitor } from './chromium.ts';
import { serveFile } from './file-server.ts';
import { readPicture, type Shown, seek } from './picture.ts';
import { newestStretch, type Stretch, startSample } from './stretch.ts';

const FRAME_MS = 40;

/** Start of a chunk file from its name, ms since 1970: `20261120T095113840Z-869325888.mp4`. */
function startOf(chunk: string): number {
  const [, y, mo, d, h, mi, s, ms] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)(\d{3})Z-/.exec(basename(chunk))!;
  return Date.parse(`${y}-${mo}-${d}T${h}:${mi}:${s}.${ms}Z`);
}

/** Opens a file's page and waits for its first picture. */
async function open(page: Page, url: string): Promise<Shown & { durationS: number; seekableFrom: number }> {
  await page.goto(url);
  const first = await until('the first picture is there', () => readPicture(page));
  const facts = await page.evaluate(() => {
    const video = document.querySelector('video')!;
    return { durationS: video.duration, seekableFrom: video.seekable.start(0) };
  });
  return { ...first, ...facts };
}

/**
 * Checks a file that starts at `startMs`: it starts at 0, plays, has every picture at its time and ends at
 * its length.
 */
async function playsRight(page: Page, url: string, startMs: number): Promise<number> {
  const { currentTime, durationS, seekableFrom, utcMs } = await open(page, url);
  assert.deepEqual([currentTime, seekableFrom], [0, 0], 'it starts at 0');
  assert.ok(Math.abs(utcMs - startMs) <= FRAME_MS, `its first picture shows ${utcMs}, it starts at ${startMs}`);
  for (const part of [0.7, 0.25, 0.5]) {
    const shown = await seek(page, Math.floor((durationS * part * 1000) / FRAME_MS) * (FRAME_MS / 1000) + 0.02);
    const apartMs = Math.abs(shown.utcMs - startMs - shown.currentTime * 1000);
    assert.ok(apartMs <= FRAME_MS, `at ${shown.currentTime} s the picture is ${apartMs} ms off`);
  }
  const last = await seek(page, durationS - 0.02);
  assert.ok(Math.abs(last.utcMs + FRAME_MS - startMs - durationS * 1000) <= FRAME_MS, 'it is as long as it says');
  const before = await seek(page, durationS - 1.5);
  await page.evaluate(() => document.querySelector('video')!.play());
  await until('it plays', async () => {
    const shown = await readPicture(page);
    return shown && !shown.paused && shown.currentTime > before.currentTime + 0.3 && shown.utcMs > before.utcMs + 250;
  });
  await page.waitForFunction(() => document.querySelector('video')!.ended);
  return durationS;
}

suite('files that oxbow leaves, in a browser', { skip: need('chromium') }, () => {
  let folder: Folder;
  let browser: Browser;
  let page: Page;
  let faults: string[];
  let chunk: string;
  let recorded: Stretch;
  /** When oxbow was stopped, ms since 1970. */
  let stoppedMs: number;
  const wanted = { from: 0, to: 0 };
  const clip = () => join(folder.path, 'clip.mp4');

  before(async () => {
    folder = await openFolder('files');
    const data = join(folder.path, 'data');
    await using server = await startSample(data);
    browser = await openBrowser();
    page = await (await openVisitor(browser)).newPage();
    faults = collectFaults(page);
    wanted.from = Math.ceil((await newestStretch(server, 7)).fromMs / 1000) + 1;
    wanted.to = wanted.from + 4;
    await writeFile(clip(), await server.bytes(`/clip/demo/${wanted.from}/${wanted.to}.mp4`));
    recorded = await newestStretch(server, 7);
    await server.stop();
    stoppedMs = Date.now();
    chunk = (await chunkFiles(data)).get('demo')!.at(-1)!;
  });
  after(async () => {
    await browser?.close();
    await folder[Symbol.asyncDispose]();
  });

  test('a sealed chunk file is an ordinary video: length, start at 0, frame-accurate seeks', async () => {
    await using server = await serveFile(chunk);
    const startMs = startOf(chunk);
    const durationS = await playsRight(page, server.url, startMs);
    const endMs = startMs + durationS * 1000;
    assert.ok(endMs >= recorded.toMs - 1, 'it contains everything that is reported as recorded');
    assert.ok(endMs < stoppedMs + 1_000, 'and nothing that came later');
    assert.ok(server.ranges.length > 0, 'it was read in ranges');
  });

  test('so is a downloaded clip, and it contains the requested span', async () => {
    await using server = await serveFile(clip());
    const { utcMs } = await open(page, server.url);
    assert.ok(utcMs <= wanted.from * 1000 && utcMs > (wanted.from - 3) * 1000, `it starts at ${utcMs}`);
    const durationS = await playsRight(page, server.url, utcMs);
    assert.ok(utcMs + durationS * 1000 >= wanted.to * 1000 - FRAME_MS, 'it contains the requested end');
    assert.ok(durationS < 4 + 2 * 3, `it is ${durationS} s long`);
  });

  test('the browser reports no faults', () => assert.deepEqual(faults, []));
});
