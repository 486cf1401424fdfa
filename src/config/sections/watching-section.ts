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
    'Whether live streams are checked for black, frozen and silent media, which decodes a little of them. `auto`: while at most 16 streams are live, and only what a rule of an alarm is about.',
    { reload: 'live' },
  ),
  pictureEvery: duration('2s', 'A key frame is decoded this often, or as often as there are key frames.', {
    min: '500ms',
    max: '1m',
    reload: 'live',
  }),
  soundEvery: duration('10s', 'A second of sound is decoded this often.', { min: '1s', max: '1m', reload: 'live' }),
});
