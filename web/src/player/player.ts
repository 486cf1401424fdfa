/**
 * Plays one stream, now and then, without a blank picture in between: puts the parts together and drives them.
 * In: wishes of the viewer, the stream's state. Out: one snapshot for the page after each change. docs/3-watch/player.md.
 */
import type Hls from 'hls.js';
import type { StreamView } from '../../../src/api/shapes.ts';
import { getTimeline } from '../api/client.ts';
import { Course } from './course.ts';
import type { DeckEvents } from './deck.ts';
import { type AskFacts, Facts } from './facts.ts';
import { Keeper } from './keeper.ts';
import { LiveEdge } from './live-edge.ts';
import { Loop } from './loop.ts';
import type { Moments } from './moments.ts';
import { PACE_EVERY_MS } from './pace.ts';
import { Retry } from './retry.ts';
import { Screen } from './screen.ts';
import type { Remote, Snapshot } from './snapshot.ts';
import { Sources } from './sources.ts';
import { Stalls } from './stalls.ts';
import { type Conditions, firstState } from './state.ts';
import { Steps } from './steps.ts';
import { Switching } from './switching.ts';
import { tell } from './tell.ts';

/** What the player is made of. */
export interface PlayerParts {
  readonly Hls: typeof Hls;
  /** A positioned box that the picture fills; the player makes its own elements in it. */
  readonly surface: HTMLElement;
  readonly stream: string;
  readonly recorded: Moments;
  /** The server's time, unix milliseconds. */
  readonly now: () => number;
  readonly onChange: (snapshot: Snapshot) => void;
  /** Best round trip to the server, seconds. */
  readonly networkS?: () => number | null;
  /** How the player asks for runs and windows; the API where it is left out. */
  readonly ask?: AskFacts;
  /** A clock that nobody sets, milliseconds; that of the page where it is left out. */
  readonly steadyMs?: () => number;
  /** This machine's clock, unix milliseconds; the real one where it is left out. */
  readonly wallMs?: () => number;
}

/** One stream in one surface; `close` ends it. */
export class Player implements Remote {
  readonly #parts: PlayerParts;
  readonly #screen: Screen;
  readonly #edge: LiveEdge;
  readonly #course: Course;
  readonly #keeper: Keeper;
  readonly #steps = new Steps();
  readonly #steadyMs: () => number;
  readonly #ends = new AbortController();
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(parts: PlayerParts) {
    this.#parts = parts;
    const { stream, Hls, surface, recorded, now, networkS = () => null } = parts;
    const { signal } = this.#ends;
    const steadyMs = parts.steadyMs ?? (() => performance.now());
    this.#steadyMs = steadyMs;
    const ask: AskFacts = parts.ask ?? ((fromMs, toMs, within) => getTimeline(stream, fromMs, toMs, within));
    const facts = new Facts(ask, steadyMs, signal);
    const changed = () => this.#changed();
    const events: DeckEvents = {
      frame: (deck) => {
        this.#course.framed(deck);
        if (deck === this.#screen.front && deck.ready) this.#steps.shown(deck, steadyMs());
      },
      listed: (deck) => this.#keeper.listed(deck),
      parsed: (deck, hls) => {
        this.#course.alive(deck);
        this.#screen.choices.apply(hls);
        changed();
      },
      progress: (deck) => this.#course.alive(deck),
      changed,
      played: (deck) => this.#keeper.played(deck),
      paused: (deck) => this.#keeper.paused(deck),
      waiting: (deck) => this.#keeper.waiting(deck),
      ended: (deck) => this.#keeper.ended(deck),
      failed: (deck, data) => this.#keeper.failed(deck, data),
    };
    this.#screen = new Screen({ Hls, surface, facts, events }, changed);
    const stalls = new Stalls();
    this.#edge = new LiveEdge({ now, steadyMs, networkS, stalls });
    const sources = new Sources({ stream, facts, recorded, now });
    const conditions: Conditions = {
      state: firstState(),
      screen: this.#screen,
      edge: this.#edge,
      sources,
      switching: new Switching(this.#screen),
      stalls,
      retry: new Retry(),
      loop: new Loop(),
      now,
      steadyMs,
      wallMs: parts.wallMs ?? Date.now,
      changed,
    };
    this.#course = new Course({ ...conditions, recorded });
    this.#keeper = new Keeper(conditions, this.#course);
    surface.ownerDocument.addEventListener('visibilitychange', () => this.#keeper.shownAgain(), { signal });
    this.#timer = setInterval(() => this.#keeper.tick(), PACE_EVERY_MS);
  }

  goLive(): void {
    this.#steps.forget();
    this.#course.goLive();
  }

  goTo(atMs: number, how: { readonly back?: boolean } = {}): void {
    this.#steps.forget();
    this.#course.goTo(atMs, how);
  }

  togglePlay(): void {
    this.#steps.forget();
    this.#course.togglePlay();
  }

  again(): void {
    this.#steps.forget();
    this.#course.again();
  }

  stepFrame(by: 1 | -1): void {
    const deck = this.#course.standStill();
    if (deck) this.#steps.wish(deck, by, this.#steadyMs());
    this.#changed();
  }

  setRate(rate: number): void {
    this.#course.setRate(rate);
  }

  toggleMuted(): void {
    this.#screen.toggleMuted();
    this.#changed();
  }

  setVolume(volume: number): void {
    this.#screen.setVolume(volume);
    this.#changed();
  }

  setQuality(id: string | null): void {
    this.#screen.choose({ quality: id });
    this.#changed();
  }

  setSound(id: string): void {
    this.#screen.choose({ sound: id });
    this.#changed();
  }

  setSubtitle(id: string | null): void {
    this.#screen.choose({ subtitle: id });
    this.#changed();
  }

  setLoop(span: Snapshot['loop']): void {
    this.#course.setLoop(span);
  }

  togglePicture(): void {
    this.#screen.togglePicture();
  }

  forgetNote(): void {
    this.#course.forgetNote();
  }

  /** Tells the player what the stream does now; it comes back by itself when there is live media again. */
  streamChanged(view: StreamView): void {
    this.#keeper.streamChanged(view);
  }

  /** Stops playing and takes its elements away. */
  close(): void {
    if (this.#ends.signal.aborted) return;
    this.#ends.abort();
    clearInterval(this.#timer);
    this.#course.close();
    this.#screen.close();
  }

  #changed(): void {
    if (this.#ends.signal.aborted) return;
    const { now, onChange, networkS } = this.#parts;
    const around = { nowMs: now(), networkS: networkS?.() ?? null };
    onChange(tell(this.#screen, this.#edge, this.#course.state, around));
  }
}
