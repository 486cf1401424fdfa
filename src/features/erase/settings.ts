/**
 * The settings of edges in front of this server, which are purged of deleted and hidden media.
 * In: the types of settings. Out: the section `edges` for config/schema.ts.
 */
import { createOption, httpUrl, listKind, secret, section } from '../../config/option.ts';

export const edgesSection = section({
  urls: createOption(
    listKind('URL,…', 'an address', httpUrl),
    '',
    'Addresses of the edges (`oxbow edge`) in front of this server, the one next to it first: what is deleted or closed to others is purged from them.',
    { reload: 'live' },
  ),
  token: secret('The `--token` of these edges.', { reload: 'live' }),
});
