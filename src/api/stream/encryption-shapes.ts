/**
 * The JSON of how segments are encrypted, in the settings of streams and assets.
 * In: streams, library. Out: the shapes of the API, web/.
 */
import { Type } from '../type.ts';

/** How the segments of a stream or an asset are encrypted. */
export const SegmentEncryption = Type.Union(
  [
    Type.Literal('none', { description: 'they are clear' }),
    Type.Literal('aes-128', { description: 'AES-128 of whole segments and parts; only HLS' }),
    Type.Literal('cbcs', { description: 'common encryption for DRM; HLS and DASH, no MPEG-TS' }),
  ],
  { description: 'how the segments are encrypted; absent: as in the section `encryption` of the settings' },
);

/** The setting, for a creation and for changes; null restores the default. */
export const encryptionSetting = Type.Optional(Type.Union([SegmentEncryption, Type.Null()]));
