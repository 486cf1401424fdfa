/**
 * The checker: holds a presentation to the standard, over HTTP or in process.
 * In: a way to fetch and the URL of a playlist. Out: findings. docs/4-watch/conformance.md lists the rules.
 */
import { Follower, type FollowOptions } from './follower.ts';
import { textOf } from './lines.ts';
import { allSegments, type MediaText, readMedia, resolve } from './media-text.ts';
import { type Answer, type Fetch, type Finding, judge } from './rules/rule.ts';
import { type Hinted, rulesOfDelta, rulesOfHinted, rulesOfReloaded } from './rules/rules-of-blocking.ts';
import { rulesOfForms } from './rules/rules-of-http.ts';
import { rulesOfParts } from './rules/rules-of-parts.ts';
import { rulesOfReload } from './rules/rules-of-reload.ts';
import { rulesOfMediaText, rulesOfText } from './rules/rules-of-text.ts';

export { Follower, type FollowOptions } from './follower.ts';
export { type Answer, type Fetch, type Finding, printFindings } from './rules/rule.ts';

/** Checks a Media Playlist by its text alone. */
export function checkMediaPlaylist(url: string, text: string): Finding[] {
  return judge([...rulesOfText, ...rulesOfMediaText, ...rulesOfParts], readMedia(url, text), url);
}

/** Checks what changed of a live list; both texts are whole lists. */
export function checkReload(url: string, before: string, after: string): Finding[] {
  return judge(rulesOfReload, { before: readMedia(url, before), after: readMedia(url, after) }, url);
}

/**
 * Checks a presentation as it is now: the Multivariant Playlist, every Media Playlist, and all media that
 * they name.
 *
 * @param indexUrl of a Multivariant Playlist, or of one Media Playlist
 */
export async function checkPresentation(
  fetch: Fetch,
  indexUrl: string,
  options: FollowOptions = {},
): Promise<readonly Finding[]> {
  const follower = new Follower(fetch, indexUrl, options);
  await follower.look();
  follower.judgeIndex();
  return follower.finish();
}

/** How a live presentation is walked. */
export interface LiveOptions extends FollowOptions {
  /** Whether to continue; looked at before every reload. */
  readonly goOn: () => boolean;
  /** A clock, ms; default `performance.now`. */
  readonly now?: () => number;
}

/**
 * Walks a live presentation as low-latency players do: blocking reloads, hinted parts, deltas, of all
 * renditions at once; then checks what was seen.
 */
export async function checkLive(fetch: Fetch, indexUrl: string, options: LiveOptions): Promise<readonly Finding[]> {
  const follower = new Follower(fetch, indexUrl, options);
  await follower.look();
  const walker = { fetch, follower, now: options.now ?? (() => performance.now()), goOn: options.goOn };
  await Promise.all(follower.lists.map((url) => walk(walker, url)));
  await follower.look();
  follower.judgeIndex();
  return follower.finish();
}

interface Walker {
  readonly fetch: Fetch;
  readonly follower: Follower;
  readonly now: () => number;
  readonly goOn: () => boolean;
}

interface Directives {
  readonly msn?: number;
  readonly part?: number;
  readonly skip?: boolean;
}

async function timed<T>(now: () => number, work: Promise<T>): Promise<{ value: T; tookMs: number }> {
  const began = now();
  return { value: await work, tookMs: now() - began };
}

/** What comes next in a list: what its hint names. */
function nextOf({ open, mediaSequence, skipped, segments }: MediaText): { msn: number; part: number } {
  return { msn: mediaSequence + skipped + segments.length, part: open?.parts.length ?? 0 };
}

function queryOf({ msn, part, skip }: Directives): string {
  const query = new URLSearchParams();
  if (msn !== undefined) query.set('_HLS_msn', String(msn));
  if (part !== undefined) query.set('_HLS_part', String(part));
  if (skip) query.set('_HLS_skip', 'YES');
  return `?${query}`;
}

async function walk(walker: Walker, url: string): Promise<void> {
  const { follower, goOn } = walker;
  const hinted: Hinted[] = [];
  await askWrongly(walker, url);
  for (let round = 0; goOn(); round++) {
    const before = follower.listOf(url)!;
    if (before.ended || before.partTargetS === undefined) break;
    const [msn, part] = Object.values(nextOf(before)) as [number, number];
    // Now and then the whole segment is awaited, as players without low latency do.
    const asked = round % 12 === 6 ? { msn } : { msn, part };
    const [hint, list] = await Promise.all([askForHint(walker, before), reload(walker, url, before, asked)]);
    if (hint) hinted.push(hint);
    if (!list) break;
    if (round % 5 === 4) await compareDelta(walker, url);
  }
  await follower.download();
  for (const one of hinted) {
    const later = follower.bodyOf(one.url);
    follower.add(judge(rulesOfHinted, { ...one, later: later && later.length > 0 ? later : undefined }, url));
  }
}

/** A reload with directives; the list, unless none came. */
async function reload(
  { fetch, follower, now }: Walker,
  url: string,
  before: MediaText,
  asked: Directives,
): Promise<MediaText | undefined> {
  const { value: answer, tookMs } = await timed(now, fetch(url + queryOf(asked)));
  const list = answer.status === 200 ? follower.take(url, textOf(answer.body)) : undefined;
  follower.add(judge(rulesOfReloaded, { asked, status: answer.status, tookMs, before, list }, url));
  return list;
}

async function askForHint({ fetch, now }: Walker, list: MediaText): Promise<Hinted | undefined> {
  const hint = list.hints.find(({ attributes }) => attributes.get('TYPE')?.text === 'PART');
  if (!hint) return undefined;
  const url = resolve(hint.attributes.get('URI')?.text ?? '', list.url);
  const { value: answer, tookMs } = await timed(now, fetch(url));
  const { status, body } = answer;
  return { url, status, tookMs, targetDurationS: list.targetDurationS, bytes: body, later: undefined };
}

/** What no list has, and what every list has. */
async function askWrongly(walker: Walker, url: string): Promise<void> {
  const before = walker.follower.listOf(url)!;
  if (before.ended || before.partTargetS === undefined) return;
  const { msn, part } = nextOf(before);
  const wrong: Directives[] = [{ part: 0 }, { msn: msn + 20 }, { msn: msn + 1, part: part + 1000 }];
  for (const asked of [...wrong, { msn: before.mediaSequence }]) {
    const { value: answer, tookMs } = await timed(walker.now, walker.fetch(url + queryOf(asked)));
    const list = answer.status === 200 ? readMedia(url, textOf(answer.body)) : undefined;
    walker.follower.add(judge(rulesOfReloaded, { asked, status: answer.status, tookMs, before, list }, url));
  }
}

/** A delta and the whole list; judged only where both are of the same moment. */
async function compareDelta({ fetch, follower }: Walker, url: string): Promise<void> {
  const answers = await Promise.all([fetch(url), fetch(url + queryOf({ skip: true }))]);
  if (answers.some(({ status }) => status !== 200)) return;
  const [full, delta] = answers.map(({ body }) => readMedia(url, textOf(body))) as [MediaText, MediaText];
  // By what they end with: numbers would differ just where a delta is wrong.
  const edge = (list: MediaText) => [urisOf(list).at(-1), ...list.hints.map(({ text }) => text)].join();
  if (edge(full) === edge(delta) && full.reports.length === delta.reports.length) {
    follower.add(judge(rulesOfDelta, { full, delta }, url));
  }
}

/**
 * Asks for the same resource plainly, compressed, by its validator and by range, over HTTP.
 *
 * @param isList whether it is a playlist
 */
export async function checkForms(fetch: Fetch, url: string, { isList }: { isList: boolean }): Promise<Finding[]> {
  const plain = await fetch(url);
  const etag = plain.headers.etag;
  const [zipped, range, beyond] = (await Promise.all([
    fetch(url, { 'accept-encoding': 'gzip' }),
    fetch(url, { range: 'bytes=1-10' }),
    fetch(url, { range: `bytes=${plain.body.length + 1000000}-` }),
  ])) as [Answer, Answer, Answer];
  const unchanged = etag === undefined ? undefined : await fetch(url, { 'if-none-match': etag });
  return judge(rulesOfForms, { url, isList, plain, zipped, unchanged, range, beyond }, url);
}

/** Segments and parts that a list names, in order; for tests that pick some. */
export function urisOf(list: MediaText): string[] {
  return allSegments(list).flatMap(({ uri, parts }) => [
    ...parts.map((part) => part.uri),
    ...(uri === '' ? [] : [uri]),
  ]);
}
