/**
 * The settings of encrypted media, a part of the table of all settings.
 * In: the types of settings. Out: the section `encryption` for schema.ts.
 */
import { choice, integer, secret, section } from '../option.ts';

const METHODS = ['none', 'aes-128'] as const;

export const encryptionSection = section({
  streams: choice(
    METHODS,
    'none',
    'How the segments of streams are encrypted in HLS playlists, unless the stream has its own `encryption`: `none`, or `aes-128` (AES-128 of whole segments and parts). Such a stream has no DASH manifest.',
    { reload: 'live' },
  ),
  assets: choice(METHODS, 'none', 'The same of the videos of the library.', { reload: 'live' }),
  keyEvery: integer(
    '60',
    { min: 1, max: 1_000_000, why: 'players request each key' },
    'Number of segments that are encrypted with the same key.',
  ),
  secret: secret(
    'Secret that content keys are derived from, at least 16 characters, the same on all nodes. Another secret makes other keys. Default: derived from `watchSecret`.',
  ),
});
