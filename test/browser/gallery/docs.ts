/**
 * The pictures in docs/: pages as a reader will meet them.
 * In: a filled oxbow. Out: PNG files with 256 colours, in place of the old ones. Needs ffmpeg.
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { encode } from '../../fixtures/encoder.ts';
import type { Server } from '../../fixtures/server.ts';
import { type Looks, openVisitor } from '../chromium.ts';
import { type Content, visitor } from './content.ts';

const docs = join(import.meta.dirname, '..', '..', '..', 'docs');

interface DocPicture extends Looks {
  /** In docs/. */
  readonly file: string;
  readonly path: string;
  /** What a reader would press before. */
  readonly prepare?: (page: Page) => Promise<void>;
}

async function joins(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Join with sound' }).click();
  await page.getByText('In step').first().waitFor();
}

const plays = (page: Page) =>
  page
    .waitForFunction(() => [...document.querySelectorAll('video')].some(({ currentTime }) => currentTime > 1))
    .then(() => undefined);

function pictures({ asset, room }: Content): readonly DocPicture[] {
  return [
    {
      file: '4-watch/watch.png',
      path: `/watch/harbour?t=${Math.round(Date.now() / 1000) - 20}`,
      width: 1280,
      height: 800,
      colorScheme: 'dark',
      async prepare(page) {
        await plays(page);
        await page.keyboard.press('m'); // no button that turns the sound on
      },
    },
    { file: '7-together/room.png', path: `/rooms/${room}`, width: 1280, height: 800, prepare: joins },
    {
      file: '7-together/room-phone.png',
      path: `/rooms/${room}`,
      width: 390,
      height: 844,
      colorScheme: 'dark',
      touch: true,
      prepare: joins,
    },
    {
      file: '6-library/library.png',
      path: `/library/${asset}`,
      width: 1280,
      height: 960,
      async prepare(page) {
        await page.getByRole('button', { name: 'Play', exact: true }).first().click();
        await plays(page);
      },
    },
    { file: '3-publish/go-live.png', path: '/go-live/harbour', width: 1280, height: 960, prepare: plays },
    { file: '9-run/admin.png', path: '/admin/streams', width: 1280, height: 560 },
  ];
}

/** Photographs them. @param settlesMs until pictures and transitions are done */
export async function photographDocs(server: Server, browser: Browser, content: Content, settlesMs: number) {
  for (const { file, path, prepare, ...looks } of pictures(content)) {
    await using context = await openVisitor(browser, looks);
    await context.request.post(`${server.url}/api/v1/sessions`, { data: visitor, headers: { origin: server.url } });
    const page = await context.newPage();
    await page.goto(server.url + path);
    await page.locator('main').waitFor();
    await prepare?.(page);
    await new Promise((resolve) => setTimeout(resolve, settlesMs));
    const full = join(docs, `${file}.full.png`);
    await page.screenshot({ path: full });
    const colours = 'split[a][b];[a]palettegen[p];[b][p]paletteuse=dither=bayer:bayer_scale=5';
    await encode(['-i', full, '-vf', colours, '-update', '1', '-frames:v', '1'], join(docs, file));
    await rm(full);
    process.stdout.write(`docs/${file}\n`);
  }
}
