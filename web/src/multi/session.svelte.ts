/**
 * The multi-view page: its tiles, and the time that they share.
 * In: the link of the page, requests of the viewer. Out: Multi.svelte, which reads the fields and calls the
 * methods.
 */
import { failureOf } from '../api/client.ts';
import type { MediaRequests } from '../media/requests.ts';
import type { MediaState, Note } from '../media/state.ts';
import { Clock } from '../time/clock.ts';
import { PageAngles } from './angles/angles.svelte.ts';
import { CommonTime } from './common-time.ts';
import { type MultiLink, printMultiLink } from './link.ts';
import { assetOfTile, type ShownTile } from './shown-tile.ts';
import { Tiles } from './tiles.svelte.ts';
import { snapshotOf, soundControls } from './tiles-controls.ts';

/** The state of the page; `close` with it. */
export class MultiSession {
  readonly tiles: Tiles;
  readonly angles: PageAngles;
  /** The common time, and whether it runs; updated a few times a second. */
  atMs = $state(0);
  isPlaying = $state(true);
  live = $state(true);
  nowMs = $state(Date.now());
  readonly controls: MediaRequests;
  readonly #clock = new Clock();
  readonly #time = new CommonTime(this.#clock.now);
  readonly #ends = new AbortController();
  readonly #skipped: (note: Note) => void;
  readonly #tokens: MultiLink['tokens'];
  readonly #setOfLink: string | null;
  #sought = $state.raw<number | null>(null);
  #isSkipping = false;

  /** @param skipped called when all tiles have left a stretch where nothing is recorded */
  constructor(link: MultiLink, skipped: (note: Note) => void) {
    const { streams, layout, focus, atMs, tokens, shifts, set } = link;
    this.#sought = atMs;
    this.#tokens = tokens;
    this.#skipped = skipped;
    this.#setOfLink = set;
    this.tiles = new Tiles({ arrangement: { streams, layout, focus }, clock: this.#clock, time: this.#time, shifts });
    this.angles = new PageAngles(this.tiles, () => this.#time.keepBehind(this.angles.aheadMs));
    this.#time.keepBehind(this.angles.aheadMs);
    this.controls = {
      ...soundControls(this.tiles),
      goLive: () => this.#go(() => this.#time.goLive()),
      goTo: (to) => this.#go(() => this.#time.goTo(to)),
      togglePlay: () => this.#go(() => this.#time.toggle()),
    };
  }

  /** Loads the player and keeps all tiles in step until `close`. */
  async open(): Promise<void> {
    const { signal } = this.#ends;
    const loading = this.#setOfLink === null ? null : this.angles.load(this.#setOfLink);
    const [opensMs] = await Promise.all([loading, this.tiles.load(), this.#clock.read(signal)]);
    if (signal.aborted) return;
    this.#sought ??= opensMs;
    void this.#clock.keep(signal);
    if (this.#sought === null) this.#time.goLive();
    else this.#time.open(this.#sought);
    await this.tiles.keep(() => this.#stepped());
  }

  /** All tiles as one player. */
  get player(): MediaState {
    const { atMs, live, isPlaying } = this;
    const shown = { shownMs: atMs === 0 ? null : atMs, behindMs: atMs === 0 ? null : this.nowMs - atMs };
    return snapshotOf(this.tiles, { ...shown, atEdge: live, paused: !isPlaying });
  }

  /** The oldest kept time of the stream that is heard, unix milliseconds; null if nothing is recorded. */
  get firstMs(): number | null {
    const { focused } = this.tiles;
    const shiftMs = focused?.sync.shiftMs ?? 0;
    if (focused && assetOfTile(focused.name) !== undefined) return shiftMs;
    const from = focused?.stream?.recorded.from;
    return from ? Date.parse(from) + shiftMs : null;
  }

  /** @param bySeconds forward; negative is back */
  step = (bySeconds: number): void => this.controls.goTo(this.#time.atMs + bySeconds * 1000);

  goToFirst(): void {
    if (this.firstMs !== null) this.controls.goTo(this.firstMs);
  }

  /** The address of the page: with the time, if it is in the past. */
  get link(): string {
    return this.#print(this.#sought, this.#tokens, this.angles.set?.id ?? null);
  }

  /** The address of the current view, for others. @param tokens playback tokens by stream */
  linkWith(tokens: MultiLink['tokens']): string {
    // People who may not see the set may see what it shows.
    return this.#print(this.live ? null : this.atMs, tokens, null);
  }

  /** Ends playback and requests. */
  close(): void {
    this.#ends.abort();
    this.angles.close();
    this.tiles.close();
  }

  #print(atMs: number | null, tokens: MultiLink['tokens'], set: string | null): string {
    const { streams, layout, focus } = this.tiles.arrangement;
    const shifts = set === null || this.angles.isChanged ? this.tiles.shifts : {};
    return printMultiLink({ streams, layout, focus, atMs, tokens, shifts, set });
  }

  #go(where: () => void): void {
    where();
    const { live, playing } = this.#time.state;
    this.#sought = live && playing ? null : this.#time.atMs;
    this.tiles.step();
    this.#stepped();
  }

  #stepped(): void {
    const shown = this.tiles.all.filter(({ name }) => this.tiles.shown.includes(name));
    this.#time.picturesCame(
      shown.filter(({ sync, failure }) => sync.offsetMs !== null || sync.hole || failure).length,
      shown.length,
    );
    this.#time.step(this.tiles.all.some(({ lacks }) => lacks));
    const { playing, live } = this.#time.state;
    this.nowMs = this.#clock.now();
    this.atMs = this.#time.atMs;
    this.isPlaying = playing || this.#time.isOpening;
    this.live = live;
    if (playing && !live && !this.#isSkipping) void this.#skipHole();
  }

  /** Where no stream has media, all go to the first one that has some again. */
  async #skipHole(): Promise<void> {
    const { state } = this.#time;
    const shown = this.tiles.all.filter(({ name }) => this.tiles.shown.includes(name));
    const inHole = shown.filter(({ sync }) => sync.hole);
    const skipped = inHole[0]?.sync.hole ?? null;
    if (!skipped || !shown.every(({ sync, failure }) => sync.hole || failure)) return;
    this.#isSkipping = true;
    try {
      const { atMs } = this.#time;
      const next = await Promise.all(inHole.map((tile) => nextMedia(tile, atMs)));
      if (this.#ends.signal.aborted || this.#time.state !== state) return;
      const times = next.flatMap((ms) => ms ?? []);
      const films = inHole.every(({ name }) => assetOfTile(name) !== undefined);
      if (times.length === 0 && films) this.controls.togglePlay();
      else if (times.length === 0) {
        this.controls.goLive();
        this.#skipped({ key: 'note.nothingAfter' });
      } else {
        const toMs = Math.min(...times);
        this.controls.goTo(toMs);
        this.#skipped({ key: 'note.skipped', skipped: { ...skipped, fromMs: Math.max(skipped.fromMs, atMs), toMs } });
      }
    } catch (error) {
      if (!this.#ends.signal.aborted) failureOf(error); // requested again with the next step
    } finally {
      this.#isSkipping = false;
    }
  }
}

/** Where a tile has media again, common time; undefined: nowhere. */
async function nextMedia({ timeline, sync }: ShownTile, atMs: number): Promise<number | undefined> {
  const { shiftMs, hole } = sync;
  if (!timeline) return hole && Number.isFinite(hole.toMs) ? hole.toMs + shiftMs : undefined;
  const moment = await timeline.recorded.find(atMs - shiftMs);
  return moment ? moment.atMs + shiftMs : undefined;
}
