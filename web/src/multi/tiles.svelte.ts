/**
 * Several streams side by side: a tile plays for each that is shown. The multi-view page and rooms use it.
 * In: the arrangement of the streams, the playback state that all follow, requests of the viewer. Out:
 * components, which read the fields and call the methods.
 */
import type Hls from 'hls.js';
import { poll } from '../api/poll.ts';
import { loadHls } from '../media/load-engine.ts';
import { preferences } from '../media/preferences.svelte.ts';
import { STEP_MS } from '../sync/sync-controller.ts';
import type { Clock } from '../time/clock.ts';
import { AssetTile } from './angles/asset-tile.svelte.ts';
import { type Arrangement, shownStreams, withFocus } from './arrangement.ts';
import { MOST_TILES } from './layout.ts';
import { assetOfTile, type ShownTile } from './shown-tile.ts';
import { Tile } from './tile.svelte.ts';
import type { CommonState, TilesRoom } from './tile-sync.svelte.ts';

/**
 * With more tiles live is played in whole segments: browsers open six connections to a server without HTTP/2.
 */
const MOST_LOW_LATENCY = 3;

/** What tiles are created with. */
interface TilesParts {
  readonly arrangement: Arrangement;
  readonly clock: Clock;
  readonly time: CommonState;
  readonly room?: TilesRoom;
  /** By name: what is added to the clock of a tile to get the common time, ms; none for others. */
  readonly shifts?: Shifts;
}

/** Offsets of tiles by their name, ms. */
export type Shifts = Readonly<Record<string, number>>;

/** The tiles of a page; `close` with it. */
export class Tiles {
  /** Changed by `arrange` and `hear` only. */
  arrangement = $state.raw<Arrangement>({ streams: [], layout: '1', focus: 0 });
  hasSound = $state(false);
  /** Tiles that play, in the order in which they were opened; their place is that of their name. */
  all = $state.raw<readonly ShownTile[]>([]);
  #shifts = $state.raw<Shifts>({});
  /** hls.js; undefined before it is loaded, null if it could not be. */
  engine = $state.raw<typeof Hls | null>();
  readonly #parts: TilesParts;
  readonly #ends = new AbortController();

  constructor(parts: TilesParts) {
    this.#parts = parts;
    this.#shifts = parts.shifts ?? {};
    this.arrange(parts.arrangement);
  }

  /** Loads the player. */
  async load(): Promise<void> {
    this.engine = await loadHls();
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
      for (const tile of this.all) tile.sync.wake();
      step();
    };
    document.addEventListener('visibilitychange', shown, { signal });
    await poll(STEP_MS, async () => step(), { signal });
  }

  /** Also after each command: takes the state to all tiles. */
  step(): void {
    for (const tile of this.all) tile.sync.step();
    this.#tidy();
  }

  /** Names of the shown streams, by place. */
  get shown(): readonly string[] {
    return shownStreams(this.arrangement);
  }

  /** The tile that is heard. */
  get focused(): ShownTile | undefined {
    return this.all.find(({ name }) => name === this.#heard);
  }

  /** A small number of tiles plays live in parts. */
  get lowLatency(): boolean {
    return this.shown.length <= MOST_LOW_LATENCY;
  }

  /** The tile of a place is heard. */
  hear(place: number): void {
    this.arrangement = withFocus(this.arrangement, place);
    this.#listen();
  }

  setSound(hasSound: boolean): void {
    this.hasSound = hasSound;
    this.#listen();
  }

  /** Opens new tiles; hidden ones close. */
  arrange(arrangement: Arrangement): void {
    this.arrangement = arrangement;
    const { shown } = this;
    const { room } = this.#parts;
    const missing = shown.filter((name) => !this.all.some((tile) => tile.name === name));
    this.all = [...this.all, ...missing.map((name) => this.#create(name))];
    const leader = room && shown.includes(room.stream) ? room.stream : shown[0];
    if (room) for (const tile of this.all) tile.sync.follow(tile.name === leader ? room : null);
    this.#tidy();
    this.#listen();
  }

  /** What is added to the clock of a tile to get the common time, ms, by name. */
  get shifts(): Shifts {
    return this.#shifts;
  }

  /** The pictures are placed again. */
  set shifts(shifts: Shifts) {
    this.#shifts = shifts;
    for (const { name, sync } of this.all) sync.shiftMs = shifts[name] ?? 0;
  }

  /** Ends playback and requests. */
  close(): void {
    this.#ends.abort();
    for (const tile of this.all) tile.close();
  }

  /** Name of the stream that is heard; undefined without any. */
  get #heard(): string | undefined {
    return this.shown[this.arrangement.focus];
  }

  #create(name: string): ShownTile {
    const { clock, time } = this.#parts;
    const asset = assetOfTile(name);
    const tile = asset === undefined ? new Tile(name, clock, time) : new AssetTile(name, asset, clock, time);
    tile.sync.shiftMs = this.#shifts[name] ?? 0;
    return tile;
  }

  /** Closes hidden tiles. One that gives its place to a new one stays until that has a picture. */
  #tidy(): void {
    const { shown } = this;
    const isAwaited = ({ name, player, failure }: ShownTile) => shown.includes(name) && !player.pictured && !failure;
    const left = this.all.filter(({ name }) => !shown.includes(name));
    if (left.length === 0 || (this.all.some(isAwaited) && left.length <= MOST_TILES)) return;
    for (const tile of left) tile.close();
    this.all = this.all.filter((tile) => !left.includes(tile));
  }

  #listen(): void {
    for (const tile of this.all) tile.hear(this.hasSound && tile.name === this.#heard, preferences.volume);
  }
}
