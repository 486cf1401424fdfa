/**
 * The newcomer's own stream: a live playlist with two qualities on a web server of this computer.
 * In: a folder. Out: its address. Needs ffmpeg.
 */
import { join } from 'node:path';
import { openLiveHls, openOrigin } from '../../fixtures/origin.ts';
import { until } from '../../fixtures/wait.ts';

/** Makes the source and waits for its first segments. */
export async function openOwnSource(folder: string): Promise<{ readonly address: string } & AsyncDisposable> {
  await using opened = new AsyncDisposableStack();
  const film = join(folder, 'film');
  const size = '640x360';
  opened.use(await openLiveHls({ folder: film, seconds: 1_800, size, live: { window: 20 }, dates: true }));
  const origin = opened.use(await openOrigin({ folder }));
  const variant = (bandwidth: number) => `#EXT-X-STREAM-INF:BANDWIDTH=${bandwidth},RESOLUTION=640x360\nindex.m3u8\n`;
  origin.put('/film/master.m3u8', `#EXTM3U\n${variant(900_000)}${variant(400_000)}`);
  const list = `${origin.url}/film/index.m3u8`;
  await until('the source is live', async () => (await (await fetch(list)).text()).split('#EXTINF').length > 8);
  const all = opened.move();
  return {
    address: `${origin.url}/film/master.m3u8`,
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}
