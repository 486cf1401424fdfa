/**
 * Shared files in the service worker, until the upload page takes them or a minute has passed.
 * In: files of a form. Out: the same files, once.
 */

/** Shared files wait this long for the upload page, ms. */
const FOR_MS = 60_000;

export class SharedHold {
  #files: readonly File[] = [];
  /** Ends the present wait. */
  #end: () => void = () => {};

  /**
   * Holds files in place of those before.
   *
   * @returns resolves when they were taken, replaced or forgotten: until then the service worker must not end
   */
  hold(files: readonly File[]): Promise<void> {
    this.#end();
    this.#files = files;
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#end(), FOR_MS);
      this.#end = () => {
        clearTimeout(timer);
        this.#end = () => {};
        this.#files = [];
        resolve();
      };
    });
  }

  /** Gives the files away; none if there are none. */
  take(): readonly File[] {
    const files = this.#files;
    this.#end();
    return files;
  }
}
