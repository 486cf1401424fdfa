/**
 * Several streams side by side: which tiles there are, where, and which one is heard. The multi-view page and
 * rooms use it.
 * In: names of streams, the playback state that all follow, requests of the viewer. Out: components, which
 * read the fields and call the methods.
 */
import type Hls from 'hls.js';
import { poll } from '../api/poll.ts';
import { loadHls } from '../media/load-engine.ts';
import { preferences } from '../media/preferences.svelte.ts';
import { STEP_MS } from '../sync/sync-controller.ts';
import type { Clock } from '../time/clock.ts';
import { type LayoutName, layoutFor, MOST_TILES, swapped, tilesOf } from './layout.ts';
import { type CommonState, Tile, type TilesRoom } from './tile.svelte.ts';

/**
 * With more tiles live is played in whole segments: browsers open six connections to a server without HTTP/2.
 */
const MOST_LOW_LATENCY = 3;

/** What tiles are created with. */
interface TilesParts {
  readonly streams: readonly string[];
  readonly layout: LayoutName;
  /** Index of the tile that is heard. */
  readonly focus: number;
  readonly clock: Clock;
  readonly time: CommonState;
  readonly room?: TilesRoom;
}

/** The tiles of a page; `close` with it. */
export class Tiles {
  /** Names in the order of the places; those beyond the layout are not shown. */
  streams = $state.raw<readonly string[]>([]);
  layout = $state<LayoutName>('1');
  /** Index of the tile that is heard. */
  focus = $state(0);
  hasSound = $state(false);
  /** Tiles that play, in the order in which they were opened; their place is that of their name. */
  all = $state.raw<readonly Tile[]>([]);
  /** hls.js; null before it is loaded, and if it could not be. */
  engine = $state.raw<typeof Hls | null>(null);
  isLoaded = $state(false);
  readonly #parts: TilesParts;
  readonly #ends = new AbortController();

  constructor(parts: TilesParts) {
    this.#parts = parts;
    this.streams = parts.streams;
    this.layout = parts.layout;
    this.focus = parts.focus;
    this.#arrange();
  }

  /** Loads the player. */
  async load(): Promise<void> {
    this.engine = await loadHls();
    this.isLoaded = true;
  }

  /** Keeps the tiles in step until `close`. @param stepped called after each step, a few times a second */
  async keep(stepped: () => void): Promise<void> {
    const { signal } = this.#ends;
    const step = () => {
      this.step();
      stepped();
    };
    const shown = () => {
      if (document.hidden) return;
      for (const tile of this.all) tile.wake();
      step();
    };
    document.addEventListener('visibilitychange', shown, { signal });
    await poll(STEP_MS, async () => step(), { signal });
  }

  /** Also after each command: takes the state to all tiles. */
  step(): void {
    for (const tile of this.all) tile.step();
    this.#tidy();
  }

  /** Names of the shown streams, by place. */
  get shown(): readonly string[] {
    return this.streams.slice(0, tilesOf(this.layout));
  }

  /** The tile of a place. */
  at(place: number): Tile | undefined {
    return this.all.find(({ name }) => name === this.shown[place]);
  }

  /** The tile that is heard. */
  get focused(): Tile | undefined {
    return this.at(this.focus);
  }

  /** A small number of tiles plays live in parts. */
  get lowLatency(): boolean {
    return this.shown.length <= MOST_LOW_LATENCY;
  }

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

  /** @param volume 0 to 1; above 0 also turns the sound on */
  setVolume(volume: number): void {
    preferences.volume = volume;
    this.setSound(volume > 0);
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
    const heard = this.shown[this.focus];
    this.streams = this.streams.filter((each) => each !== name);
    this.layout = layoutFor(this.streams.length);
    this.#focusOn(heard);
    this.#arrange();
  }

  /** Two streams change places; the sound stays with its stream. */
  swap(from: number, to: number): void {
    const heard = this.shown[this.focus];
    this.streams = swapped(this.streams, from, to);
    this.#focusOn(heard);
    this.#arrange();
  }

  /** Ends playback and requests. */
  close(): void {
    this.#ends.abort();
    for (const tile of this.all) tile.close();
  }

  #focusOn(name: string | undefined): void {
    this.focus = Math.max(0, this.shown.indexOf(name ?? ''));
  }

  /** Opens new tiles; #tidy closes hidden ones. */
  #arrange(): void {
    const { shown } = this;
    const { clock, time, room } = this.#parts;
    if (this.focus >= shown.length) this.focus = 0;
    const missing = shown.filter((name) => !this.all.some((tile) => tile.name === name));
    this.all = [...this.all, ...missing.map((name) => new Tile(name, clock, time))];
    const leader = room && shown.includes(room.stream) ? room.stream : shown[0];
    if (room) for (const tile of this.all) tile.follow(tile.name === leader ? room : null);
    this.#tidy();
    this.#listen();
  }

  /** Closes hidden tiles. One that gives its place to a new one stays until that has a picture. */
  #tidy(): void {
    const { shown } = this;
    const isAwaited = ({ name, player, failure }: Tile) => shown.includes(name) && !player.pictured && !failure;
    const left = this.all.filter(({ name }) => !shown.includes(name));
    if (left.length === 0 || (this.all.some(isAwaited) && left.length <= MOST_TILES)) return;
    for (const tile of left) tile.close();
    this.all = this.all.filter((tile) => !left.includes(tile));
  }

  #listen(): void {
    for (const tile of this.all) tile.hear(this.hasSound && tile.name === this.shown[this.focus], preferences.volume);
  }
}
