/**
 * Follows a presentation over time: reads its lists, downloads what they name, and lets every rule look at
 * what came.
 * In: a way to fetch, the URL of a Multivariant (or Media) Playlist. Out: findings, each place and rule once.
 */
import { type Fragments, type InitSection, readFragments, readInit } from './boxes.ts';
import { textOf } from './lines.ts';
import {
  allSegments,
  isLive,
  type MediaText,
  readMedia,
  resolve,
  type TextPart,
  type TextSegment,
} from './media-text.ts';
import { isMultivariant, type MultivariantText, readMultivariant } from './multivariant-text.ts';
import type { SeenPart, SeenRendition, SeenSegment } from './rendition.ts';
import { type Answer, type Fetch, type Finding, judge } from './rules/rule.ts';
import { rulesOfAlignment } from './rules/rules-of-alignment.ts';
import { type Kind, rulesOfServed } from './rules/rules-of-http.ts';
import { rulesOfMedia } from './rules/rules-of-media.ts';
import { rulesOfMultivariant } from './rules/rules-of-multivariant.ts';
import { rulesOfParts } from './rules/rules-of-parts.ts';
import { rulesOfReload } from './rules/rules-of-reload.ts';
import { rulesOfMediaText, rulesOfText } from './rules/rules-of-text.ts';

/** How a presentation is followed. */
export interface FollowOptions {
  /** Further Media Playlists; those that rendition reports name are followed anyway. */
  readonly also?: readonly string[];
  /** Download what the lists name; default true. */
  readonly media?: boolean;
  /** Of each list no more than this many of the last segments are downloaded; default all. */
  readonly lastSegments?: number;
  /** Headers are real: judge them. Default false. */
  readonly overHttp?: boolean;
  /** Nothing changes while a look lasts (virtual time): reports must agree to the part. Default false. */
  readonly still?: boolean;
  /** Rules that are left out, each for a reason that the caller can give. */
  readonly except?: readonly string[];
}

/** What is known of a rendition. */
interface Known {
  url: string;
  list: MediaText;
  readonly segments: Map<number, { listed: TextSegment; parts: readonly TextPart[] }>;
}

/** Follows one presentation. */
export class Follower {
  readonly #fetch: Fetch;
  readonly #indexUrl: string;
  readonly #options: FollowOptions;
  readonly #findings = new Map<string, Finding>();
  readonly #known = new Map<string, Known>();
  /** Bodies by URL: segments, parts, initialization sections. */
  readonly #bodies = new Map<string, Uint8Array>();
  readonly #inits = new Map<string, InitSection>();
  /** Segments whose bytes were had; a list that still has one makes another object of it. */
  readonly #complete = new WeakSet<object>();
  /** What is in the bodies, by URL, with the initialization section that it was read with. */
  readonly #fragments = new Map<string, { readonly init: InitSection; readonly media: Fragments }>();
  #index: MultivariantText | undefined;

  /** @param indexUrl of a Multivariant Playlist, or of one Media Playlist */
  constructor(fetch: Fetch, indexUrl: string, options: FollowOptions = {}) {
    this.#fetch = fetch;
    this.#indexUrl = indexUrl;
    this.#options = options;
  }

  /** All findings so far; each rule once per place. */
  get findings(): readonly Finding[] {
    return [...this.#findings.values()];
  }

  /** URLs of the lists that are followed. */
  get lists(): readonly string[] {
    return [...this.#known.keys()];
  }

  /** A list as it was last. */
  listOf(url: string): MediaText | undefined {
    return this.#known.get(url)?.list;
  }

  /** Adds what someone else found. */
  add(findings: readonly Finding[]): void {
    for (const finding of findings) {
      if (this.#options.except?.includes(finding.rule)) continue;
      const key = `${finding.rule} ${finding.where}`;
      if (!this.#findings.has(key)) this.#findings.set(key, finding);
    }
  }

  /** Reads the index and every list once, compares with the last look, downloads what is new. */
  async look(): Promise<void> {
    const named = await this.#readIndex();
    const read = new Set<string>();
    for (let urls = named; urls.length > 0; ) {
      for (const url of urls) {
        read.add(url);
        await this.#readList(url, named.includes(url));
      }
      const reported = this.#current(read).flatMap(({ list }) =>
        list.reports.map(({ attributes }) => resolve(attributes.get('URI')?.text ?? '', list.url)),
      );
      urls = [...new Set(reported)].filter((url) => !read.has(url));
    }
    // A list that the index no longer names still ends as it should.
    for (const { url, list } of this.#known.values()) {
      if (!read.has(url) && isLive(list)) await this.#readList(url, false);
    }
    this.#judgeAlignment(read);
    await this.download();
  }

  /** Takes a list that was had by other means, a blocking reload. A delta is not taken. */
  take(url: string, text: string): MediaText {
    const last = this.#known.get(url)?.list;
    if (last?.text === text) return last;
    const list = readMedia(url, text);
    this.add(judge([...rulesOfText, ...rulesOfMediaText, ...rulesOfParts], list, url));
    if (list.skipped > 0) return list;
    const known = this.#known.get(url) ?? { url, list, segments: new Map() };
    if (known.list !== list) this.add(judge(rulesOfReload, { before: known.list, after: list }, url));
    known.list = list;
    this.#known.set(url, known);
    for (const listed of allSegments(list)) {
      const before = known.segments.get(listed.msn);
      // It grew, ended and left the lists of parts between two looks: which its last parts were is not known.
      const isCut = before?.listed.uri === '' && listed.uri !== '' && listed.parts.length === 0;
      const parts = isCut ? [] : (before?.parts ?? []);
      known.segments.set(listed.msn, { listed, parts: listed.parts.length >= parts.length ? listed.parts : parts });
    }
    return list;
  }

  /** Downloads what is listed and was not had yet. */
  async download(): Promise<void> {
    if (this.#options.media === false) return;
    for (const { list, segments } of [...this.#known.values()]) {
      for (const segment of [...segments.values()].slice(-(this.#options.lastSegments ?? 1e9))) {
        // It has left the list since: a day of them is not looked through at each look.
        if (this.#complete.has(segment)) continue;
        const { listed, parts } = segment;
        if (listed.map !== undefined) await this.#have(resolve(listed.map, list.url), 'init');
        // Parts that were never listed while they were new are not requested.
        for (const { uri, gap } of listed.parts.length > 0 ? parts : []) {
          if (!gap) await this.#have(resolve(uri, list.url), 'part');
        }
        if (listed.uri === '') continue;
        if (!listed.gap) await this.#have(resolve(listed.uri, list.url), 'segment');
        this.#complete.add(segment);
      }
    }
  }

  /** Judges media and what the index says of it. Gives all findings. */
  async finish(): Promise<readonly Finding[]> {
    for (const known of this.#known.values()) this.add(judge(rulesOfMedia, this.#seen(known), known.url));
    return this.findings;
  }

  /** The bytes of a resource, if they were had. */
  bodyOf(url: string): Uint8Array | undefined {
    return this.#bodies.get(url);
  }

  /** URLs of Media Playlists that are named now. */
  async #readIndex(): Promise<string[]> {
    const also = this.#options.also ?? [];
    const answer = await this.#fetch(this.#indexUrl);
    const text = textOf(answer.body);
    if (answer.status === 200 && !isMultivariant(text)) return [this.#indexUrl, ...also];
    // Where a stream has ended its index is gone; at the first look it must be there.
    if (answer.status === 200 || !this.#index) this.#serve(this.#indexUrl, 'index', answer, Number.NaN);
    if (answer.status !== 200) return [];
    const index = readMultivariant(this.#indexUrl, text);
    this.add(judge([...rulesOfText, ...rulesOfMultivariant], index, this.#indexUrl));
    this.#index = index;
    const uris = [
      ...index.variants.map(({ uri }) => uri),
      ...index.renditions.flatMap(({ attributes }) => attributes.get('URI')?.text ?? []),
    ];
    return [...new Set([...uris.filter((uri) => uri !== '').map((uri) => resolve(uri, index.url)), ...also])];
  }

  async #readList(url: string, isNamed: boolean): Promise<void> {
    const answer = await this.#fetch(url);
    if (answer.status !== 200) {
      if (isNamed) this.#serve(url, 'live', answer, Number.NaN);
      return;
    }
    const list = this.take(url, textOf(answer.body));
    this.#serve(url, isLive(list) ? 'live' : 'past', answer, list.targetDurationS);
  }

  #serve(url: string, kind: Kind, answer: Answer, targetDurationS: number): void {
    const { overHttp = false } = this.#options;
    this.add(judge(rulesOfServed, { url, kind, answer, targetDurationS, overHttp }, url));
  }

  async #have(url: string, kind: Kind): Promise<void> {
    if (this.#bodies.has(url)) return;
    const answer = await this.#fetch(url);
    this.#bodies.set(url, answer.status === 200 ? answer.body : new Uint8Array());
    this.#serve(url, kind, answer, Number.NaN);
    if (kind === 'init' && answer.status === 200) this.#inits.set(url, readInit(answer.body));
  }

  #current(urls: ReadonlySet<string>): Known[] {
    return [...urls].flatMap((url) => this.#known.get(url) ?? []);
  }

  #judgeAlignment(urls: ReadonlySet<string>): void {
    if (!this.#index) return;
    const renditions = new Map(this.#current(urls).map((known) => [known.url, this.#seen(known)]));
    const presentation = { index: this.#index, renditions, still: this.#options.still ?? false };
    this.add(judge(rulesOfAlignment, presentation, this.#indexUrl));
  }

  /** Judges what the index says of media; called when all of it was downloaded. */
  judgeIndex(): void {
    this.#judgeAlignment(new Set(this.#known.keys()));
  }

  #mediaOf(at: string, bytes: Uint8Array, init: InitSection): Fragments {
    const known = this.#fragments.get(at);
    if (known?.init === init) return known.media;
    const media = readFragments(bytes, init);
    this.#fragments.set(at, { init, media });
    return media;
  }

  #seen({ url, list, segments }: Known): SeenRendition {
    const inits = new Map<string, InitSection>();
    const seen = [...segments.values()].map((segment): SeenSegment => {
      const { listed } = segment;
      const mapUrl = listed.map === undefined ? undefined : resolve(listed.map, url);
      const init = mapUrl === undefined ? undefined : this.#inits.get(mapUrl);
      if (init) inits.set(mapUrl!, init);
      const had = (uri: string) => {
        const at = resolve(uri, url);
        const bytes = uri === '' ? undefined : this.#bodies.get(at);
        if (!bytes || bytes.length === 0) return {};
        return { bytes, ...(init && { media: this.#mediaOf(at, bytes, init) }) };
      };
      const parts = segment.parts.map((part): SeenPart => ({ listed: part, ...had(part.uri) }));
      return { listed, ...(init && { init }), ...had(listed.uri), parts };
    });
    return { url, list, inits, segments: seen.sort((a, b) => a.listed.msn - b.listed.msn) };
  }
}
