/**
 * How far sound and picture are apart, by flash and beep: of a stream that a page plays over WHEP, of a page
 * that is connected to itself, and of a stream that a page publishes over WHIP.
 * In: the test picture, whose tone begins with each UTC second; a page that draws a flash and plays a beep
 * each second. Out: milliseconds; sound that is later than its picture is positive.
 */
import type { Page } from 'playwright-core';
import { BEEP_LEVEL, BEEP_SILENCE_S, beepsOf } from '../../test/fixtures/beeps.ts';
import { run } from '../../test/fixtures/ffmpeg.ts';
import { median, quantile, sorted } from '../report.ts';
import { watchFrames } from './live.ts';

/** Offsets of one measurement, ms. */
export interface Offsets {
  readonly beeps: number;
  readonly p50: number;
  /** The largest distance in either direction. */
  readonly worst: number;
}

declare global {
  /** When beeps were played, ms since 1970. */
  var oxbowBeeps: number[] | undefined;
  /** The result of {@link createFlashes}. */
  var oxbowFlashes: MediaStream | undefined;
}

/**
 * Sound and picture of the test picture on a page that plays it, for `seconds`: the delay of each beep after
 * its second, less the delay of the pictures at p50.
 */
export async function playedOffsets(page: Page, seconds: number): Promise<Offsets> {
  await page.evaluate(hear, { level: BEEP_LEVEL, silenceS: BEEP_SILENCE_S });
  const frames = await watchFrames(page, seconds);
  const beeps = await page.evaluate(() => globalThis.oxbowBeeps!);
  const pictureMs = median(frames.flatMap(({ atMs, utcMs }) => (utcMs === null ? [] : [atMs - utcMs])));
  // A beep is late by less than a second.
  return offsetsOf(beeps.map((atMs) => (((atMs % 1000) + 1000) % 1000) - pictureMs));
}

/** Runs in the page: notes when beeps leave the speaker. */
async function hear({ level, silenceS }: { level: number; silenceS: number }): Promise<void> {
  const { video } = globalThis as unknown as { video: HTMLVideoElement };
  video.muted = false; // Chromium decodes no sound for a muted element.
  const beeps: number[] = [];
  globalThis.oxbowBeeps = beeps;
  const context = new AudioContext({ latencyHint: 'interactive' });
  const code = `registerProcessor('beeps', class extends AudioWorkletProcessor {
    quiet = 0;
    process([[samples]]) {
      samples?.forEach((sample, i) => {
        if (Math.abs(sample) < ${level}) { this.quiet++; return; }
        if (this.quiet > ${silenceS} * sampleRate) this.port.postMessage(currentTime + i / sampleRate);
        this.quiet = 0;
      });
      return true;
    }
  })`;
  await context.audioWorklet.addModule(URL.createObjectURL(new Blob([code], { type: 'text/javascript' })));
  const node = new AudioWorkletNode(context, 'beeps');
  node.port.onmessage = ({ data }) => {
    const { contextTime, performanceTime } = context.getOutputTimestamp();
    beeps.push(performance.timeOrigin + performanceTime! + (data - contextTime!) * 1000);
  };
  context
    .createMediaStreamSource(video.srcObject as MediaStream)
    .connect(node)
    .connect(context.destination);
}

/**
 * Runs in the page: a flash and a beep at each full second, as a stream. The strip of the test picture names
 * the time at which each picture was drawn; its geometry is that of src/ffmpeg/strip.ts, which a page cannot
 * import.
 */
function createFlashes(): void {
  const canvas = document.body.appendChild(document.createElement('canvas'));
  Object.assign(canvas, { width: 640, height: 360 });
  const picture = canvas.getContext('2d')!;
  const context = new AudioContext({ sampleRate: 48_000 });
  const out = context.createMediaStreamDestination();
  const gain = new GainNode(context, { gain: 0 });
  const tone = new OscillatorNode(context, { frequency: 1000 });
  tone.connect(gain).connect(out);
  tone.start();
  let beat = 0;
  const beep = () => {
    const nowMs = performance.timeOrigin + performance.now();
    const next = Math.ceil((nowMs + 200) / 1000);
    if (next === beat) return;
    beat = next;
    const atS = context.currentTime + (next * 1000 - nowMs) / 1000;
    gain.gain.setValueAtTime(0.5, atS).setValueAtTime(0, atS + 0.1);
  };
  const drawStrip = (utcMs: number) => {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setUint16(0, utcMs / 2 ** 32);
    new DataView(bytes.buffer).setUint32(2, utcMs % 2 ** 32);
    bytes[7] = bytes.reduce((check, byte) => check ^ byte);
    for (let block = 0; block < 64; block++) {
      picture.fillStyle = bytes[block >> 3]! & (0x80 >> (block & 7)) ? 'white' : 'black';
      picture.fillRect(block * 10, 0, 10, 20);
    }
  };
  const draw = () => {
    const nowMs = performance.timeOrigin + performance.now();
    picture.fillStyle = nowMs % 1000 < 100 ? 'white' : 'black';
    picture.fillRect(0, 0, 640, 360);
    picture.fillStyle = 'gray';
    picture.fillRect((nowMs / 10) % 640, 340, 8, 8);
    drawStrip(Math.floor(nowMs));
    beep();
    requestAnimationFrame(draw);
  };
  draw();
  const tracks = [...canvas.captureStream(30).getVideoTracks(), ...out.stream.getAudioTracks()];
  globalThis.oxbowFlashes = new MediaStream(tracks);
}

/**
 * Publishes a flash and a beep at each full second from a page. Returns the address of the session, or the
 * problem.
 */
export async function publishFlashes(page: Page, url: string, key: string): Promise<string> {
  await page.evaluate(createFlashes);
  return page.evaluate(
    async ([url, key]) => {
      const media = globalThis.oxbowFlashes!;
      const peer = new RTCPeerConnection();
      for (const track of media.getTracks()) peer.addTransceiver(track, { direction: 'sendonly', streams: [media] });
      await peer.setLocalDescription();
      const headers = { 'content-type': 'application/sdp', authorization: `Bearer ${key}` };
      const response = await fetch(url!, { method: 'POST', headers, body: peer.localDescription!.sdp });
      if (response.status !== 201) return `${response.status} ${await response.text()}`;
      await peer.setRemoteDescription({ type: 'answer', sdp: await response.text() });
      Object.assign(globalThis, { peer });
      return new URL(response.headers.get('location')!, url).href;
    },
    [url, key] as const,
  );
}

/** Plays them over a connection of the page to itself: what the browser and this measurement add. */
export async function playOwnFlashes(page: Page): Promise<void> {
  await page.evaluate(createFlashes);
  await page.evaluate(async () => {
    const media = globalThis.oxbowFlashes!;
    const [from, to] = [new RTCPeerConnection(), new RTCPeerConnection()];
    from.onicecandidate = ({ candidate }) => void to.addIceCandidate(candidate ?? undefined);
    to.onicecandidate = ({ candidate }) => void from.addIceCandidate(candidate ?? undefined);
    const video = document.body.appendChild(document.createElement('video'));
    Object.assign(video, { muted: true, autoplay: true });
    to.ontrack = ({ streams }) => {
      video.srcObject = streams[0]!;
    };
    for (const track of media.getTracks()) from.addTransceiver(track, { direction: 'sendonly', streams: [media] });
    await from.setLocalDescription();
    await to.setRemoteDescription(from.localDescription!);
    await to.setLocalDescription();
    await from.setRemoteDescription(to.localDescription!);
    Object.assign(globalThis, { peer: to, video });
  });
}

/** Sound and picture of a file with a flash and a beep each second. */
export async function recordedOffsets(file: string): Promise<Offsets> {
  const flashes = await flashesOf(file);
  const beeps = await beepsOf(file);
  const offsets = beeps.flatMap((beep) => {
    const nearest = flashes.toSorted((a, b) => Math.abs(a - beep) - Math.abs(b - beep))[0];
    return nearest !== undefined && Math.abs(nearest - beep) < 500 ? [beep - nearest] : [];
  });
  return offsetsOf(offsets);
}

/** Times of the first bright picture of each flash, ms. */
async function flashesOf(file: string): Promise<number[]> {
  const graph = `movie=${file.replaceAll(':', '\\:')},signalstats`;
  const entries = 'frame=pts_time:frame_tags=lavfi.signalstats.YAVG';
  const { stdout } = await run('ffprobe', [
    '-v',
    'error',
    '-f',
    'lavfi',
    '-of',
    'csv=p=0',
    '-show_entries',
    entries,
    graph,
  ]);
  const flashes: number[] = [];
  let isBright = true;
  for (const line of stdout.toString().split('\n').filter(Boolean)) {
    const [atS, luma] = line.split(',').map(Number) as [number, number];
    if (luma > 128 && !isBright) flashes.push(atS * 1000);
    isBright = luma > 128;
  }
  return flashes;
}

function offsetsOf(offsets: readonly number[]): Offsets {
  return {
    beeps: offsets.length,
    p50: median(offsets),
    worst: quantile(sorted(offsets.map(Math.abs)), 1),
  };
}
