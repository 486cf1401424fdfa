/**
 * The operation name of a route: OpenAPI's operationId, and the method of the typed client.
 * In: method, path, replies. Out: `listStreams`, `getStream`, `startStream`, `createStreamMarker`. Pure.
 */
import type { Route } from '../route/route.ts';

const verbs = { GET: 'get', POST: 'create', PUT: 'replace', PATCH: 'update', DELETE: 'delete' } as const;

/**
 * `GET /api/v1/streams/:name/gaps` is `listStreamGaps`, `POST /api/v1/streams/:name/start` is `startStream`.
 */
export function operationName({ method, path, replies }: Pick<Route, 'method' | 'path' | 'replies'>): string {
  const segments = path
    .replace(/^\/api\/v1/, '')
    .split('/')
    .filter(Boolean);
  const nouns = segments.flatMap((segment, i) => {
    if (segment.startsWith(':')) return [];
    return [wordOf(segments[i + 1]?.startsWith(':') ? singular(segment) : segment)];
  });
  const last = nouns.at(-1) ?? '';
  const isOne = segments.at(-1)?.startsWith(':') ?? false;
  if (method === 'POST' && !isOne) {
    // A POST to a path that is no collection is an action.
    if (!last.endsWith('s')) return [lowered(last), ...nouns.slice(0, -1)].join('');
    return ['create', ...nouns.slice(0, -1), singular(last)].join('');
  }
  const properties = (replies[200] as { properties?: object } | undefined)?.properties ?? {};
  // `sign-in` is one thing and a collection: its member needs its own name.
  const by = isOne && segments.at(-2) === 'sign-in' ? [`By${wordOf(segments.at(-1)!.slice(1))}`] : [];
  return [method === 'GET' && 'items' in properties ? 'list' : verbs[method], ...nouns, ...by].join('');
}

function singular(word: string): string {
  return word.replace(/ies$/, 'y').replace(/([^s])s$/, '$1');
}

function wordOf(segment: string): string {
  return segment
    .split(/[-_.]/)
    .map((word) => `${word.slice(0, 1).toUpperCase()}${word.slice(1)}`)
    .join('');
}

function lowered(word: string): string {
  return `${word.slice(0, 1).toLowerCase()}${word.slice(1)}`;
}
