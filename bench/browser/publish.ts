/**
 * `npm run bench -- publish`: glass to glass from an encoder like OBS over RTMP to the watch page in
 * Chromium.
 * In: the built interface, ffmpeg, Chromium. Out: a table. Server, encoder and browser share the machine.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { openBrowser, openVisitor } from '../../test/browser/chromium.ts';
import { openFolder } from '../../test/fixtures/server.ts';
import { encoderSettings, FPS, startClockEncoder } from '../ingest/clock-encoder.ts';
import { awaitFirstPart } from '../ingest/first-part.ts';
import { openKeyFrameTap } from '../ingest/key-frame-tap.ts';
import { startOxbowIngest } from '../ingest/servers.ts';
import { describeMachine } from '../process-tree.ts';
import { printTable, say } from '../report.ts';
import { orTiny } from '../tiny.ts';
import { playingOf, watchFrames } from './live.ts';
import { observeAppends, readStages, restartStages } from './stages.ts';

/** Playback before each measurement, seconds. */
const WARM_UP_S = orTiny(15, 2);

/** Measures each setting of the encoder for `seconds`. Returns the report. */
export async function benchPublish(seconds: number): Promise<string> {
  await using folder = await openFolder('bench-publish');
  const names = Object.keys(encoderSettings) as (keyof typeof encoderSettings)[];
  const settings = orTiny(names, names.slice(0, 1));
  await using server = await startOxbowIngest('rtmp', settings.length, folder.path);
  const browser = await openBrowser();
  try {
    const rows: string[][] = [];
    const stages: string[][] = [];
    for (const [k, setting] of settings.entries()) {
      say(`${setting}, ${seconds} s`);
      await using tap = await openKeyFrameTap(server.urls[k]!);
      const playable = awaitFirstPart(server.url, `s${k}`);
      await using _encoder = await startClockEncoder(tap.url, setting);
      const firstMs = (await playable) - (await tap.keyFrameMs);
      await using visitor = await openVisitor(browser, { width: 1280, height: 900 });
      await pause(5000);
      const page = await visitor.newPage();
      await observeAppends(page);
      await page.goto(`${server.url}/watch/s${k}`);
      await page.locator('.golive.edge').waitFor();
      await pause(WARM_UP_S * 1000);
      await restartStages(page);
      const seen = await watchFrames(page, seconds);
      const { p50, p95, worst, stalls, frames, dropped } = playingOf(seen, seconds);
      const medians = await readStages(page, seen, FPS);
      const text = (ms: number) => ms.toFixed(0);
      rows.push([setting, ...[p50, p95, worst].map(text), ...[stalls, frames, dropped].map(String), text(firstMs)]);
      const { toServer, listed, loaded, appended, shown, parts } = medians;
      stages.push([setting, ...[toServer, listed, loaded, appended, shown].map(text), `${parts}`]);
    }
    const counts = ['stalls > 0.5 s', 'frames', 'dropped'];
    const head = ['x264', 'p50 ms (target 600)', 'p95 ms', 'worst ms', ...counts, 'first Part ms (target 400)'];
    const stageHead = ['x264', 'to the server', 'to the playlist', 'Part', 'append', 'in the buffer', 'Parts'];
    return `${describeMachine()}; 640x360 at 30 fps over RTMP, drawn to shown in Chromium

${printTable(head, rows)}

The last frame of each Part, ms at p50:

${printTable(stageHead, stages)}`;
  } finally {
    await browser.close();
  }
}
