/**
 * The types of the settings of watching the input: rules of alarms, addresses of e-mail.
 * In: text of files, flags and the API. Out: checked values. Every type throws FormatError for an invalid
 * value.
 */

import { FormatError } from '@oxbow/media/errors';
import { checkAlarmRules } from '../../api/alarms/alarm-rules.ts';
import { createOption, listKind, type Option, type OptionExtras, textOf } from '../option.ts';

/** Changes of rules: a list, or text with commas; the value is the text, '' for none. */
export function alarmRules(sentence: string, extras?: OptionExtras): Option<string> {
  const read = (value: unknown) => {
    const entries = Array.isArray(value) ? value : [value];
    return checkAlarmRules(entries.map((entry) => textOf(entry, 'a rule such as black for 5s')).join(', '));
  };
  const json = { type: ['array', 'string'], items: { type: 'string' } };
  return createOption({ placeholder: 'RULES', json, read, print: (value) => value }, '', sentence, extras);
}

/** Addresses of e-mail: a list, or text with commas. */
export function mailAddresses(sentence: string, extras?: OptionExtras): Option<readonly string[]> {
  return createOption(listKind('ADDRESS,…', 'an e-mail address', checkAddress), '', sentence, extras);
}

function checkAddress(item: string): void {
  if (item.length <= 254 && /^[^\s@<>",;:]{1,64}@[^\s@<>",;:]+\.[^\s@<>",;:]{2,}$/.test(item)) return;
  throw new FormatError(`"${item.slice(0, 80)}" is not an e-mail address`, 0);
}
