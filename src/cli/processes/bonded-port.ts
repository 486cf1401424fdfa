/**
 * The port of bonded senders, in the supervisor: each link comes from another network, and all of them must
 * reach the process of their stream. So no process has the port, and none that ends takes it with it.
 * In: settings; where processes take senders. Out: a relay; its counts for the first process.
 * docs/decisions/0117.
 */
import { type OpenRelay, openRelay } from '@oxbow/wire/srtla/open-relay';
import type { BondedCounts } from '../../cluster/processes/process-link.ts';
import type { Config } from '../../config/schema.ts';
import { saveLinks, takeLinks } from '../../ingest/srtla/saved-links.ts';
import { messageOf } from '../../lib/errors.ts';
import type { Log } from '../../observe/log.ts';

/** Least time between two counts, ms. */
const COUNT_MS = 1000;
/** Least time between two lines about failures, ms. */
const LOG_MS = 10_000;

interface BondedPortSetup {
  readonly config: Pick<Config, 'srt' | 'srtla' | 'srtMaxCallers'>;
  /** Names of the processes, the first one first. */
  readonly names: readonly string[];
  /** The data folder, locked. */
  readonly folder: string;
  readonly log: Log;
  /** Passes counts to the first process. */
  counted(counts: BondedCounts): void;
}

/** Opens the port; undefined if it is off, or another program has it: then the first process says so. */
export async function openBondedPort(setup: BondedPortSetup): Promise<OpenRelay | undefined> {
  const { config, names, folder, log, counted } = setup;
  const { srt, srtla, srtMaxCallers: maxGroups } = config;
  if (srt === 'off' || srtla === 'off') return undefined;
  const saving = { nowMs: Date.now, log };
  let last = '';
  let countedMs = Number.NEGATIVE_INFINITY;
  let loggedMs = Number.NEGATIVE_INFINITY;
  try {
    const relay = await openRelay({
      address: srtla.address,
      port: srtla.port,
      maxGroups,
      names,
      restored: takeLinks(folder, saving),
      onTick(stats) {
        const nowMs = performance.now();
        const counts = JSON.stringify(stats);
        if (counts !== last && nowMs - countedMs >= COUNT_MS) {
          [last, countedMs] = [counts, nowMs];
          counted(JSON.parse(counts) as BondedCounts);
        }
        return counts !== last;
      },
      onError(error) {
        const nowMs = performance.now();
        if (nowMs - loggedMs < LOG_MS) return;
        loggedMs = nowMs;
        log.warn({ error: messageOf(error) }, 'passing a datagram of a bonded sender on failed');
      },
    });
    const close = () => {
      saveLinks(folder, relay.save(), saving);
      return relay.close();
    };
    return { ...relay, close };
  } catch (error) {
    log.debug({ error: messageOf(error) }, 'the port of SRTLA cannot be opened');
    return undefined;
  }
}
