/**
 * Several streams on one page: which tiles there are, where, which one is heard, and the time that they share.
 * In: the link of the page, requests of the viewer. Out: Multi.svelte, which reads the fields and calls the methods.
 */
import type Hls from 'hls.js';
import { poll } from '../api/poll.ts';
import { idle, type PlayerControls, type Snapshot } from '../player/snapshot.ts';
import { STEP_MS } from '../rooms/session/sync-controller.ts';
import { Clock } from '../time/clock.ts';
import { loadHls } from '../watch/load-player.ts';
import { CommonTime } from './common-time.ts';
import { type LayoutName, layoutFor, MOST_TILES, swapped, tilesOf } from './layout.ts';
import { type MultiLink, printMultiLink } from './link.ts';
import { Tile } from './tile.svelte.ts';

/** With more tiles live is played in whole segments: browsers open six connections to a server without HTTP/2. */
const MOST_LOW_LATENCY = 3;

/** The state of the page; `close` with it. */
export class MultiSession implements Pick<PlayerControls, 'goLive' | 'goTo'> {
  /** Names in the order of the places; those beyond the layout are not shown. */
  streams = $state.raw<readonly string[]>([]);
  layout = $state<LayoutName>('1');
  /** Index of the tile that is heard. */
  focus = $state(0);
  hasSound = $state(false);
  /** Tiles that play, in the order in which they were opened; their place is that of their name. */
  tiles = $state.raw<readonly Tile[]>([]);
  /** The common time, and whether it runs; updated a few times a second. */
  atMs = $state(0);
  isPlaying = $state(true);
  isLive = $state(true);
  nowMs = $state(Date.now());
  /** hls.js; null before it is loaded, and if it could not be. */
  engine = $state.raw<typeof Hls | null>(null);
  isLoaded = $state(false);
  readonly clock = new Clock();
  readonly #time = new CommonTime(this.clock.now);
  readonly #ends = new AbortController();
  #sought = $state.raw<number | null>(null);

  constructor(link: MultiLink) {
    this.streams = link.streams;
    this.layout = link.layout;
    this.focus = link.focus;
    this.#sought = link.atMs;
    this.#arrange();
  }

  /** Loads the player and keeps all tiles in step until `close`. */
  async open(): Promise<void> {
    const { signal } = this.#ends;
    this.engine = await loadHls();
    this.isLoaded = true;
    await this.clock.read(signal);
    if (signal.aborted) return;
    void this.clock.keep(signal);
    if (this.#sought === null) this.#time.goLive();
    else this.#time.goTo(this.#sought);
    document.addEventListener('visibilitychange', () => document.hidden || this.#wake(), { signal });
    await poll(STEP_MS, async () => this.#step(), { signal });
  }

  /** The shown tiles, by place; undefined while one is not open yet. */
  get shown(): readonly string[] {
    return this.streams.slice(0, tilesOf(this.layout));
  }

  /** The tile that is heard. */
  get focused(): Tile | undefined {
    return this.tiles.find(({ name }) => name === this.shown[this.focus]);
  }

  get lowLatency(): boolean {
    return this.shown.length <= MOST_LOW_LATENCY;
  }

  /** The common time as one player: for the timeline bar. */
  get snapshot(): Snapshot {
    const { player } = this.focused ?? { player: idle };
    return { ...player, shownMs: this.atMs === 0 ? null : this.atMs, atEdge: this.isLive, paused: !this.isPlaying };
  }

  goLive = (): void => {
    this.#sought = null;
    this.#time.goLive();
    this.#step();
  };

  /** @param atMs unix milliseconds */
  goTo = (atMs: number): void => {
    this.#time.goTo(atMs);
    this.#sought = this.#time.state.live ? null : atMs;
    this.#step();
  };

  togglePlay = (): void => {
    this.#time.toggle();
    this.#sought = this.#time.atMs;
    this.#step();
  };

  /** @param bySeconds forward; negative is back */
  step = (bySeconds: number): void => this.goTo(this.#time.atMs + bySeconds * 1000);

  /** The tile of a place is heard. */
  hear(place: number): void {
    if (!(place in this.shown)) return;
    this.focus = place;
    this.#listen();
  }

  setSound(hasSound: boolean): void {
    this.hasSound = hasSound;
    this.#listen();
  }

  setLayout(layout: LayoutName): void {
    this.layout = layout;
    this.#arrange();
  }

  /** Adds a stream, in a larger layout if there is no place for it. */
  add(name: string): void {
    if (this.streams.includes(name) || this.streams.length >= MOST_TILES) return;
    this.streams = [...this.streams, name];
    if (this.streams.length > tilesOf(this.layout)) this.layout = layoutFor(this.streams.length);
    this.#arrange();
  }

  remove(name: string): void {
    this.streams = this.streams.filter((each) => each !== name);
    this.layout = layoutFor(this.streams.length);
    this.#arrange();
  }

  /** Two streams change places; the sound stays with its stream. */
  swap(from: number, to: number): void {
    const heard = this.shown[this.focus];
    this.streams = swapped(this.streams, from, to);
    this.focus = Math.max(0, this.shown.indexOf(heard ?? ''));
    this.#arrange();
  }

  /** The address of the page: with the time, if it is in the past. */
  get link(): string {
    return printMultiLink({ streams: this.streams, layout: this.layout, focus: this.focus, atMs: this.#sought });
  }

  /** The address that shows what is shown now to others. */
  get shareLink(): string {
    const atMs = this.isLive ? null : this.atMs;
    return printMultiLink({ streams: this.streams, layout: this.layout, focus: this.focus, atMs });
  }

  /** Ends playback and requests. */
  close(): void {
    this.#ends.abort();
    for (const tile of this.tiles) tile.close();
  }

  /** Closes what is hidden, opens what is new. A tile that gives its place to a new one stays until that has a picture. */
  #arrange(): void {
    const { shown } = this;
    if (this.focus >= shown.length) this.focus = 0;
    const missing = shown.filter((name) => !this.tiles.some((tile) => tile.name === name));
    this.tiles = [...this.tiles, ...missing.map((name) => new Tile(name, this.clock, this.#time))];
    this.#tidy();
    this.#listen();
  }

  #tidy(): void {
    const { shown } = this;
    const waits = this.tiles.some(({ name, player, failure }) => shown.includes(name) && !player.pictured && !failure);
    const left = this.tiles.filter(({ name }) => !shown.includes(name));
    if (left.length === 0 || (waits && left.length <= MOST_TILES)) return;
    for (const tile of left) tile.close();
    this.tiles = this.tiles.filter((tile) => !left.includes(tile));
  }

  #listen(): void {
    for (const tile of this.tiles) tile.hear(this.hasSound && tile.name === this.shown[this.focus]);
  }

  #wake(): void {
    for (const tile of this.tiles) tile.wake();
    this.#step();
  }

  #step(): void {
    for (const tile of this.tiles) tile.step();
    this.#time.step(this.tiles.some(({ lacks }) => lacks));
    const { playing, live } = this.#time.state;
    this.nowMs = this.clock.now();
    this.atMs = this.#time.atMs;
    this.isPlaying = playing;
    this.isLive = live;
    this.#tidy();
  }
}
