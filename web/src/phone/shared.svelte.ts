/**
 * The shared files of this page: taken over when it opens, before a sign-in, until the viewer decides.
 * In: the service worker. Out: the upload page.
 */
import { isShared, takeShared } from './shared-files.ts';

class Shared {
  #files = $state.raw<readonly File[]>([]);
  #isLost = $state(false);

  /** Files that wait for a press. */
  get files(): readonly File[] {
    return this.#files;
  }

  /** Files were shared, and did not arrive. */
  get isLost(): boolean {
    return this.#isLost;
  }

  /** Takes files over if the address of the page says that there are some. */
  async take(): Promise<void> {
    if (location.pathname !== '/upload' || !isShared(location.search)) return;
    history.replaceState(history.state, '', location.pathname);
    this.#files = await takeShared();
    this.#isLost = this.#files.length === 0;
  }

  /** The viewer has decided. */
  clear(): void {
    this.#files = [];
    this.#isLost = false;
  }
}

/** Those of this page. */
export const shared = new Shared();
