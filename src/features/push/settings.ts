/**
 * The settings of Web Push.
 * In: the types of settings. Out: the section `push` for config/schema.ts.
 */
import { FormatError } from '@oxbow/media/errors';
import { createOption, flag, type Option, section, textOf } from '../../config/option.ts';

const MAX_CONTACT = 200;

function contact(sentence: string): Option<string | undefined> {
  const read = (value: unknown): string | undefined => {
    const text = textOf(value, 'an address such as mailto:video@example.com').trim();
    if (text === '') return undefined;
    if (text.length > MAX_CONTACT || !/^(?:mailto:[^\s@]+@[^\s@]+|https:\/\/[^\s/]+\S*)$/.test(text)) {
      throw new FormatError(
        `"${text.slice(0, 60)}" is neither mailto: with an e-mail address nor an https: address`,
        0,
      );
    }
    return text;
  };
  const kind = { placeholder: 'ADDRESS', json: { type: 'string' }, read, print: (value?: string) => value ?? '' };
  return createOption(kind, '', sentence, { reload: 'live' });
}

export const pushSection = section({
  enabled: flag(
    true,
    'Whether browsers may subscribe to messages about streams that are live, clips and alarms (Web Push). Messages go to the push service of the browser, encrypted for the browser.',
    { reload: 'live' },
  ),
  contact: contact(
    'Address of the operator for push services, `mailto:` or `https:`. Default: `publicUrl`, or the address of the page that subscribed.',
  ),
});
