/**
 * Records a page with Chromium's screencast, and measures the brightness of the picture in each image.
 * In: a page of Chromium, the element with the picture. Out: brightness, image by image; a blank picture is
 * black.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Page } from 'playwright-core';

/** Width of the images, pixels; the page is scaled to it. */
const WIDTH = 360;

/** A screencast that is being recorded. */
export interface Screencast {
  /**
   * Stops it.
   *
   * @returns mean brightness, 0 to 255, of the middle of the element in each image, in order
   */
  end(): Promise<number[]>;
}

/** Starts to record. @param selector of the element with the picture; it must not move */
export async function recordScreencast(page: Page, selector: string): Promise<Screencast> {
  const box = (await page.locator(selector).first().boundingBox())!;
  const view = page.viewportSize()!;
  const session = await page.context().newCDPSession(page);
  const images: Buffer[] = [];
  session.on('Page.screencastFrame', ({ data, sessionId }) => {
    images.push(Buffer.from(data, 'base64'));
    session.send('Page.screencastFrameAck', { sessionId }).catch(() => {}); // the page may be gone
  });
  const height = Math.round((WIDTH * view.height) / view.width);
  await session.send('Page.startScreencast', { format: 'jpeg', quality: 60, maxWidth: WIDTH, maxHeight: height });
  return {
    async end() {
      await session.send('Page.stopScreencast');
      await session.detach();
      const scale = WIDTH / view.width;
      // The middle of the element: no controls, no corner, no letterbox.
      const crop = [box.width * 0.5, box.height * 0.4, box.x + box.width * 0.25, box.y + box.height * 0.3];
      return brightness(
        images,
        crop.map((px) => Math.round(px * scale)),
      );
    },
  };
}

/** ffmpeg takes the JPEGs in a row, cuts the element out and averages it to one pixel. */
async function brightness(images: readonly Buffer[], [w, h, x, y]: readonly number[]): Promise<number[]> {
  if (images.length === 0) return [];
  const child = spawn(
    'ffmpeg',
    [
      ...['-hide_banner', '-loglevel', 'error', '-f', 'image2pipe', '-c:v', 'mjpeg', '-i', 'pipe:0'],
      ...['-vf', `crop=${w}:${h}:${x}:${y},scale=1:1:flags=area,format=gray`, '-fps_mode', 'passthrough'],
      ...['-f', 'rawvideo', 'pipe:1'],
    ],
    { stdio: ['pipe', 'pipe', 'pipe'] },
  );
  const out: Buffer[] = [];
  let errors = '';
  child.stdout.on('data', (bytes: Buffer) => out.push(bytes));
  child.stderr.on('data', (text: Buffer) => {
    errors += text;
  });
  child.stdin.end(Buffer.concat(images));
  const [code] = await once(child, 'close');
  assert.equal(code, 0, `ffmpeg failed: ${errors}`);
  const values = [...Buffer.concat(out)];
  assert.equal(values.length, images.length, 'a value for each image');
  return values;
}
