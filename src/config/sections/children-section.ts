/**
 * The settings of child processes, a part of the table of all settings.
 * In: the types of settings. Out: the section `children` for schema.ts.
 */
import { choice, type Option, section, text } from '../option.ts';

const program = (name: string, purpose: string): Option<string> =>
  text('', `Path of \`${name}\` of util-linux (Linux), ${purpose}. Default: that of the system, if it has one.`, {
    placeholder: 'FILE',
    maxLength: 1000,
  });

export const childrenSection = section({
  network: choice(
    ['auto', 'required', 'off'],
    'auto',
    'Whether the processes that read media of others run without a network. `auto`: where the system allows it (Linux, user namespaces or root); `required`: otherwise none is started; `off`: they are not kept from it.',
  ),
  prlimit: program('prlimit', 'which starts child processes with hard limits'),
  setpriv: program('setpriv', 'which starts child processes so that they end with oxbow'),
  unshare: program('unshare', 'which starts child processes without a network'),
});
