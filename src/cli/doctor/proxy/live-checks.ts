/**
 * Checks of a live stream behind a proxy: held reloads are neither cut nor answered from a cache, parts come
 * while their segment grows, and the fields for caches arrive unchanged.
 * In: a public server, the name of a stream. Out: findings. RFC 8216bis 6.2.5.
 */
import { parsePlaylist } from '@oxbow/media/m3u8/parse';
import { messageOf } from '../../../lib/errors.ts';
import { type Finding, failed, ok, warning } from '../finding.ts';
import type { PublicAnswer, PublicServer } from './public-server.ts';

/** oxbow holds a reload for three target durations; a proxy that holds it for longer is not at fault. */
const HELD_TARGETS = 3;
const MARGIN_MS = 10_000;
/** The part that is announced may be the last of its segment. */
const ROUNDS = 3;
const LONGEST_S = 60;

type Asking = Pick<PublicServer, 'ask'>;
interface Waiting {
  readonly signal: AbortSignal;
}

/** A live playlist, as it was when it was read. */
interface LiveList {
  readonly path: string;
  readonly answer: PublicAnswer;
  readonly targetS: number;
  /** The part that comes next; undefined: the stream has no parts, or has ended. */
  readonly next: { readonly msn: number; readonly part: number; readonly path: string } | undefined;
  /** Path of the newest whole segment; undefined: there is none. */
  readonly segment: string | undefined;
}

/** Checks a stream. @throws the reason of the signal */
export async function checkLive(server: Asking, stream: string, waiting: Waiting): Promise<readonly Finding[]> {
  const name = 'live stream';
  try {
    const index = await server.ask(`/live/${stream}/index.m3u8`, waiting);
    if (index.status !== 200) {
      const hint = 'Name a public stream that is live: --stream NAME.';
      return [warning(name, `${stream} is not played to the public now: HTTP ${index.status}`, hint)];
    }
    const path = listIn(index.text, `/live/${stream}/index.m3u8`);
    const list = await readList(server, path, waiting);
    if (!list.next) {
      const hint = 'Name a stream with parts: --stream NAME.';
      return [warning(name, `${stream} announces no part: held reloads were not checked`, hint)];
    }
    const { finding, held } = await checkHeld(server, list, list.next, waiting);
    return [
      ok(name, `${stream} plays`),
      finding,
      await checkParts(server, path, waiting),
      checkCaching([
        { what: 'a multivariant playlist', answer: index, expected: 'public, max-age=1' },
        { what: 'a live playlist', answer: list.answer, expected: 'public, max-age=1' },
        ...(held ? [{ what: 'a held reload', answer: held, expected: keptFor(list) }] : []),
        ...(list.segment === undefined
          ? []
          : [{ what: 'a segment', answer: await server.ask(list.segment, waiting), expected: FOREVER }]),
      ]),
    ];
  } catch (error) {
    waiting.signal.throwIfAborted();
    return [failed(name, `${stream} was not checked: ${messageOf(error)}`, 'Check the log of the proxy.')];
  }
}

const FOREVER = 'public, max-age=31536000, immutable';
const keptFor = ({ targetS }: LiveList): string => `public, max-age=${Math.min(6 * targetS, LONGEST_S)}`;

/** Path of the first Media Playlist of a Multivariant Playlist. */
function listIn(text: string, path: string): string {
  const parsed = parsePlaylist(text);
  const uri = parsed.kind === 'multivariant' ? parsed.playlist.variants[0]?.uri : undefined;
  return uri === undefined ? path : pathAt(uri, path);
}

const pathAt = (uri: string, base: string): string => {
  const { pathname, search } = new URL(uri, `http://server${base}`);
  return `${pathname}${search}`;
};

async function readList(server: Asking, path: string, waiting: Waiting): Promise<LiveList> {
  const answer = await server.ask(path, waiting);
  const parsed = parsePlaylist(answer.text);
  if (parsed.kind !== 'media') throw new Error(`${path} is not a Media Playlist`);
  const { targetDurationS: targetS, preloadHint } = parsed.playlist;
  const uri = preloadHint?.uri;
  const [, msn, part] = /(?:^|\/)(\d+)\.(\d+)\.m4s/.exec(uri ?? '') ?? [];
  const next =
    uri === undefined || part === undefined
      ? undefined
      : { msn: Number(msn), part: Number(part), path: pathAt(uri, path) };
  const newest = [...answer.text.matchAll(/^(?:.*\/)?\d+\.m4s$/gm)].at(-1)?.[0];
  return { path, answer, targetS, next, segment: newest === undefined ? undefined : pathAt(newest, path) };
}

const listsSegment = (text: string, msn: number): boolean => new RegExp(`^(?:.*/)?${msn}\\.m4s$`, 'm').test(text);

/** Holds a reload until the segment after the one that grows is whole, and one until the next part. */
async function checkHeld(
  server: Asking,
  { path, targetS }: LiveList,
  { msn, part }: { readonly msn: number; readonly part: number },
  { signal }: Waiting,
): Promise<{ readonly finding: Finding; readonly held: PublicAnswer | undefined }> {
  const timeoutMs = HELD_TARGETS * targetS * 1000 + MARGIN_MS;
  const startedMs = performance.now();
  const ask = (query: string) =>
    server.ask(`${path}?${query}`, { signal, timeoutMs }).catch((error: unknown) => {
      signal.throwIfAborted();
      return `it was cut after ${secondsOf(performance.now() - startedMs)}: ${messageOf(error)}`;
    });
  const [short, long] = await Promise.all([ask(`_HLS_msn=${msn}&_HLS_part=${part}`), ask(`_HLS_msn=${msn + 1}`)]);
  const fail = (text: string, hint: string) => ({ finding: failed('held reload', text, hint), held: undefined });
  for (const answer of [short, long]) {
    const timeouts = 'Set the timeouts of the proxy to 120 s, towards oxbow and towards viewers.';
    if (typeof answer === 'string') return fail(answer, timeouts);
    if (answer.status !== 200)
      return fail(`it ended after ${secondsOf(answer.ms)} with HTTP ${answer.status}`, timeouts);
  }
  const [next, held] = [short, long] as [PublicAnswer, PublicAnswer];
  const seconds = secondsOf(held.ms);
  if (!listsSegment(held.text, msn + 1) || !next.text.includes(`${msn}.${part}.m4s`)) {
    const hint = 'Make _HLS_msn, _HLS_part and _HLS_skip part of the cache key, or do not cache live playlists.';
    return fail(`it was answered after ${seconds} with an older playlist`, hint);
  }
  const text = `held for ${seconds} until segment ${msn + 1} was whole; the next part took ${Math.round(next.ms)} ms`;
  return { finding: ok('held reload', text), held };
}

const secondsOf = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

/** Requests a part that is announced, and compares when it and its whole segment come. */
async function checkParts(server: Asking, path: string, { signal }: Waiting): Promise<Finding> {
  const name = 'parts';
  let late = '';
  for (let round = 0; round < ROUNDS; round++) {
    const { next, targetS } = await readList(server, path, { signal });
    if (!next) continue;
    const timeoutMs = HELD_TARGETS * targetS * 1000 + MARGIN_MS;
    const [part, whole] = await Promise.all([
      server.ask(next.path, { signal, timeoutMs }),
      server.ask(`${path}?_HLS_msn=${next.msn}`, { signal, timeoutMs }),
    ]);
    const named = `part ${next.msn}.${next.part}`;
    if (part.status !== 200) late = `${named} was answered with HTTP ${part.status}`;
    else if (part.ms < whole.ms)
      return ok(name, `${named} came ${Math.round(whole.ms - part.ms)} ms before its segment was whole`);
    else late = `${named} came ${Math.round(part.ms - whole.ms)} ms after its segment was whole`;
  }
  const hint = 'Let each request for a part reach oxbow at once: no buffering, no collapsing of requests.';
  return failed(name, late === '' ? 'the stream announced none' : late, hint);
}

interface Kept {
  readonly what: string;
  readonly answer: PublicAnswer;
  readonly expected: string;
}

/** Checks that Cache-Control is what oxbow sends for public streams. */
export function checkCaching(kept: readonly Kept[]): Finding {
  const name = 'caching';
  const controlOf = ({ answer }: Kept): string => answer.headers['cache-control'] ?? 'none';
  if (kept.every((each) => controlOf(each).startsWith('private')))
    return ok(name, 'Cache-Control is private: the stream is not public');
  const other = kept.find((each) => controlOf(each) !== each.expected);
  if (!other) return ok(name, 'Cache-Control arrives unchanged');
  const text = `${other.what} has Cache-Control "${controlOf(other)}" instead of "${other.expected}"`;
  return failed(name, text, 'Let the proxy pass Cache-Control on unchanged: players and caches rely on it.');
}
