/**
 * Opens the fencing epoch: what notices that another database was promoted, and ends this process then.
 * In: the context, store, nodes. Out: a guard of the object stores, an answer for other nodes.
 * docs/decisions/0099.
 */
import { epochKey, guardClient, readEpochObject, writeEpochObject } from '../../archive/objects/epoch-object.ts';
import { ObjectError } from '../../archive/objects/object-client.ts';
import { type ClientGuard, ObjectTargets } from '../../archive/objects/object-targets.ts';
import { type EpochPlace, EpochWatch } from '../../cluster/epoch/epoch-watch.ts';
import { askEpoch } from '../../cluster/requests/ask-epoch.ts';
import { readPeers } from '../../config/sections/cluster-section.ts';
import type { AppContext, Parts } from '../../features/core.ts';
import { OxbowError, sentenceOf } from '../../lib/errors.ts';
import { OncePer } from '../../lib/once-per.ts';
import { raiseEpoch, readEpoch } from '../../store/epoch/epoch-row.ts';

/** Buckets that do not answer are logged at most this often, ms. */
const LOG_EVERY_MS = 60_000;

/** The epoch of this process. */
export interface OpenEpoch {
  readonly watch: EpochWatch;
  readonly guard: ClientGuard;
  /** Takes note of the epoch of a node; returns that of this process. */
  readonly hear: (theirs: number, node: string) => number;
}

/**
 * Reads the epoch of the database and looks for a higher one. Undefined with SQLite, which has no replicas.
 *
 * @param onTaken called if a higher epoch is seen later
 * @throws OxbowError `database-superseded`
 */
export async function openEpoch(
  { config, opened, shutdown, clock, log }: AppContext,
  { store, nodes }: Pick<Parts, 'store' | 'nodes'>,
  onTaken: () => void,
): Promise<OpenEpoch | undefined> {
  if (store.engine !== 'postgresql') return undefined;
  const { number, isSuperseded } = await readEpoch(store.db);
  if (isSuperseded) {
    throw new OxbowError(
      'database-superseded',
      `The database has epoch ${number}, and was replaced by a promoted one.`,
    );
  }
  const targets = opened.use(new ObjectTargets(config.storage.targets));
  const buckets = new Map(targets.names.map((name) => [name, bucketOf(targets, name)]));
  const peers = readPeers(config.cluster.peers);
  const database: EpochPlace = { name: 'that database', read: async () => (await readEpoch(store.db)).number };
  const places = (): readonly EpochPlace[] => {
    if (!nodes) return [database, ...buckets.values()];
    // Living nodes have this database. Others may have run on the old one since the promotion.
    const dead = nodes.placement.others.filter(({ isAlive }) => !isAlive);
    const others = [...dead, ...peers].map(({ name, url }): EpochPlace => {
      const ask = (options: { readonly signal: AbortSignal }) =>
        askEpoch(nodes.client, { name, url }, watch.number, options);
      return { name: `the node ${name}`, read: ask };
    });
    return [database, ...buckets.values(), ...others];
  };
  const failures = new OncePer(LOG_EVERY_MS, () => clock.monotonicMs());
  const watch = new EpochWatch({
    number,
    places,
    clock,
    superseded(error) {
      log.fatal({ err: error }, 'another database was promoted; this process stops writing and ends');
      onTaken();
    },
    mark: (higher) => raiseEpoch(store.db, { number: higher, isSuperseded: true }, clock.nowMs()),
    failed(place, error) {
      if (!(error instanceof ObjectError)) log.debug({ place, err: error }, 'the epoch cannot be read');
      else failures.call((leftOut) => log.warn({ place, err: error, leftOut }, 'the epoch cannot be read'));
    },
  });
  await watch.look(shutdown);
  return {
    watch,
    guard: (target, client) =>
      guardClient(client, ({ signal = shutdown.signal }) => watch.check(buckets.get(target)!, { signal })),
    hear(theirs, node) {
      watch.hear(theirs, `the node ${node}`);
      return watch.number;
    },
  };
}

/** Looks for a higher epoch until the shutdown. */
export function startEpoch({ opened, shutdown }: AppContext, { watch }: OpenEpoch): void {
  opened.use(shutdown.owns(watch.run(shutdown)));
}

/** The epoch in the bucket of a target. */
function bucketOf(targets: ObjectTargets, target: string): EpochPlace {
  const key = epochKey(targets.find(target)!);
  const clientOf = async () => {
    try {
      return await targets.client(target);
    } catch (error) {
      throw new ObjectError(`the target ${target} cannot be opened: ${sentenceOf(error)}`, { cause: error });
    }
  };
  return {
    name: `the bucket ${target}`,
    read: async (options) => readEpochObject(await clientOf(), key, options),
    raise: async (number, options) => writeEpochObject(await clientOf(), key, number, options),
  };
}
