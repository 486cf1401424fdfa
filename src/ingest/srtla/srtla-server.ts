/**
 * The port of bonded senders: phones and backpacks that spread one SRT connection over several networks.
 * In: datagrams of their links. Out: channels of the SRT server, which decides about keys and streams; counts
 * for the metrics. docs/3-publish/srtla.md.
 */
import type { SrtListener } from '@oxbow/wire/srt/srt';
import { openSrtlaReceiver } from '@oxbow/wire/srtla/open-receiver';
import type { Endpoint } from '../../config/address.ts';
import { messageOf } from '../../lib/errors.ts';
import type { Log } from '../../observe/log.ts';
import type { Metrics } from '../../observe/metrics.ts';

interface SrtlaServerSetup {
  readonly listen: Endpoint;
  /** The SRT server that takes the packets. */
  readonly channels: Pick<SrtListener, 'receiveThrough' | 'closeThrough'>;
  /** Bonded senders at a time. */
  readonly maxGroups: number;
  readonly log: Log;
  readonly metrics: Metrics;
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
export async function openSrtlaServer(setup: SrtlaServerSetup): Promise<SrtlaServer> {
  const { listen, channels, maxGroups, log, metrics } = setup;
  const receiver = await openSrtlaReceiver({
    address: listen.address,
    port: listen.port,
    maxGroups,
    listener: channels,
    onError: (error) => log.debug({ error: messageOf(error) }, 'a datagram of SRTLA could not be sent'),
  });
  let counted = { registered: 0, refused: 0, unknown: 0, ignored: 0 };
  const stopCounting = metrics.beforeScrape(async () => {
    const { groups, links, ...now } = receiver.stats;
    metrics.srtlaGroups.set(groups);
    metrics.srtlaLinks.set(links);
    for (const result of ['registered', 'refused', 'unknown'] as const) {
      metrics.srtlaRegistrations.inc({ result }, now[result] - counted[result]);
    }
    metrics.srtlaIgnored.inc(now.ignored - counted.ignored);
    counted = now;
  });
  return {
    port: receiver.port,
    close() {
      stopCounting();
      return receiver.close();
    },
  };
}
