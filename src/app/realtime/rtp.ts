/**
 * Opens the RTP sessions of the API.
 * In: settings, the catalog. Out: RtpSessions; they end before the streams do.
 */

import { candidateAddresses } from '@oxbow/wire/webrtc/candidate-addresses';
import type { AppContext, Parts } from '../../features/core.ts';
import { RtpSessions } from '../../ingest/rtp/rtp-sessions.ts';

/**
 * Creates the sessions; ports open with the first one. Only administrators open sessions, so no key is
 * checked.
 */
export function openRtp({ config, clock, log, opened }: AppContext, { catalog }: Pick<Parts, 'catalog'>): RtpSessions {
  const { rtp: listen, webrtcAddresses } = config;
  const sessions = new RtpSessions({
    claim: (name, request) => catalog.get(name).publishers.claim(request),
    find: (name) => catalog.get(name),
    listen,
    reachable: () => (listen === 'off' ? [] : candidateAddresses(listen.address, webrtcAddresses, undefined)),
    assemblyMs: config.live.assemblyDeadline,
    clock,
    log,
  });
  opened.defer(() => sessions.close());
  return sessions;
}
