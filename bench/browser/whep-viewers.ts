/**
 * Viewers over WHEP in a separate process: they decrypt and count packets, and request lost ones no more.
 * In: by message, the address of a stream and a number of viewers. Out: by message, connected viewers and
 * packets.
 */
import { parseWebRtc, printWebRtc } from '@oxbow/media/sdp/webrtc-description';
import { openWebRtcEndpoint } from '@oxbow/wire/webrtc/endpoint';
import { createIceCredentials } from '@oxbow/wire/webrtc/ice/ice-session';

/** The report of a viewer process, once a second. */
export interface ViewersReport {
  readonly connected: number;
  readonly packets: number;
  readonly bytes: number;
}

const counts = { connected: 0, packets: 0, bytes: 0 };

/** Opens a viewer of a stream with H.264. Each has a separate port, as in browsers. */
async function openViewer(url: string): Promise<void> {
  const endpoint = await openWebRtcEndpoint({ address: '127.0.0.1', port: 0, nowMs: Date.now(), onError: () => {} });
  const local = createIceCredentials();
  const format = {
    payloadType: 102,
    encoding: 'H264',
    clockRate: 90_000,
    channels: 1,
    feedback: ['nack', 'nack pli'],
    parameters: new Map([
      ['packetization-mode', '1'],
      ['profile-level-id', '42e01f'],
    ]),
  };
  const video = {
    ...({ mid: '0', kind: 'video', direction: 'recvonly', isRejected: false, sources: [] } as const),
    formats: [format],
    extensions: new Map(),
  };
  const description = { ...local, fingerprint: endpoint.fingerprint, isIceLite: false, candidates: [] };
  const offer = printWebRtc({ ...description, setup: 'actpass', media: [video] }, '1');
  const headers = { 'content-type': 'application/sdp' };
  const response = await fetch(url, { method: 'POST', headers, body: offer });
  if (response.status !== 201) throw new Error(`${response.status} ${await response.text()}`);
  endpoint.openPeer({
    role: 'offer',
    dtls: 'client',
    local,
    remote: parseWebRtc(await response.text()),
    onConnected: () => counts.connected++,
    onPacket(packet) {
      counts.packets++;
      counts.bytes += packet.length;
    },
    onReport: () => {},
    onClosed: () => counts.connected--,
  });
}

process.on('message', async ({ url, viewers }: { readonly url: string; readonly viewers: number }) => {
  for (let n = 0; n < viewers; n++) await openViewer(url);
});
process.on('disconnect', () => process.exit(0));
setInterval(() => process.send?.({ ...counts } satisfies ViewersReport), 1000);
