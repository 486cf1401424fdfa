/**
 * The settings of error reports, a part of the table of all settings.
 * In: the types of settings. Out: the section `errors` for schema.ts.
 */
import { duration, optionalUrl, secret, section } from '../option.ts';

export const errorsSection = section({
  webhook: optionalUrl(
    'URL that receives reports of bugs and crashes as JSON: version, stack, trace id, count. Default: none; they are in the log and in `oxbow_bugs_total`.',
  ),
  secret: secret('Signs these requests as other webhooks are signed: `whsec_` and at least 24 bytes in base64.'),
  repeat: duration('10m', 'An error that repeats is reported again after this, with its count.', {
    min: '10s',
    max: '7d',
  }),
});
