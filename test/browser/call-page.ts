/**
 * A page that takes part in a call of a room that the server forwards.
 * In: an empty page of the server, signed in. Out: what each slot of the page has received.
 */
import type { Page } from 'playwright-core';
import type { CallSlot } from '../../src/api/room/call-shapes.ts';

/** What one slot of a page has received. */
export interface SlotFigures extends CallSlot {
  readonly kind: string;
  readonly packets: number;
  /** Decoded frames of video. */
  readonly frames: number;
  readonly width: number;
}

/** Enters the room and joins its call with microphone and camera; resolves with the participant's id. */
export async function joinCall(page: Page, room: string): Promise<string> {
  return page.evaluate(async (room) => {
    const socket = new WebSocket(`${location.origin.replace('http', 'ws')}/api/v1/rooms/${room}/socket`);
    const state: { slots: unknown[]; mode: string; participant: string } = { slots: [], mode: '', participant: '' };
    const joined = new Promise<string>((resolve, reject) => {
      socket.onmessage = ({ data }) => {
        const message = JSON.parse(data);
        if (message.t === 'welcome')
          socket.send(
            JSON.stringify({ t: 'call-join', id: 'join-0001', microphone: true, camera: true, screen: false }),
          );
        if (message.t === 'call-joined') state.participant = message.participant;
        if (message.t === 'ack') resolve(state.participant);
        if (message.t === 'refused') reject(new Error(message.code));
        if (message.t === 'call') state.mode = message.call?.mode ?? 'none';
        if (message.t === 'call-slots') state.slots = message.slots;
      };
      socket.onclose = ({ code, reason }) => reject(new Error(`${code} ${reason}`));
    });
    socket.onopen = () => socket.send(JSON.stringify({ t: 'hello' }));
    Object.assign(globalThis, { call: { socket, state, room } });
    return joined;
  }, room);
}

/** The mode of the call as the page knows it. */
export async function modeOf(page: Page): Promise<string> {
  return page.evaluate(() => (globalThis as unknown as { call: { state: { mode: string } } }).call.state.mode);
}

/** Opens the connection to the server. */
export async function connectToServer(page: Page): Promise<void> {
  await page.evaluate(async () => {
    const { call } = globalThis as unknown as { call: { room: string; state: { participant: string } } };
    const video = { width: 320, height: 180, frameRate: 15 };
    const stream = await navigator.mediaDevices.getUserMedia({ audio: true, video });
    const peer = new RTCPeerConnection();
    const [sound] = stream.getAudioTracks();
    const [picture] = stream.getVideoTracks();
    const only = (kind: string, names: readonly string[]) =>
      RTCRtpReceiver.getCapabilities(kind)!.codecs.filter(({ mimeType }) => names.includes(mimeType.toLowerCase()));
    const codecs = { audio: only('audio', ['audio/opus']), video: only('video', ['video/vp8', 'video/rtx']) };
    const add = (kind: 'audio' | 'video', direction: RTCRtpTransceiverDirection, track?: MediaStreamTrack) =>
      peer.addTransceiver(track ?? kind, { direction }).setCodecPreferences(codecs[kind]);
    add('audio', 'sendonly', sound);
    add('video', 'sendonly', picture);
    add('video', 'sendonly');
    for (let i = 0; i < 15; i++) add('audio', 'recvonly');
    for (let i = 0; i < 8; i++) add('video', 'recvonly');
    peer.ontrack = ({ track, transceiver }) => {
      const element = document.body.appendChild(document.createElement(track.kind)) as HTMLMediaElement;
      Object.assign(element, { muted: true, autoplay: true, srcObject: new MediaStream([transceiver.receiver.track]) });
    };
    await peer.setLocalDescription();
    const response = await fetch(`/api/v1/rooms/${call.room}/call/${call.state.participant}`, {
      method: 'POST',
      headers: { 'content-type': 'application/sdp' },
      body: peer.localDescription!.sdp,
    });
    const sdp = await response.text();
    if (response.status !== 201) throw new Error(`${response.status} ${sdp}`);
    await peer.setRemoteDescription({ type: 'answer', sdp });
    Object.assign(call, { peer });
  });
}

export async function leaveCall(page: Page): Promise<void> {
  await page.evaluate(() => {
    const { call } = globalThis as unknown as { call: { socket: WebSocket; peer: RTCPeerConnection } };
    call.socket.send(JSON.stringify({ t: 'call-leave' }));
    call.peer.close();
  });
}

/** What each assigned slot has received. */
export async function slotsOf(page: Page): Promise<SlotFigures[]> {
  return page.evaluate(async () => {
    const { call } = globalThis as unknown as { call: { state: { slots: CallSlot[] }; peer: RTCPeerConnection } };
    const reports = [...(await call.peer.getStats()).values()].filter(({ type }) => type === 'inbound-rtp');
    return call.state.slots.map((slot) => {
      const report = reports.find(({ mid }) => mid === slot.mid) ?? {};
      const { kind = '', packetsReceived = 0, framesDecoded = 0, frameWidth = 0 } = report;
      return {
        ...slot,
        kind,
        packets: packetsReceived,
        frames: framesDecoded,
        width: frameWidth,
      };
    });
  });
}
