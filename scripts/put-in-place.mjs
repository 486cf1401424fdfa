/**
 * Replaces a folder with a new one next to it, so that readers find the old one or the new one, never a part
 * of one, and two processes at the same time do not interfere: the last one wins. Plain JavaScript: it runs
 * in `npm ci`.
 */
import { rename, rm } from 'node:fs/promises';

/** Other processes may replace the folder meanwhile, at most this often. */
const TRIES = 20;

/**
 * @param {string} fresh the new folder; on the same disk as the place
 * @param {string} place the target; a folder that is there is deleted
 */
export async function putInPlace(fresh, place) {
  for (let turn = 1; ; turn++) {
    const old = `${fresh}.old-${turn}`;
    await rename(place, old).catch(unless('ENOENT')); // nothing was there
    try {
      await rename(fresh, place);
      return;
    } catch (error) {
      if (turn === TRIES || !taken.has(error.code)) throw error; // else another one was quicker
    } finally {
      await rm(old, { recursive: true, force: true });
    }
  }
}

/** What `rename` says of a folder that is there; EPERM on Windows. */
const taken = new Set(['ENOTEMPTY', 'EEXIST', 'EPERM']);

function unless(code) {
  return (error) => {
    if (error.code !== code) throw error;
  };
}
