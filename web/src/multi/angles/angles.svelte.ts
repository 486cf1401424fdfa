/**
 * The set of angles of the multi-view page: loaded from its address or stored from the page, adjusted, lined
 * up by sound.
 * In: the tiles, the API, requests of the viewer. Out: offsets of the tiles; AnglesPanel.svelte, which reads
 * the fields.
 */
import {
  type AngleMember,
  type AngleSet,
  createAngleSet,
  deleteAngleSet,
  getAngleSet,
  measureAngleSet,
  updateAngleSet,
} from '../../api/angles.ts';
import { type Failure, failureOf } from '../../api/client.ts';
import { poll } from '../../api/poll.ts';
import { withStream } from '../arrangement.ts';
import { assetOfTile, assetTileName } from '../shown-tile.ts';
import type { Shifts, Tiles } from '../tiles.svelte.ts';

/** A measurement or an export is looked at this often, ms. */
const LOOK_MS = 700;
/** An action takes at most this long, ms. */
const WITHIN_MS = 30_000;

/** Name of the tile of a member. */
export function tileOf({ stream, asset }: Pick<AngleMember, 'stream' | 'asset'>): string {
  return stream ?? assetTileName(asset ?? '');
}

/** The member of a tile; undefined: it is none. */
export function memberOf(set: AngleSet | null, name: string): AngleMember | undefined {
  return set?.members.find((member) => tileOf(member) === name);
}

/** The set; `close` with its page. */
export class PageAngles {
  /** The stored set; null: there is none. */
  set = $state.raw<AngleSet | null>(null);
  busy = $state(false);
  /** Why the last action failed. */
  failure = $state.raw<Failure | null>(null);
  readonly #tiles: Tiles;
  readonly #changed: () => void;
  readonly #ends = new AbortController();

  /** @param changed called when offsets have changed */
  constructor(tiles: Tiles, changed: () => void) {
    this.#tiles = tiles;
    this.#changed = changed;
  }

  /** The sound is compared now. */
  get isMeasuring(): boolean {
    const state = this.set?.measurement?.state;
    return state === 'queued' || state === 'running';
  }

  /** Offsets of the page differ from those of the stored set. */
  get isChanged(): boolean {
    return this.set?.members.some((member) => this.shiftOf(tileOf(member)) !== member.offsetMs) ?? false;
  }

  /** The most that the clock of a shown stream is ahead of the common time, ms. */
  get aheadMs(): number {
    const streams = this.#tiles.arrangement.streams.filter((name) => assetOfTile(name) === undefined);
    return Math.max(0, ...streams.map((name) => -this.shiftOf(name)));
  }

  /** What is added to the clock of a tile to get the common time, ms. */
  shiftOf(name: string): number {
    return this.#tiles.shifts[name] ?? 0;
  }

  /** Moves a tile; the stored set stays as it is. */
  shift(name: string, ms: number): void {
    this.#tiles.shifts = { ...this.#tiles.shifts, [name]: Math.round(ms * 1000) / 1000 };
    this.#changed();
  }

  /**
   * Loads a set and shows its members; offsets of the address count more than stored ones.
   *
   * @returns where it opens, unix ms; null: live, or it could not be loaded
   */
  async load(id: string): Promise<number | null> {
    const { signal } = this.#ends;
    try {
      const set = await getAngleSet(id, signal);
      this.set = set;
      this.#tiles.shifts = { ...offsetsOf(set), ...this.#tiles.shifts };
      if (this.#tiles.arrangement.streams.length === 0) {
        this.#tiles.arrange(set.members.map(tileOf).reduce(withStream, this.#tiles.arrangement));
      }
      this.#changed();
      if (this.isMeasuring) void this.#follow();
      return set.at === null ? null : Date.parse(set.at);
    } catch (error) {
      if (!signal.aborted) this.failure = failureOf(error);
      return null;
    }
  }

  /** Stores what the page shows as a set. @param atMs where it opens; null: live */
  create(name: string, atMs: number | null): Promise<boolean> {
    return this.#run(async (signal) => {
      const members = this.#tiles.arrangement.streams.map((tile) => {
        const asset = assetOfTile(tile);
        const ms = this.#tiles.shifts[tile];
        return { ...(asset === undefined ? { stream: tile } : { asset }), ...(ms !== undefined && { offsetMs: ms }) };
      });
      const at = atMs === null ? {} : { at: new Date(atMs).toISOString() };
      this.set = await createAngleSet({ name, members, ...at }, signal);
      this.#take(this.set);
    });
  }

  /** Stores the offsets of the page. */
  save(): Promise<boolean> {
    return this.#run((signal, set) => this.#save(signal, set));
  }

  /** Goes back to the stored offsets. */
  restore(): void {
    if (this.set) this.#take(this.set);
  }

  /**
   * Compares the sound of the members around a time. Offsets of the page are stored first: what the viewer
   * sees is where the search begins.
   *
   * @param atMs unix ms; null: where the set chooses
   */
  measure(atMs: number | null): Promise<boolean> {
    return this.#run(async (signal, set) => {
      const { id } = set;
      if (this.isChanged) await this.#save(signal, set);
      const at = atMs === null ? {} : { at: new Date(atMs).toISOString() };
      const measurement = await measureAngleSet(id, at, signal);
      if (this.set) this.set = { ...this.set, measurement };
      void this.#follow();
    });
  }

  /** Deletes the stored set; the page stays as it is. */
  remove(): Promise<boolean> {
    return this.#run(async (signal, { id }) => {
      await deleteAngleSet(id, signal);
      this.set = null;
      this.#changed();
    });
  }

  close(): void {
    this.#ends.abort();
  }

  async #save(signal: AbortSignal, { id, members }: AngleSet): Promise<void> {
    const offsets = members.flatMap((member) => {
      const offsetMs = this.shiftOf(tileOf(member));
      return offsetMs === member.offsetMs ? [] : [{ member: member.id, offsetMs }];
    });
    this.#take(await updateAngleSet(id, { offsets }, signal));
  }

  /** The page shows the offsets of the stored set. */
  #take(set: AngleSet): void {
    this.set = set;
    this.#tiles.shifts = { ...this.#tiles.shifts, ...offsetsOf(set) };
    this.#changed();
  }

  /** Until the measurement has ended. */
  async #follow(): Promise<void> {
    const isOver = new AbortController();
    const signal = AbortSignal.any([this.#ends.signal, isOver.signal]);
    const before = this.set ? offsetsOf(this.set) : {};
    await poll(LOOK_MS, (within) => this.#look(within, before, isOver), { signal });
  }

  /** @param before offsets when the measurement began: tiles that the viewer has moved since then stay */
  async #look(signal: AbortSignal, before: Shifts, isOver: AbortController): Promise<void> {
    const id = this.set?.id;
    if (id === undefined) return isOver.abort();
    try {
      this.set = await getAngleSet(id, signal);
      if (this.isMeasuring) return;
      const moved = Object.entries(this.#tiles.shifts).filter(([name, ms]) => name in before && ms !== before[name]);
      this.#take(this.set);
      for (const [name, ms] of moved) this.shift(name, ms);
    } catch (error) {
      if (signal.aborted) return;
      this.failure = failureOf(error);
    }
    isOver.abort();
  }

  /** One action at a time. */
  async #run(work: (signal: AbortSignal, set: AngleSet) => Promise<void>): Promise<boolean> {
    if (this.busy) return false;
    this.busy = true;
    const signal = AbortSignal.any([this.#ends.signal, AbortSignal.timeout(WITHIN_MS)]);
    try {
      // An action without a set does not read it.
      await work(signal, this.set as AngleSet);
      this.failure = null;
      return true;
    } catch (error) {
      if (!this.#ends.signal.aborted) this.failure = failureOf(error);
      return false;
    } finally {
      this.busy = false;
    }
  }
}

function offsetsOf({ members }: AngleSet): Record<string, number> {
  return Object.fromEntries(members.map((member) => [tileOf(member), member.offsetMs]));
}
