/**
 * Films a page with Chromium's screencast.
 * In: a page. Out: an MP4 file. Needs ffmpeg.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page } from 'playwright-core';

/** A film in the making; `end` writes the file. */
export interface Film {
  end(): Promise<void>;
}

/**
 * Starts to film.
 *
 * @param file of the finished film; a folder for its images is next to it until then
 */
export async function startFilm(page: Page, file: string): Promise<Film> {
  const folder = `${file}.images`;
  await mkdir(folder, { recursive: true });
  const session = await page.context().newCDPSession(page);
  const images: { readonly name: string; readonly atS: number }[] = [];
  const writing: Promise<void>[] = [];
  session.on('Page.screencastFrame', ({ data, sessionId, metadata }) => {
    const name = `${images.length}.jpg`;
    images.push({ name, atS: metadata.timestamp ?? performance.now() / 1000 });
    writing.push(writeFile(join(folder, name), Buffer.from(data, 'base64')));
    session.send('Page.screencastFrameAck', { sessionId }).catch(() => {}); // the page may be closed
  });
  await session.send('Page.startScreencast', { format: 'jpeg', quality: 80 });
  return {
    async end() {
      const endS = images.at(-1)?.atS ?? 0;
      await session.send('Page.stopScreencast');
      await Promise.all(writing);
      const lines = images.flatMap(({ name, atS }, index) => {
        const nextS = images[index + 1]?.atS ?? Math.max(endS, atS) + 1;
        return [`file '${name}'`, `duration ${Math.max(0.001, nextS - atS).toFixed(3)}`];
      });
      await writeFile(join(folder, 'list.txt'), lines.join('\n'));
      const input = ['-f', 'concat', '-i', join(folder, 'list.txt')];
      const output = ['-vf', 'fps=25,pad=ceil(iw/2)*2:ceil(ih/2)*2', '-pix_fmt', 'yuv420p', '-movflags', '+faststart'];
      const child = spawn('ffmpeg', ['-loglevel', 'error', '-y', ...input, ...output, file], { stdio: 'inherit' });
      const [code] = await once(child, 'close');
      if (code !== 0) throw new Error(`ffmpeg ended with ${code}; the images are in ${folder}`);
      await rm(folder, { recursive: true });
    },
  };
}
