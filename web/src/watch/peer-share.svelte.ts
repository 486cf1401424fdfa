/**
 * Whether a watch page loads segments from other viewers: offered where the stream permits it, done after the
 * viewer's consent, which is remembered and can be taken back.
 * In: the viewer's choice, views of the stream. Out: a loader for the player, figures. Loads the code on
 * demand. docs/4-watch/peers.md.
 */
import type { StreamView } from '../../../src/api/shapes.ts';
import type { PeerDelivery, PeerFigures } from '../peers/peer-delivery.ts';
import type { LiveLoading } from '../player/video/video-buffer.ts';
import { readStored, store } from '../viewer/storage.ts';

const KEY = 'oxbow.peers';
/**
 * A room that is nearer to live than so many target durations plays Parts, which whole segments cannot
 * follow; and how much further behind it is before they are loaded again, s.
 */
const LEAST_TARGETS = 4;
const FURTHER_S = 2;
/** A player that could not load the list again is asked again after this, ms. */
const AGAIN_MS = 1000;
/** The first picture does not wait longer for it, ms. */
const WAIT_MS = 1500;

/** The delivery between viewers on one page; `close` ends it. */
export class PeerShare {
  /** The stream permits it, and this browser is able to. */
  isOffered = $state(false);
  /** The viewer's choice; null: none yet. */
  choice = $state<boolean | null>(readChoice());
  /** Null while segments come from the server only. */
  figures = $state.raw<PeerFigures | null>(null);
  readonly #stream: string;
  readonly #changed: () => void;
  #delivery: PeerDelivery | null = null;
  #attempt: AbortController | null = null;
  readonly #inRoom: boolean;
  /** A room is too near to live. */
  #isNear: boolean;
  /** The player has taken what `loading` returns now. */
  #isLoaded = true;
  #changedMs = Number.NEGATIVE_INFINITY;
  readonly #ends = new AbortController();

  /**
   * @param changed what `loading` returns has changed
   * @param inRoom a room says how far behind live the picture is, not this choice
   */
  constructor(stream: string, changed: () => void, inRoom = false) {
    this.#stream = stream;
    this.#changed = changed;
    this.#inRoom = inRoom;
    this.#isNear = inRoom;
    const stored = ({ key }: StorageEvent) => {
      if (key !== KEY && key !== null) return;
      this.choice = readChoice();
      void this.#apply();
    };
    // Another page of this browser has taken the consent back, or given it.
    globalThis.addEventListener('storage', stored, { signal: this.#ends.signal });
  }

  /** The viewer has consented. */
  get isChosen(): boolean {
    return this.choice === true;
  }

  /** For the player; null: the server only. */
  loading = (): LiveLoading | null => {
    this.#isLoaded = true;
    return this.#isNear ? null : (this.#delivery?.open() ?? null);
  };

  /** The player has a new picture. @param behindMs behind live; null while that is unknown */
  moved(behindMs: number | null): void {
    if (this.#inRoom && this.#delivery && behindMs !== null) {
      const leastS = LEAST_TARGETS * this.#delivery.targetS;
      const isNear = behindMs < (this.#isNear ? leastS + FURTHER_S : leastS) * 1000;
      if (isNear !== this.#isNear) this.#isLoaded = false;
      this.#isNear = isNear;
    }
    const nowMs = performance.now();
    // A player that seeks, or does not play live, loads the list only later.
    if (this.#isLoaded || nowMs - this.#changedMs < AGAIN_MS) return;
    this.#changedMs = nowMs;
    this.#changed();
  }

  /** The viewer's choice, which is remembered. */
  choose(isWanted: boolean): void {
    this.choice = isWanted;
    store(KEY, isWanted ? 'yes' : 'no');
    void this.#apply();
  }

  /** The stream as the server has it now. Resolves when it is known what loads its segments, or later. */
  async streamChanged(view: StreamView): Promise<void> {
    // Checksums are compared by code that browsers give only to pages over HTTPS.
    this.isOffered = view.peers === true && globalThis.isSecureContext === true && 'RTCPeerConnection' in globalThis;
    const late = new Promise<void>((resolve) => setTimeout(resolve, WAIT_MS));
    await Promise.race([this.#apply(), late]);
  }

  /** The server refuses the stream: nothing is shared any more. */
  ended(): void {
    if (!this.isOffered) return;
    this.isOffered = false;
    void this.#apply();
  }

  close(): void {
    this.#ends.abort();
    this.#attempt?.abort();
    this.#attempt = new AbortController();
    this.#delivery?.close();
    this.#delivery = null;
    this.isOffered = false;
  }

  async #apply(): Promise<void> {
    if (!this.isOffered || !this.isChosen) {
      this.#attempt?.abort();
      this.#attempt = null;
      if (!this.#delivery) return;
      this.#delivery.close();
      this.#delivery = null;
      this.figures = null;
      this.#isLoaded = false;
      this.moved(null);
      return;
    }
    if (this.#attempt) return;
    const attempt = new AbortController();
    this.#attempt = attempt;
    const { signal } = attempt;
    const delivery = await import('../peers/peer-delivery.ts')
      .then(({ PeerDelivery }) => PeerDelivery.open(this.#stream, (figures) => this.#shown(figures), signal))
      .catch(() => null); // a build that is gone: the server has all segments
    if (signal.aborted) return delivery?.close();
    if (!delivery) {
      this.#attempt = null; // again with the next view of the stream
      return;
    }
    this.#delivery = delivery;
    this.#isLoaded = this.#isNear;
    this.moved(null);
  }

  #shown(figures: PeerFigures): void {
    if (this.#delivery) this.figures = figures;
  }
}

function readChoice(): boolean | null {
  const kept = readStored(KEY);
  return kept === null ? null : kept === 'yes';
}
