/**
 * A player of the harness: follows one Media Playlist in all ways of the standard and keeps each playlist
 * that it received.
 * In: a function that returns the response of a path. Out: playlists in order with their virtual time; the
 * responses to preload hints. RFC 8216bis 6.3.4 and 6.3.7.
 */
import assert from 'node:assert/strict';
import { parsePlaylist } from '@oxbow/media/m3u8/parse';
import type { MediaPlaylist } from '@oxbow/media/m3u8/playlist';
import { resolve as resolveUri } from '../media-text.ts';

/** A response, as a player sees it. */
export interface Fetched {
  readonly status: number;
  /** Error code. */
  readonly code?: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  readonly text: string;
}

/** Requests a path, which may have a query. Rejects only when `signal` fires. */
export type FetchPath = (path: string, signal?: AbortSignal) => Promise<Fetched>;

export interface ReceivedPlaylist {
  readonly atMs: number;
  /** Path without a query. */
  readonly path: string;
  readonly how: 'plain' | 'blocking' | 'delta';
  readonly text: string;
  readonly list: MediaPlaylist;
}

export interface PlayerOptions {
  readonly fetch: FetchPath;
  /** Virtual time, ms. */
  readonly nowMs: () => number;
  /** Ends held requests. */
  readonly signal: AbortSignal;
}

interface Held {
  readonly query: string;
  readonly msn: number;
  readonly part: number;
  answer: Fetched | undefined;
}

/** Follows one playlist until it ends. */
export class Player {
  readonly path: string;
  readonly received: ReceivedPlaylist[] = [];
  /** Response of each hinted part by path; undefined while it is awaited. */
  readonly hints = new Map<string, Fetched | undefined>();
  readonly #options: PlayerOptions;
  #held: Held | undefined;
  /** Number of the connection; requests of earlier ones get no response. */
  #connection = 0;

  constructor(path: string, options: PlayerOptions) {
    this.path = path;
    this.#options = options;
  }

  /** Whether the last list had ENDLIST. */
  get ended(): boolean {
    return this.received.at(-1)?.list.endList === true;
  }

  /** Reloads in every way. What is held must have been answered if, and only if, it is there. */
  async look(): Promise<void> {
    if (this.ended) return;
    await turn();
    const plain = await this.#get('');
    if (!plain) return;
    const { list } = this.#keep('plain', plain);
    if ((list.serverControl?.canSkipUntilS ?? 0) > 0) this.#keep('delta', (await this.#get('?_HLS_skip=YES'))!);
    if (list.serverControl?.canBlockReload) await this.#follow(list, plain);
    this.#askForHint(list);
    await turn();
  }

  /** The connection broke: held requests are sent again. */
  reconnect(): void {
    this.#connection += 1;
    this.#held = undefined;
    for (const [path, answer] of this.hints) if (!answer) this.hints.delete(path);
  }

  async #follow(list: MediaPlaylist, plain: Fetched): Promise<void> {
    const edge = nextOf(list);
    for (let i = 0; ; i++) {
      const held = this.#held;
      if (held) {
        await turn();
        const isThere = list.endList || contains(list, held);
        assert.equal(held.answer !== undefined, isThere, `${this.path}${held.query} against\n${plain.text}`);
        if (!held.answer) return;
        assert.equal(held.answer.status, 200, `${this.path}${held.query}: ${held.answer.code}`);
        assert.equal(
          held.answer.text,
          plain.text,
          'a blocking reload and a plain one at the same time are the same list',
        );
        this.#keep('blocking', held.answer);
        assert.ok(i < 2, 'an answered reload continues with the next part');
      }
      if (list.endList) return;
      this.#hold(edge);
    }
  }

  #hold({ msn, part }: { msn: number; part: number }): void {
    const held: Held = { query: `?_HLS_msn=${msn}&_HLS_part=${part}`, msn, part, answer: undefined };
    this.#held = held;
    this.#ask(this.path + held.query).then(
      (answer) => {
        held.answer = answer;
      },
      () => {}, // the end of the play
    );
  }

  #askForHint({ preloadHint }: MediaPlaylist): void {
    if (!preloadHint) return;
    const path = resolve(this.path, preloadHint.uri);
    if (this.hints.has(path)) return;
    this.hints.set(path, undefined);
    this.#ask(path).then(
      (answer) => this.hints.set(path, answer),
      () => {}, // the end of the play
    );
  }

  /**
   * Sends the held request. It times out in real time, while a busy machine advances virtual time slowly:
   * then it is sent again. Never answered where the connection broke meanwhile.
   */
  async #ask(path: string): Promise<Fetched> {
    const { fetch, signal } = this.#options;
    const connection = this.#connection;
    let answer = await fetch(path, signal);
    while (answer.code === 'part-timeout' && connection === this.#connection) answer = await fetch(path, signal);
    return connection === this.#connection ? answer : new Promise(() => {});
  }

  async #get(query: string): Promise<Fetched | undefined> {
    const answer = await this.#options.fetch(this.path + query);
    if (answer.status === 200) return answer;
    assert.deepEqual([answer.status, answer.code], [404, 'stream-offline'], this.path + query);
    assert.ok(Number(answer.headers['retry-after']) > 0, '404 stream-offline says when to try again');
    return undefined;
  }

  #keep(how: ReceivedPlaylist['how'], { text }: Fetched): ReceivedPlaylist {
    const same = this.received.slice(-3).find((one) => one.text === text);
    const copy = { atMs: this.#options.nowMs(), path: this.path, how, text, list: same?.list ?? parse(text) };
    this.received.push(copy);
    return copy;
  }
}

function parse(text: string): MediaPlaylist {
  const parsed = parsePlaylist(text);
  assert.equal(parsed.kind, 'media');
  return parsed.playlist;
}

/** The first part that is not in a list yet. */
function nextOf(list: MediaPlaylist): { msn: number; part: number } {
  const last = list.segments.at(-1);
  const count = (list.skippedSegments ?? 0) + list.segments.length;
  if (last?.uri === '') return { msn: list.mediaSequence + count - 1, part: last.parts.length };
  return { msn: list.mediaSequence + count, part: 0 };
}

/** A part beyond the end of a whole segment is the first one of the next (6.2.5.2). */
function contains(list: MediaPlaylist, { msn, part }: Held): boolean {
  const edge = nextOf(list);
  if (edge.msn === msn) return edge.part > part;
  if (edge.msn < msn) return false;
  const asked = list.segments[msn - list.mediaSequence];
  return !asked || part < asked.parts.length || edge.msn > msn + 1 || edge.part > 0;
}

/** A URI of a playlist as a path. */
export function resolve(base: string, uri: string): string {
  return resolveUri(uri, base).replace(/\?.*/, '');
}

/** Lets all that is ready happen: answers are promises. */
function turn(): Promise<void> {
  return new Promise((done) => setImmediate(done));
}
