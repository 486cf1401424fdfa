/**
 * Patterns that select the handler of a URL: playlists and files by their extension, known video sites by
 * their host name.
 * In: a URL, entries of the settings. Out: its handler; undefined if the URL must be requested.
 */
import type { PagePattern, SourceHandler } from '../../config/page-pattern.ts';

/** Sites that yt-dlp supports; other URLs are requested, and HTML is handled as a page too. */
const sites = [
  ...[
    'youtube.com',
    'youtu.be',
    'youtube-nocookie.com',
    'twitch.tv',
    'kick.com',
    'vimeo.com',
    'dailymotion.com',
    'dai.ly',
  ],
  ...['facebook.com', 'fb.watch', 'instagram.com', 'tiktok.com', 'twitter.com', 'x.com', 'rumble.com', 'odysee.com'],
  ...[
    'bilibili.com',
    'b23.tv',
    'douyu.com',
    'huya.com',
    'nicovideo.jp',
    'afreecatv.com',
    'sooplive.co.kr',
    'ok.ru',
    'vk.com',
  ],
  ...['livestream.com', 'ustream.tv', 'bbc.co.uk', 'arte.tv', 'ardmediathek.de', 'zdf.de', 'francetv.fr', 'rtve.es'],
];

const entry = (match: RegExp, handler: SourceHandler): PagePattern => ({
  match,
  handler,
  priority: 0,
  timeoutMs: undefined,
});

/** The built-in patterns; all have priority 0. */
const builtInPatterns: readonly PagePattern[] = [
  entry(/^https?:\/\/[^?]+\.m3u8?(?:\?|$)/i, 'hls'),
  entry(
    new RegExp(
      `^https?://(?:[\\w-]+\\.)*(?:${sites.map((site) => site.replaceAll('.', '\\.')).join('|')})(?::\\d+)?/`,
      'i',
    ),
    'page',
  ),
  entry(/^https?:\/\/[^?]+\.(?:mp4|m4v|mov)(?:\?|$)/i, 'mp4'),
];

/**
 * The matching pattern of the highest priority; at equal priority patterns of the settings precede.
 *
 * @param configured entries of the settings
 */
export function matchPattern(url: URL, configured: readonly PagePattern[]): PagePattern | undefined {
  const patterns = [...configured, ...builtInPatterns].sort((a, b) => b.priority - a.priority);
  return patterns.find(({ match }) => match.test(url.href));
}
