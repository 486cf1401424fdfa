/**
 * `npm run bench -- publish`: glass to glass from an encoder like OBS over RTMP to the watch page in Chromium.
 * In: the built interface, ffmpeg, Chromium. Out: a table. Server, encoder and browser share the machine.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { openBrowser, openVisitor } from '../../test/browser/chromium.ts';
import { openFolder } from '../../test/fixtures/server.ts';
import { encoderSettings, startClockEncoder } from '../ingest/clock-encoder.ts';
import { startOxbowIngest } from '../ingest/servers.ts';
import { describeMachine } from '../process-tree.ts';
import { printTable, say } from '../report.ts';
import { followLive } from './live.ts';

/** Playback before each measurement, seconds. */
const WARM_UP_S = 15;

/** Measures each setting of the encoder for `seconds`. Returns the report. */
export async function benchPublish(seconds: number): Promise<string> {
  await using folder = await openFolder('bench-publish');
  const settings = Object.keys(encoderSettings) as (keyof typeof encoderSettings)[];
  await using server = await startOxbowIngest('rtmp', settings.length, folder.path);
  const browser = await openBrowser();
  try {
    const rows: string[][] = [];
    for (const [k, setting] of settings.entries()) {
      say(`${setting}, ${seconds} s`);
      await using _encoder = await startClockEncoder(server.urls[k]!, setting);
      await using visitor = await openVisitor(browser, { width: 1280, height: 900 });
      await pause(5000);
      const page = await visitor.newPage();
      await page.goto(`${server.url}/watch/s${k}`);
      await page.locator('.golive.edge').waitFor();
      await pause(WARM_UP_S * 1000);
      const { p50, p95, worst, stalls, frames, dropped } = await followLive(page, seconds);
      rows.push([setting, ...[p50, p95, worst].map((ms) => ms.toFixed(0)), ...[stalls, frames, dropped].map(String)]);
    }
    const head = ['x264', 'p50 ms (target 600)', 'p95 ms', 'worst ms', 'stalls > 0.5 s', 'frames', 'dropped'];
    return `${describeMachine()}; 640x360 at 30 fps over RTMP, drawn to shown in Chromium\n\n${printTable(head, rows)}`;
  } finally {
    await browser.close();
  }
}
