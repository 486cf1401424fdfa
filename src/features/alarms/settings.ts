/**
 * The settings of alarms.
 * In: the types of settings. Out: the section `alarms` for config/schema.ts.
 */
import { choice, duration, section } from '../../config/option.ts';
import { alarmRules, mailAddresses } from '../../config/sections/watching-option.ts';

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
