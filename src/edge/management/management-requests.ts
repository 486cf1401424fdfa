/**
 * The bodies of purges, warm-ups and drains.
 * In: parsed JSON of anyone who has the token. Out: typed requests, or OxbowError. Pure.
 */
import { tokenNameOf } from '../../api/library/assets-api.ts';
import { OxbowError } from '../../lib/errors.ts';

/** Paths of one warm-up. */
const MAX_PATHS = 1000;
const MAX_LENGTH = 4096;

/** What to delete. */
export interface PurgeRequest {
  /** Its text for the log. */
  readonly sentence: string;
  /**
   * Whether an object is meant.
   * @param object its path with directives, and the name that tokens are signed for
   */
  readonly isMeant: (object: { readonly key: string; readonly name: string }) => boolean;
}

/** What to load. */
export interface WarmRequest {
  readonly paths: readonly string[];
  /** Also the objects that playlists list, and those of the playlists that they list. */
  readonly follow: boolean;
}

/**
 * Reads `{"prefix": "/live/door/"}`, `{"stream": "door"}`, `{"asset": "ID"}` or `{"all": true}`.
 * @throws OxbowError `bad-request`
 */
export function readPurge(body: unknown): PurgeRequest {
  const { prefix, stream, asset, all } = objectOf(body);
  const targets = [prefix, stream, asset, all].filter((target) => target !== undefined);
  if (targets.length === 1) {
    if (isText(prefix) && prefix.startsWith('/'))
      return { sentence: prefix, isMeant: ({ key }) => key.startsWith(prefix) };
    // Of a stream all areas: live, past, stills.
    if (isText(stream)) return { sentence: `stream ${stream}`, isMeant: ({ name }) => name === stream };
    if (isText(asset)) return { sentence: `asset ${asset}`, isMeant: ({ name }) => name === tokenNameOf(asset) };
    if (all === true) return { sentence: 'everything', isMeant: () => true };
  }
  throw new OxbowError('bad-request', 'A purge names a prefix, a stream, an asset, or all.', {
    extra: { hint: 'Send {"prefix":"/live/door/"}, {"stream":"door"}, {"asset":"ID"} or {"all":true}.' },
  });
}

/** Reads `{"paths": ["/live/door/index.m3u8"], "follow": true}`. @throws OxbowError `bad-request` */
export function readWarm(body: unknown): WarmRequest {
  const { paths, follow } = objectOf(body);
  const isList =
    Array.isArray(paths) && paths.length <= MAX_PATHS && paths.every((path) => isText(path) && path.startsWith('/'));
  if (isList && (follow === undefined || typeof follow === 'boolean')) return { paths, follow: follow === true };
  throw new OxbowError('bad-request', `A warm-up has at most ${MAX_PATHS} paths.`, {
    extra: { hint: 'Send {"paths":["/assets/ID/index.m3u8"],"follow":true}.' },
  });
}

/** Reads `{"draining": true}`. @throws OxbowError `bad-request` */
export function readDrain(body: unknown): boolean {
  const { draining } = objectOf(body);
  if (typeof draining === 'boolean') return draining;
  throw new OxbowError('bad-request', '`draining` is true or false.', {
    extra: { hint: 'Send {"draining":true}, or {"draining":false} to take viewers again.' },
  });
}

function objectOf(body: unknown): Record<string, unknown> {
  return typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {};
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= MAX_LENGTH;
}
