/**
 * A page that publishes its camera over WHIP, or plays a stream over WHEP.
 * In: a page of Chromium on any address of the server. Out: sessions, and what the page has received.
 */
import type { BrowserContext, Page } from 'playwright-core';

/** Opens an empty page of a server, without the interface. */
export async function openEmptyPage(context: BrowserContext, url: string): Promise<Page> {
  const page = await context.newPage();
  await page.route('**/empty', (route) => route.fulfill({ contentType: 'text/html', body: '<!doctype html><body>' }));
  await page.goto(`${url}/empty`);
  return page;
}

/** What the page received so far. */
export interface Received {
  readonly state: string;
  readonly frames: number;
  readonly width: number;
  readonly audioPackets: number;
}

/** Plays in the page. Returns the status, and the address of the session or the problem. */
export async function play(page: Page, url: string, token = ''): Promise<{ status: number; text: string }> {
  return page.evaluate(
    async ([url, token]) => {
      const video = document.body.appendChild(document.createElement('video'));
      Object.assign(video, { muted: true, autoplay: true });
      const peer = new RTCPeerConnection();
      for (const kind of ['video', 'audio']) peer.addTransceiver(kind, { direction: 'recvonly' });
      peer.ontrack = ({ streams }) => {
        video.srcObject = streams[0]!;
      };
      await peer.setLocalDescription();
      const headers = { 'content-type': 'application/sdp', ...(token && { authorization: `Bearer ${token}` }) };
      const response = await fetch(url!, { method: 'POST', headers, body: peer.localDescription!.sdp });
      const text = await response.text();
      if (response.status !== 201) return { status: response.status, text };
      await peer.setRemoteDescription({ type: 'answer', sdp: text });
      Object.assign(globalThis, { peer, video });
      return { status: 201, text: new URL(response.headers.get('location')!, url).href };
    },
    [url, token] as const,
  );
}

/** What the page has received. */
export async function received(page: Page): Promise<Received> {
  return page.evaluate(async () => {
    const { peer, video } = globalThis as unknown as { peer: RTCPeerConnection; video: HTMLVideoElement };
    let audioPackets = 0;
    for (const report of (await peer.getStats()).values()) {
      if (report.type === 'inbound-rtp' && report.kind === 'audio') audioPackets = report.packetsReceived;
    }
    const frames = video.getVideoPlaybackQuality().totalVideoFrames;
    return { state: peer.connectionState, frames, width: video.videoWidth, audioPackets };
  });
}

/** Publishes from the page. Returns the address of the session. */
export async function publish(page: Page, url: string, key: string, codec: string): Promise<string> {
  return page.evaluate(
    async ([url, key, codec]) => {
      const media = await navigator.mediaDevices.getUserMedia({ audio: true, video: { width: 640, height: 360 } });
      const peer = new RTCPeerConnection();
      for (const track of media.getTracks()) peer.addTransceiver(track, { direction: 'sendonly', streams: [media] });
      const video = peer.getTransceivers().find(({ sender }) => sender.track?.kind === 'video')!;
      const { codecs } = RTCRtpSender.getCapabilities('video')!;
      if (codec)
        video.setCodecPreferences(codecs.filter(({ mimeType }) => [`video/${codec}`, 'video/rtx'].includes(mimeType)));
      await peer.setLocalDescription();
      const headers = { 'content-type': 'application/sdp', authorization: `Bearer ${key}` };
      const response = await fetch(url!, { method: 'POST', headers, body: peer.localDescription!.sdp });
      if (response.status !== 201) return `${response.status} ${await response.text()}`;
      await peer.setRemoteDescription({ type: 'answer', sdp: await response.text() });
      Object.assign(globalThis, { peer });
      return new URL(response.headers.get('location')!, url).href;
    },
    [url, key, codec] as const,
  );
}
