/**
 * The settings of encrypted media, a part of the table of all settings.
 * In: the types of settings. Out: the section `encryption` for schema.ts.
 */
import { choice, duration, integer, optionalUrl, secret, section } from '../option.ts';

const METHODS = ['none', 'aes-128', 'cbcs'] as const;

export const encryptionSection = section({
  streams: choice(
    METHODS,
    'none',
    'How the segments of streams are encrypted in HLS playlists, unless the stream has its own `encryption`: `none`; `aes-128` (AES-128 of whole segments and parts; such a stream has no DASH manifest); or `cbcs` (common encryption for DRM, HLS and DASH; such a stream has no MPEG-TS).',
    { reload: 'live' },
  ),
  assets: choice(METHODS, 'none', 'The same of the videos of the library.', { reload: 'live' }),
  keyEvery: integer(
    '60',
    { min: 1, max: 1_000_000, why: 'players request each key' },
    'Number of segments that are encrypted with the same key.',
  ),
  clearKey: choice(
    ['auto', 'on', 'identity', 'off'],
    'auto',
    'Whether players get keys of `cbcs` from this server, by ClearKey. `auto`: only without `encryption.keyServer.url`; `on`: also with it; `identity`: playlists name the keys in the format `identity` (Shaka Player, Safari) in place of `org.w3.clearkey` (hls.js).',
  ),
  keyServer: section({
    url: optionalUrl(
      'Key server that gives the keys of `cbcs` and what DRM systems need. Default: the keys are derived.',
    ),
    kind: choice(['webhook', 'cpix'], 'webhook', 'What it speaks: `webhook` (JSON) or `cpix` (CPIX 2.3 over HTTP).'),
    token: secret('Sent to it as `Authorization: Bearer`.'),
    timeout: duration('5s', 'Longest duration of a request to it.', { min: '100ms', max: '1m' }),
  }),
  secret: secret(
    'Secret that content keys are derived from, at least 16 characters, the same on all nodes. Another secret makes other keys. Default: derived from `watchSecret`.',
  ),
});
