/**
 * The parts of the calls of rooms: the port of WebRTC, the setting, metrics.
 * In: the context, the WebRTC server. Out: CallParts.
 */
import type { WebRtcServer } from '../../../ingest/webrtc/webrtc-server.ts';
import type { AppContext } from '../../core.ts';
import { type CallParts, createCallStats } from '../call/call-parts.ts';

/** Creates them. */
export function createCallParts(
  { settings, clock, log, metrics, opened }: AppContext,
  webrtc: Pick<WebRtcServer, 'isOff' | 'transport' | 'iceServers'>,
): CallParts {
  const stats = createCallStats();
  const counted = { forwarded: 0, dropped: 0 };
  opened.defer(
    metrics.beforeScrape(() => {
      const people = { mesh: 0, forwarded: 0 };
      let paused = 0;
      for (const call of stats.open) {
        people[call.view?.mode ?? 'mesh'] += call.view?.participants.length ?? 0;
        paused += call.paused;
      }
      for (const mode of ['mesh', 'forwarded'] as const) metrics.callParticipants.set({ mode }, people[mode]);
      metrics.callPaused.set(paused);
      metrics.callForwarded.inc(stats.forwarded - counted.forwarded);
      metrics.callDropped.inc(stats.dropped - counted.dropped);
      Object.assign(counted, { forwarded: stats.forwarded, dropped: stats.dropped });
    }),
  );
  return {
    isOn: () => settings.now.rooms.calls,
    canForward: () => !webrtc.isOff,
    transport: () => webrtc.transport,
    iceServers: () => webrtc.iceServers.map(({ url, ...secret }) => ({ urls: url, ...secret })),
    clock,
    log,
    stats,
  };
}
