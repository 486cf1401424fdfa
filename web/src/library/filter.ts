/**
 * Search, filters and order of the library, in the address of the page, so that a reload and a link keep
 * them.
 * In: the query of an address. Out: a Filter, and back. Pure.
 */

/** Offered orders: field and direction, as in the API; the first one is the default. */
export const orders = ['-created', 'created', 'title', '-duration', '-bytes'] as const;
/** States that can be filtered by. */
export const assetStates = ['uploading', 'processing', 'ready', 'failed'] as const;
export const assetVisibilities = ['public', 'unlisted', 'private'] as const;

/** The chosen filter; empty fields do not restrict. */
export interface Filter {
  readonly search: string;
  readonly state: '' | (typeof assetStates)[number];
  readonly visibility: '' | (typeof assetVisibilities)[number];
  readonly tag: string;
  /** Empty: newest first. */
  readonly sort: '' | (typeof orders)[number];
  readonly trash: boolean;
}

/** Reads the query of an address; invalid values are ignored. */
export function readFilter(query: string): Filter {
  const params = new URLSearchParams(query);
  const readChoice = <T extends string>(name: string, values: readonly T[]): '' | T =>
    values.find((value) => value === params.get(name)) ?? '';
  return {
    search: params.get('q') ?? '',
    state: readChoice('state', assetStates),
    visibility: readChoice('visibility', assetVisibilities),
    tag: params.get('tag') ?? '',
    sort: readChoice('sort', orders),
    trash: params.get('trash') === '1',
  };
}

/** The query of an address, with its question mark; empty if nothing is filtered. */
export function printFilter({ search, state, visibility, tag, sort, trash }: Filter): string {
  const params = new URLSearchParams();
  const fields = { q: search.trim(), state, visibility, tag, sort: sort === orders[0] ? '' : sort };
  for (const [name, value] of Object.entries(fields)) if (value !== '') params.set(name, value);
  if (trash) params.set('trash', '1');
  return params.size === 0 ? '' : `?${params}`;
}
