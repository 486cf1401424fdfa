/**
 * The port of bonded senders: phones and backpacks that spread one SRT connection over several networks.
 * In: datagrams of their links. Out: channels of the SRT server, which decides about keys and streams; counts
 * for the metrics. docs/3-publish/srtla.md.
 */
import type { SrtListener } from '@oxbow/wire/srt/srt';
import { openSrtlaReceiver } from '@oxbow/wire/srtla/open-receiver';
import { openRelayedGroups } from '@oxbow/wire/srtla/open-relay';
import { type BondedCounts, isSpeaker, type ProcessLink } from '../../cluster/processes/process-link.ts';
import type { Endpoint } from '../../config/address.ts';
import type { Clock } from '../../lib/clock.ts';
import { messageOf } from '../../lib/errors.ts';
import type { Log } from '../../observe/log.ts';
import type { Metrics } from '../../observe/metrics.ts';
import { saveLinks, takeLinks } from './saved-links.ts';

interface SrtlaSetup {
  /** The SRT server that takes the packets. */
  readonly channels: Pick<SrtListener, 'receiveThrough' | 'closeThrough'>;
  /** Bonded senders at a time. */
  readonly maxGroups: number;
  readonly log: Log;
  readonly metrics: Metrics;
}

interface OwnSetup extends SrtlaSetup {
  readonly listen: Endpoint;
  /** The data folder, where the groups are while a server follows another one. */
  readonly folder: string;
  readonly clock: Clock;
}

/** A running server. */
interface SrtlaServer {
  readonly port: number;
  /** Ends all groups with their SRT connections, and closes the port. */
  close(): Promise<void>;
}

/**
 * Opens the port.
 *
 * @throws the error of the system if the port is in use or the address is not of this computer
 */
export async function openSrtlaServer(setup: OwnSetup): Promise<SrtlaServer> {
  const { listen, folder, channels, maxGroups, clock, log, metrics } = setup;
  const saving = { nowMs: () => clock.nowMs(), log };
  const receiver = await openSrtlaReceiver({
    address: listen.address,
    port: listen.port,
    maxGroups,
    restored: takeLinks(folder, saving),
    listener: channels,
    onError: (error) => log.debug({ error: messageOf(error) }, 'a datagram of SRTLA could not be sent'),
  });
  const stopCounting = count(metrics, () => receiver.stats);
  return {
    port: receiver.port,
    close() {
      stopCounting();
      saveLinks(folder, receiver.save(), saving);
      return receiver.close();
    },
  };
}

/** Takes the bonded senders whose streams are in this process, from the supervisor, which has the port. */
export async function openRelayedSrtla(setup: SrtlaSetup & { readonly link: ProcessLink }): Promise<SrtlaServer> {
  const { channels, maxGroups, link, log, metrics } = setup;
  const { port, relayPort } = link.start.srtla!;
  const groups = await openRelayedGroups({
    relayPort,
    maxGroups,
    listener: channels,
    move: (group, process) => link.moveBonded(process, group),
    onError: (error) => log.debug({ error: messageOf(error) }, 'a datagram of SRTLA could not be passed on'),
  });
  let counts: BondedCounts | undefined;
  const unsubscribe = link.bonded.subscribe((each) => {
    counts = each;
  });
  const stopCounting = isSpeaker({ link }) ? count(metrics, () => counts) : unsubscribe;
  link.takeBonded(groups.port);
  return {
    port,
    close() {
      unsubscribe();
      stopCounting();
      return groups.close();
    },
  };
}

/** Counts for the metrics, until the function that it returns is called. */
function count(metrics: Metrics, read: () => BondedCounts | undefined): () => void {
  let counted = { registered: 0, refused: 0, unknown: 0, ignored: 0 };
  return metrics.beforeScrape(async () => {
    const counts = read();
    if (!counts) return;
    const { groups, links, ...now } = counts;
    metrics.srtlaGroups.set(groups);
    metrics.srtlaLinks.set(links);
    for (const result of ['registered', 'refused', 'unknown'] as const) {
      metrics.srtlaRegistrations.inc({ result }, now[result] - counted[result]);
    }
    metrics.srtlaIgnored.inc(now.ignored - counted.ignored);
    counted = now;
  });
}
