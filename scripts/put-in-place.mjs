/**
 * Puts a folder that was made beside its place into it, so that whoever reads there finds the old one or the new one, never half of one,
 * and so that two who do it at once do not meet in between: the last one stays. Plain JavaScript: it runs in `npm ci`.
 */
import { rename, rm } from 'node:fs/promises';

/** Others may put theirs in place meanwhile, so many times. */
const TRIES = 20;

/**
 * @param {string} fresh the new folder; on the same disk as the place
 * @param {string} place where it shall be; what is there now goes
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
