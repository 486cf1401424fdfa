/**
 * The settings of the check of pictures and sound.
 * In: the types of settings. Out: the section `contentCheck` for schema.ts.
 */
import { choice, duration, section } from '../option.ts';

/** The check of pictures and sound. */
export const contentCheckSection = section({
  mode: choice(
    ['auto', 'on', 'off'],
    'auto',
    'Whether live streams are checked for black, frozen and silent media, which decodes a little of them. `auto`: while at most 16 streams are live, only what a rule of an alarm is about, and for at most 0.1 % of a core for each stream. `on`: everything, at the distances of the settings.',
    { reload: 'live' },
  ),
  pictureEvery: duration(
    '2s',
    'A key frame is decoded this often at most; with `contentCheck.mode: auto` as often as its processor time allows, once a minute at least.',
    {
      min: '500ms',
      max: '1m',
      reload: 'live',
    },
  ),
  soundEvery: duration(
    '10s',
    'Up to a second of sound is decoded this often at most; see `contentCheck.pictureEvery`.',
    {
      min: '1s',
      max: '1m',
      reload: 'live',
    },
  ),
});
