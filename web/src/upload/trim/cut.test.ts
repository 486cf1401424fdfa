import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  BlobSource,
  BufferTarget,
  EncodedPacket,
  EncodedPacketSink,
  EncodedVideoPacketSource,
  Input,
  MP4,
  Mp4OutputFormat,
  Output,
} from 'mediabunny';
import { cutFilm } from './cut.ts';
import { Film } from './film.ts';

const FRAME_S = 1 / 25;
/** Between two key frames, frames. */
const GROUP = 50;

/** A film of four seconds, of which an edit list hides what is before 0. @param hiddenS at its start */
async function makeFilm(hiddenS: number): Promise<File> {
  const target = new BufferTarget();
  const output = new Output({ format: new Mp4OutputFormat(), target });
  const source = new EncodedVideoPacketSource('vp9');
  output.addVideoTrack(source);
  await output.start();
  for (let i = 0; i < 100; i++) {
    const type = i % GROUP === 0 ? 'key' : 'delta';
    const packet = new EncodedPacket(new Uint8Array([i, 1, 2, 3]), type, i * FRAME_S - hiddenS, FRAME_S);
    const decoderConfig = { codec: 'vp09.00.10.08', codedWidth: 160, codedHeight: 90 };
    await source.add(packet, { decoderConfig });
  }
  await output.finalize();
  return new File([target.buffer!], 'film.mp4');
}

/** A storage for cuts in memory, in place of the browser's. */
function standIn(): void {
  const files = new Map<string, number[]>();
  const folder = {
    getDirectoryHandle: async () => folder,
    removeEntry: async (name: string) => void files.delete(name),
    async getFileHandle(name: string) {
      const bytes = files.get(name) ?? [];
      files.set(name, bytes);
      const createWritable = async () => ({
        async write({ position, data }: { position: number; data: Uint8Array }) {
          for (const [i, byte] of data.entries()) bytes[position + i] = byte;
        },
        close: async () => {},
        abort: async () => {},
      });
      return { createWritable, getFile: async () => new File([new Uint8Array(bytes)], name) };
    },
  };
  const storage = { getDirectory: async () => folder, estimate: async () => ({}) };
  const locks = { request: (_: string, use: () => Promise<void>) => use() };
  Object.defineProperty(globalThis, 'navigator', { value: { storage, locks }, configurable: true });
}

async function cut(film: File, from: number, to: number) {
  const opened = await Film.open(film);
  const { signal } = new AbortController();
  const range = await opened.cutAtKeys({ from, to });
  const options = { range: { from, to }, mode: 'keys', name: 'film.mp4', fileBytes: film.size, signal } as const;
  const { file } = await cutFilm(opened, Object.assign({ onProgress: () => {} }, options));
  opened.close();
  const input = new Input({ source: new BlobSource(file), formats: [MP4] });
  const track = (await input.getPrimaryVideoTrack())!;
  const frames: [number, number][] = [];
  for await (const { data, timestamp } of new EncodedPacketSink(track).packets()) {
    frames.push([data[0]!, Math.round(timestamp / FRAME_S)]);
  }
  input.dispose();
  return { range, first: frames[0], shown: frames.filter(([, at]) => at >= 0).map(([frame]) => frame) };
}

test('a cut begins at a key frame, and what an edit list of the film hides stays hidden', async () => {
  standIn();
  const frames = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);
  assert.deepEqual(await cut(await makeFilm(0), 2.4, 3), {
    range: { from: 2, to: 3 },
    first: [50, 0],
    shown: frames(50, 75),
  });
  // Its first second is hidden: pictures that follow need its key frame.
  assert.deepEqual(await cut(await makeFilm(1), 0.4, 0.8), {
    range: { from: 0, to: 0.8 },
    first: [0, -25],
    shown: frames(25, 45),
  });
});
