/**
 * When a broadcast can be played: the end of the download of its first Part.
 * In: a server whose stream is about to be published. Out: milliseconds.
 */
import { setTimeout as pause } from 'node:timers/promises';

/** Between two requests while there is no playlist, milliseconds. */
const POLL_MS = 5;
/** A publisher that takes longer has failed, milliseconds. */
const WITHIN_MS = 60_000;

/**
 * Waits for the first playlist of a stream, and loads its init and its first segment, which is a Part.
 *
 * @param url of the server
 * @returns the end of the download, ms since 1970
 */
export async function awaitFirstPart(url: string, stream: string): Promise<number> {
  const text = async (path: string) => {
    const response = await fetch(new URL(path, url));
    const body = await response.text();
    return response.ok ? { url: response.url, body } : undefined;
  };
  const endMs = performance.now() + WITHIN_MS;
  for (let index = await text(`/live/${stream}/index.m3u8`); ; index = await text(`/live/${stream}/index.m3u8`)) {
    const rendition = index?.body.split('\n').find((line) => line !== '' && !line.startsWith('#'));
    if (!index || !rendition) {
      if (performance.now() > endMs) throw new Error(`${stream} has no playlist`);
      await pause(POLL_MS);
      continue;
    }
    const playlist = (await text(new URL(rendition, index.url).href))!;
    const first = (pattern: RegExp) => new URL(pattern.exec(playlist.body)![1]!, playlist.url);
    const media = [first(/#EXT-X-MAP:URI="([^"]+)"/), first(/^([^#\n][^\n]*)$/m)];
    await Promise.all(media.map(async (address) => (await fetch(address)).arrayBuffer()));
    return performance.timeOrigin + performance.now();
  }
}
