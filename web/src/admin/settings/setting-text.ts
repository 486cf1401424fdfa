/**
 * Keys of the texts of settings.
 * In: paths of settings, values. Out: keys of settings.json; the text of a value. Pure.
 */
import { isTextKey, type TextKey } from '../../text/text.ts';

/** The name of a setting for people. */
export function nameOf(path: string): TextKey {
  const key = `setting.name.${path}`;
  return isTextKey(key) ? key : (path as TextKey); // of a newer server: its path is shown
}

/** What a setting does. */
export function hintOf(path: string): TextKey {
  const key = `setting.how.${path}`;
  return isTextKey(key) ? key : ('' as TextKey);
}

/** What an empty value means. */
export function emptyOf(path: string): TextKey {
  const key = `setting.empty.${path}`;
  return isTextKey(key) ? key : 'setting.noLimit';
}

/** A value for people: of a choice its text, otherwise as it is written. @param t the text of a key */
export function choiceText(path: string, value: string, t: (key: TextKey) => string): string {
  for (const key of [`setting.value.${path}.${value}`, `setting.value.${value}`]) if (isTextKey(key)) return t(key);
  return value;
}
