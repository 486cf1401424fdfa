/**
 * Creates the sessions of WebRTC, before their port is open: HTTP is open first, and answers `not-ready`
 * until then.
 * In: settings, PublishAccess. Out: WebRtcServer.
 */
import type { AppContext, Delivery } from '../features/core.ts';
import { addressOf } from '../ingest/client/remote-address.ts';
import type { PublishAccess } from '../ingest/publish-access.ts';
import { listIceServers } from '../ingest/webrtc/ice-servers.ts';
import { WebRtcServer } from '../ingest/webrtc/webrtc-server.ts';
import { viewerKey } from '../serve/client/viewer-key.ts';
import { createOpenOpus } from '../transcode/audio/open-opus.ts';

/** Creates the server; openIngest lets it listen. */
export function createWebRtc(
  app: AppContext,
  access: PublishAccess,
  { viewers }: Pick<Delivery, 'viewers'>,
): WebRtcServer {
  const { config, settings, clock, log, metrics } = app;
  const { webrtcAddresses: addresses, webrtcMaxSessions: maxSessions, hls } = config;
  const keyIntervalMs = hls.segmentDuration;
  return new WebRtcServer({
    isOff: config.webrtc === 'off',
    access,
    addresses,
    maxSessions,
    keyIntervalMs,
    openOpus: createOpenOpus(app),
    clock,
    log,
    metrics,
    iceServers: () => listIceServers(settings.now, clock.nowMs()),
    countViewer: ({ name, remote, id }) => viewers.connected(name, viewerKey(id, addressOf(remote), undefined)),
  });
}
