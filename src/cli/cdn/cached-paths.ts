/**
 * The addresses that a cache keeps for all viewers, as regular expressions which nginx, Varnish and Fastly
 * read alike (PCRE). What does not match is forwarded: clips, files, pages, the API.
 * In: nothing. Out: pieces of patterns, without anchors. Pure. src/api/media-address.ts has the addresses.
 */

/** The name of a stream. */
export const STREAM = '[a-z0-9][a-z0-9_-]*';
/** A playback token: of oxbow, of an authorization server, or a JWT. */
export const TOKEN = '[A-Za-z0-9_-]+(?:[.][A-Za-z0-9_-]+[.][A-Za-z0-9_-]*)?';

/** Below `/live/{stream}/`: what has its bytes for good. */
export const LIVE_MEDIA = '(?:[a-z0-9-]+/)+(?:init-[0-9]+[.]mp4|[0-9]+(?:[.][0-9]+)?[.](?:m4s|ts|vtt))';
/**
 * Below `/live/{stream}/`: playlists and manifests, those with hours of the past too. Not `ts/index.m3u8`,
 * which IPTV players request with times in its query.
 */
export const LIVE_LISTS = '(?!ts/index)(?:[a-z0-9-]+/)*(?:index[.](?:m3u8|mpd)|g[0-9]+[.]m3u8)';
/** Behind the name of a stream in `/vod/` and `/thumb/`: windows, stills, storyboards. */
export const PAST = '[A-Za-z0-9/_.:-]+[.](?:m3u8|mpd|vtt|jpg)';
/** Below `/assets/`: all but originals and whole files. */
export const ASSET = '[a-z0-9]+/[a-z0-9/-]+[.](?:m3u8|mpd|m4s|vtt|ass|jpg)|[a-z0-9]+/[a-z0-9-]+/init-[0-9]+[.]mp4';

/** A value of an HLS directive that is sent on; others are left out. RFC 8216bis 6.2.5. */
export const DIRECTIVE_VALUE = '[0-9A-Za-z]{1,15}';
/** The directives, in the order of cache keys. */
export const DIRECTIVES = ['_HLS_msn', '_HLS_part', '_HLS_skip'] as const;

/** A path that programs read differently: never kept. */
export const ODD_PATH = '^[^?]*(?:%|//|/[.])';
