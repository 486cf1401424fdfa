/**
 * The names of rooms, videos and accounts that lists of the administration know by their ids only.
 * In: ids, the API. Out: names; each is requested once, and an id stays where it is gone.
 */
import { getUser } from '../../api/accounts.ts';
import { getAngleSet } from '../../api/angles.ts';
import { getAsset } from '../../api/assets.ts';
import { getCase } from '../../api/cases.ts';
import { ApiError } from '../../api/client.ts';
import { getRoom } from '../../api/rooms.ts';
import { t } from '../../viewer/preferences.svelte.ts';
import type { Subject } from './sentence.ts';

const requests: Readonly<Record<string, (id: string, signal: AbortSignal) => Promise<string>>> = {
  'angle-sets': async (id, signal) => (await getAngleSet(id, signal)).name,
  assets: async (id, signal) => (await getAsset(id, signal)).title,
  cases: async (id, signal) => (await getCase(id, signal)).title,
  rooms: async (id, signal) => (await getRoom(id, signal)).name,
  users: async (id, signal) => (await getUser(id, signal)).name,
};
/** A list requests no more at once; its next poll requests the others. */
const MOST = 30;
const keyOf = ({ of, id }: Subject) => `${of} ${id}`;

/** Names by id. */
export class Names {
  #names = $state.raw<ReadonlyMap<string, string>>(new Map([['users admin', t('account.admin')]]));
  readonly #asked = new Set<string>();

  /** The name of a subject; its id until it is known. */
  readonly of = (subject: Subject): string => this.#names.get(keyOf(subject)) ?? subject.id;

  /** Requests the missing names. */
  async ask(subjects: readonly Subject[], signal: AbortSignal): Promise<void> {
    const names = new Map<string, string>();
    let count = 0;
    for (const subject of subjects) {
      const key = keyOf(subject);
      const request = requests[subject.of];
      if (!request || this.#names.has(key) || this.#asked.has(key) || count >= MOST) continue;
      this.#asked.add(key);
      count += 1; // also of those that are gone
      try {
        names.set(key, await request(subject.id, signal));
      } catch (error) {
        if (signal.aborted) this.#asked.delete(key);
        else if (!(error instanceof ApiError)) throw error; // otherwise it is gone
      }
      if (signal.aborted) break;
    }
    if (names.size > 0) this.#names = new Map([...this.#names, ...names]);
  }
}
