/**
 * Participants of a forwarded call in a separate process: they send recorded RTP, and decrypt and count
 * what they get.
 * In: by message, a room, credentials and a film in IVF. Out: by message, connected participants and packets.
 */
import { readFileSync } from 'node:fs';
import { printRtpPieces } from '@oxbow/media/rtp/packet';
import { createPacketExtensions } from '@oxbow/media/rtp/send/header-extensions';
import type { Peer } from '@oxbow/wire/webrtc/peer';
import {
  clientExtensions,
  clientTypes,
  openCallClient,
} from '../../src/features/rooms/call/forward/call-client.fixture.ts';
import { enterRoom } from '../../src/features/rooms/sockets/room-client.fixture.ts';

/** Options of the participants. */
export interface CallOrder {
  readonly url: string;
  readonly room: string;
  readonly cookie: string;
  readonly people: number;
  /** Path of a VP8 film in IVF, 15 pictures a second. */
  readonly film: string;
}

/** The report of the process, once a second. */
export interface CallReport {
  readonly connected: number;
  /** Packets that were sent, and those that came. */
  readonly sent: number;
  readonly video: number;
  readonly audio: number;
  readonly bytes: number;
  /** Sources that came, of all participants together. */
  readonly sources: number;
}

const counts = { connected: 0, sent: 0, video: 0, audio: 0, bytes: 0 };
const sources = new Set<string>();

const PICTURES_PER_SECOND = 15;
const { vp8: VP8, opus: OPUS } = clientTypes;
const MAX_PAYLOAD = 1100;
const OPUS_MS = 20;
/** An Opus packet of 32 kbps; the server does not look into it. */
const SOUND = new Uint8Array(80).fill(0xa5);
/** Frames of an IVF file. */
function readFrames(file: string): Uint8Array[] {
  const bytes = readFileSync(file);
  const frames: Uint8Array[] = [];
  for (let at = 32; at < bytes.length; ) {
    const length = bytes.readUInt32LE(at);
    frames.push(bytes.subarray(at + 12, at + 12 + length));
    at += 12 + length;
  }
  return frames;
}

/** Sends sound, and the film again and again, in real time. */
function send(peer: Peer, number: number, frames: readonly Uint8Array[]): void {
  const numbers = { next: 0 };
  const [soundExtensions, pictureExtensions] = ['0', '1'].map((mid) =>
    createPacketExtensions(clientExtensions, mid, numbers),
  );
  const [audioSsrc, videoSsrc] = [1000 + number, 2000 + number];
  const sequences = { audio: 0, video: 0 };
  const startMs = performance.now();
  let pictures = 0;
  setInterval(() => {
    const elapsedMs = performance.now() - startMs;
    for (; sequences.audio * OPUS_MS <= elapsedMs; sequences.audio++) {
      const fields = { payloadType: OPUS, marker: false, ssrc: audioSsrc, payload: SOUND };
      const packet = { ...fields, sequence: sequences.audio & 0xffff, timestamp: sequences.audio * 960 };
      peer.send(printRtpPieces(packet, soundExtensions, elapsedMs));
      counts.sent++;
    }
    for (; (pictures * 1000) / PICTURES_PER_SECOND <= elapsedMs; pictures++) {
      const frame = frames[(pictures + number * 7) % frames.length]!;
      for (let at = 0; at < frame.length; at += MAX_PAYLOAD) {
        const piece = frame.subarray(at, at + MAX_PAYLOAD);
        const head = [0x80 | (at === 0 ? 0x10 : 0), 0x80, 0x80 | ((pictures >> 8) & 0x7f), pictures & 0xff];
        const payload = Uint8Array.from([...head, ...piece]);
        const marker = at + MAX_PAYLOAD >= frame.length;
        const timestamp = (pictures * 90_000) / PICTURES_PER_SECOND;
        const sequence = sequences.video++ & 0xffff;
        const packet = { payloadType: VP8, marker, ssrc: videoSsrc, sequence, timestamp, payload };
        peer.send(printRtpPieces(packet, pictureExtensions, elapsedMs));
        counts.sent++;
      }
    }
  }, 5);
}

/** Opens the connection of a participant, on a separate port, as browsers do. */
async function connect({ url, room, cookie }: CallOrder, participant: string, number: number, film: Uint8Array[]) {
  const post = async (body: string) => {
    const response = await fetch(`${url}/api/v1/rooms/${room}/call/${participant}`, {
      method: 'POST',
      headers: { 'content-type': 'application/sdp', origin: url, cookie },
      body,
    });
    if (response.status !== 201) throw new Error(`${response.status} ${await response.text()}`);
    return response.text();
  };
  const { peer } = await openCallClient(post, {
    onConnected() {
      counts.connected++;
      send(peer, number, film);
    },
    onPacket(packet) {
      counts[(packet[1]! & 0x7f) === VP8 ? 'video' : 'audio']++;
      counts.bytes += packet.length;
      sources.add(`${participant} ${Buffer.from(packet).readUInt32BE(8)}`);
    },
    onReport: () => {},
    onClosed: () => counts.connected--,
  });
}

process.on('message', async (order: CallOrder) => {
  const { url, room, cookie, people } = order;
  const film = readFrames(order.film);
  const participants: string[] = [];
  for (let n = 0; n < people; n++) {
    const client = await enterRoom(url, room, { headers: { cookie, origin: url } });
    client.send({ t: 'call-join', id: 'join-0001', microphone: true, camera: true, screen: false });
    participants.push((await client.next('call-joined')).participant);
  }
  for (const [n, participant] of participants.entries()) await connect(order, participant, n, film);
});
process.on('disconnect', () => process.exit(0));
setInterval(() => process.send?.({ ...counts, sources: sources.size } satisfies CallReport), 1000);
