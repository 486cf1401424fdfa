/**
 * The name of a person as it is shown.
 * In: a member or an owner. Out: a name.
 */
import { t } from '../../viewer/preferences.svelte.ts';

/**
 * The name of a person; the administrator of the command line has no account, and is named in the language of
 * the reader.
 */
export function personName({ id, name }: { readonly id: string; readonly name: string }): string {
  return id === 'admin' ? t('account.admin') : name;
}
