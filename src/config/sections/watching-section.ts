/**
 * The settings of watching the input: the check of pictures and sound, and alarms.
 * In: the types of settings. Out: the sections `contentCheck` and `alarms` for schema.ts.
 */
import { choice, duration, section } from '../option.ts';
import { alarmRules, mailAddresses } from './watching-option.ts';

/** The check of pictures and sound. */
export const contentCheckSection = section({
  mode: choice(
    ['auto', 'on', 'off'],
    'auto',
    'Whether live streams are checked for black, frozen and silent media, which decodes a little of them. `auto`: while at most 16 streams are live.',
    { reload: 'live' },
  ),
  pictureEvery: duration('2s', 'A key frame is decoded this often, or as often as there are key frames.', {
    min: '500ms',
    max: '1m',
    reload: 'live',
  }),
  soundEvery: duration('10s', 'A second of sound is decoded this often.', { min: '1s', max: '1m', reload: 'live' }),
});

export const alarmsSection = section({
  rules: alarmRules(
    'Changes of the built-in rules for all streams, such as `black for 5s, low-bitrate 500k for 10s, freeze off`. See docs/9-run/alarms.md.',
    { reload: 'live' },
  ),
  mail: mailAddresses('E-mail addresses that get a message when alarms are raised. Needs `mail.smtp`.', {
    reload: 'live',
  }),
  mailLanguage: choice(['en', 'zh'], 'en', 'Language of these messages.', { reload: 'live' }),
  keep: duration('90d', 'How long past alarms are kept.', { min: '1h', reload: 'live' }),
});
