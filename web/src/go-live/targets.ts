/**
 * Platforms to which a stream is relayed, by the address of their server.
 * In: a platform, a stream key. Out: the address of the target; the platform of an address. Pure.
 */

/** A platform; `other` has its own address. */
export type Platform = 'twitch' | 'youtube' | 'other';

/** The platforms in the order in which they are offered, with the names that they give themselves. */
export const platforms: readonly { readonly id: Platform; readonly name: string; readonly server: string }[] = [
  { id: 'twitch', name: 'Twitch', server: 'rtmps://ingest.global-contribute.live-video.net:443/app' },
  { id: 'youtube', name: 'YouTube', server: 'rtmps://a.rtmps.youtube.com:443/live2' },
  { id: 'other', name: '', server: '' },
];

/**
 * The address of a target.
 *
 * @param key stream key of the platform; for `other` the whole address
 */
export function targetUrl(platform: Platform, key: string): string {
  const { server = '' } = platforms.find(({ id }) => id === platform) ?? {};
  return server === '' ? key.trim() : `${server}/${key.trim()}`;
}

/** WHIP is HTTPS: services print its address without `whip+`. */
const TARGET = /^(?:rtmps?|srt|whip\+https?|https):\/\//i;

/** Whether a text can be the address of a target. */
export function isTarget(url: string): boolean {
  const parsed = URL.parse(url.replace(TARGET, 'http://'));
  return TARGET.test(url) && parsed !== null && parsed.hostname !== '';
}
