/**
 * The player of a page that has the keyboard and the system's media keys: the one used last.
 * In: the frames of players and their use. Out: whether a key is for a player.
 */

class ActivePlayer {
  /** The last used one is at the end. */
  #frames = $state.raw<readonly HTMLElement[]>([]);

  /**
   * Adds a player; the first one on a page is active until another is used. Returns a function that removes
   * it.
   */
  add(frame: HTMLElement): () => void {
    this.#frames = [frame, ...this.#frames];
    return () => {
      this.#frames = this.#frames.filter((each) => each !== frame);
    };
  }

  /** The viewer uses this player: a pointer or the focus is in it. */
  use(frame: HTMLElement): void {
    if (!this.is(frame)) this.#frames = [...this.#frames.filter((each) => each !== frame), frame];
  }

  /** Whether it is the last used one. */
  is(frame: HTMLElement | undefined): boolean {
    return frame !== undefined && this.#frames.at(-1) === frame;
  }

  /**
   * Whether a key is for this player: it was pressed inside, or inside no player and this is the active one.
   */
  handlesKey(frame: HTMLElement, target: EventTarget | null): boolean {
    const inside = this.#frames.find((each) => target instanceof Node && each.contains(target));
    return inside === undefined ? this.is(frame) : inside === frame;
  }
}

/** The players of this page; reading it in a component follows it. */
export const activePlayer = new ActivePlayer();
