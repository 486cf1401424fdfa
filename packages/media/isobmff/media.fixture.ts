/**
 * Small synthetic media for the tests of formats: tracks, frames, and a repeatable source of chance.
 * In: seeds and counts. Out: values. Used by tests only. Pure.
 */
import { FormatError } from '../errors.ts';
import type { AudioConfig, AudioTrack, DataTrack, Frame, TextTrack, Track, VideoConfig, VideoTrack } from '../frame.ts';
import { seeded } from '../random.fixture.ts';

/** An H.264 track of 160×90 at 90 kHz. */
export const videoTrack: Track = {
  id: 1,
  kind: 'video',
  timescale: 90_000,
  language: 'und',
  label: '',
  config: {
    codec: 'h264',
    record: Uint8Array.from([1, 0x64, 0, 0x1f, 0xff, 0xe1, 0, 4, 0x67, 0x64, 0, 0x1f, 1, 0, 2, 0x68, 0xee]),
    codecs: 'avc1.64001f',
    width: 160,
    height: 90,
  },
};

export const hevcTrack: Track = {
  id: 1,
  kind: 'video',
  timescale: 90_000,
  language: 'und',
  label: '',
  config: {
    codec: 'hevc',
    record: Uint8Array.from([
      1, 1, 0x60, 0, 0, 0, 0x90, 0, 0, 0, 0, 0, 93, 0xf0, 0, 0xfc, 0xfd, 0xf8, 0xf8, 0, 0, 0x0f, 0,
    ]),
    codecs: 'hvc1.1.6.L93.90',
    width: 1920,
    height: 1080,
  },
};

/** An AAC track, stereo, 48 kHz. */
export const audioTrack: Track = {
  id: 2,
  kind: 'audio',
  timescale: 48_000,
  language: 'deu',
  label: 'Original',
  config: { codec: 'aac', record: Uint8Array.of(0x11, 0x90), codecs: 'mp4a.40.2', sampleRate: 48_000, channels: 2 },
};

function video(config: VideoConfig): VideoTrack {
  return { id: 1, kind: 'video', timescale: 90_000, language: 'und', label: '', config };
}

function audio(config: AudioConfig): AudioTrack {
  return { id: 2, kind: 'audio', timescale: config.sampleRate, language: 'eng', label: '', config };
}

/** AV1 main profile, level 2.0, 8 bits, as SVT-AV1 makes it. */
export const av1Track = video({
  codec: 'av1',
  codecs: 'av01.0.00M.08',
  width: 160,
  height: 90,
  record: Uint8Array.from([
    0x81, 0x00, 0x0c, 0x00, 0x0a, 0x0a, 0x00, 0x00, 0x00, 0x01, 0x27, 0xf2, 0xc5, 0x9b, 0xff, 0x30,
  ]),
});

/** VP9 profile 0, level 3.1, 8 bits, 4:2:0. */
export const vp9Track = video({
  codec: 'vp9',
  codecs: 'vp09.00.31.08',
  width: 1280,
  height: 720,
  record: Uint8Array.from([1, 0, 0, 0, 0, 31, 0x82, 2, 2, 2, 0, 0]),
});

/** MP3, stereo, 48 kHz. */
export const mp3Track = audio({
  codec: 'mp3',
  record: new Uint8Array(0),
  codecs: 'mp4a.6B',
  sampleRate: 48_000,
  channels: 2,
});

/** AC-3, 5.1, 48 kHz, 384 kbit/s. */
export const ac3Track = audio({
  codec: 'ac3',
  record: Uint8Array.from([0x10, 0x3d, 0xc0]),
  codecs: 'ac-3',
  sampleRate: 48_000,
  channels: 6,
});

/** E-AC-3, 7.1: 5.1 and a dependent substream with Lrs and Rrs. */
export const eac3Track = audio({
  codec: 'eac3',
  codecs: 'ec-3',
  sampleRate: 48_000,
  channels: 8,
  record: Uint8Array.from([0x0c, 0x00, 0x20, 0x0f, 0x02, 0x02]),
});

/** Opus, stereo, as libopus makes it. */
export const opusTrack = audio({
  codec: 'opus',
  codecs: 'opus',
  sampleRate: 48_000,
  channels: 2,
  record: Uint8Array.from([0, 2, 0x01, 0x38, 0, 0, 0xbb, 0x80, 0, 0, 0]),
});

/** FLAC, stereo, 16 bits, frames of 4608 samples. */
export const flacTrack = audio({
  codec: 'flac',
  codecs: 'fLaC',
  sampleRate: 48_000,
  channels: 2,
  record: Uint8Array.from([
    ...[0, 0, 0, 0, 0x80, 0, 0, 34, 0x12, 0, 0x12, 0, 0, 0, 0, 0, 0, 0],
    ...[0x0b, 0xb8, 0x02, 0xf0, ...new Uint8Array(20)],
  ]),
});

/** WebVTT with a region. */
export const textTrack: TextTrack = {
  id: 3,
  kind: 'text',
  timescale: 1000,
  language: 'fr-CA',
  label: 'Français',
  config: {
    codec: 'webvtt',
    record: new TextEncoder().encode('WEBVTT\n\nREGION\nid:one\nwidth:40%'),
    codecs: 'wvtt',
  },
};

/** SCTE 35. */
export const dataTrack: DataTrack = {
  id: 4,
  kind: 'data',
  timescale: 90_000,
  language: 'und',
  label: '',
  config: { codec: 'scte35', record: new Uint8Array(0), codecs: '' },
};

/** A track of each codec. */
export const allTracks: readonly Track[] = [
  ...[
    videoTrack,
    hevcTrack,
    av1Track,
    vp9Track,
    audioTrack,
    mp3Track,
    ac3Track,
    eac3Track,
    opusTrack,
    flacTrack,
    textTrack,
  ],
  ...(['id3', 'scte35', 'daterange'] as const).map(
    (codec): Track => ({ ...dataTrack, config: { ...dataTrack.config, codec } }),
  ),
];

/**
 * Frames of a track: video at 25 fps with two B-frames in three and a key frame every 25, audio as it comes.
 *
 * @param fromDts ticks
 */
export function framesOf(track: Track, count: number, fromDts = 0, random = seeded(5)): Frame[] {
  const step = track.kind === 'video' ? track.timescale / 25 : 1024;
  return Array.from({ length: count }, (_, i) => {
    const dts = fromDts + i * step;
    const offset = track.kind === 'audio' ? 0 : [2, 3, 0, 1][i % 25 === 0 ? 0 : 1 + ((i - 1) % 3)]! * step;
    const data = Uint8Array.from({ length: 20 + random(60) }, () => random(256));
    if (track.kind === 'video') data.set([0, 0, 0, data.length - 4]);
    return {
      trackId: track.id,
      dts,
      pts: dts + offset,
      duration: step,
      key: track.kind === 'audio' || i % 25 === 0,
      data,
    };
  });
}

/**
 * Runs `parse` on damaged copies of a good input; anything but FormatError comes out of here.
 *
 * @param rounds damaged copies
 */
export function fuzz(good: Uint8Array, rounds: number, parse: (bytes: Uint8Array) => void, seed = 9): void {
  const random = seeded(seed);
  for (let round = 0; round < rounds; round++) {
    const bytes = new Uint8Array(good.subarray(0, random(4) === 0 ? random(good.length + 1) : good.length));
    for (let i = 1 + random(6); i > 0 && bytes.length > 0; i--) {
      const at = random(bytes.length);
      // Whole fields at once reach further into a parser than single bytes do.
      if (random(3) === 0) bytes.fill(random(2) * 255, at, at + 4);
      else bytes[at] = random(256);
    }
    try {
      parse(bytes);
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
    }
  }
}
