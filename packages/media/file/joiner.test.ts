import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { AudioTrack, VideoTrack } from '../frame.ts';
import { FileTracks, type MediaTrack } from './file-tracks.ts';
import { type FileSample, fromKey, Joiner, type StoredLine } from './joiner.ts';

const video: VideoTrack = {
  id: 1,
  kind: 'video',
  timescale: 90_000,
  language: 'und',
  label: '',
  config: { codec: 'h264', record: Uint8Array.of(1, 2), codecs: 'avc1.64001f', width: 640, height: 360 },
};
const audio: AudioTrack = {
  id: 2,
  kind: 'audio',
  timescale: 48_000,
  language: 'eng',
  label: '',
  config: { codec: 'aac', record: Uint8Array.of(0x11, 0x90), codecs: 'mp4a.40.2', sampleRate: 48_000, channels: 2 },
};

/** `count` samples from `fromS` on; pictures are decoded `delayS` before they are shown. */
function line(
  tracks: FileTracks,
  track: MediaTrack,
  fromS: number,
  count: number,
  lastsS: number,
  delayS = 0,
): StoredLine {
  const place = tracks.place([track], 'then').get(track.id)!;
  const ticks = (s: number) => Math.round(s * track.timescale);
  const samples = Array.from({ length: count }, (_, i): FileSample => {
    const pts = ticks(fromS + i * lastsS);
    const duration = ticks(fromS + (i + 1) * lastsS) - pts;
    return { dts: pts - ticks(delayS), pts, duration, key: i === 0, length: 1, data: undefined };
  });
  return { place, track, samples };
}

const seconds = ({ place, samples }: { place: StoredLine['place']; samples: readonly FileSample[] }, i: number) =>
  samples.at(i)!.pts / place.fileTrack.track.timescale;

suite('joining stretches', () => {
  test('the file begins at 0 with the first picture, and sound keeps its distance to it', () => {
    const tracks = new FileTracks('mp4');
    const joiner = new Joiner();
    const [pictures, sound] = joiner.place(
      [line(tracks, video, 70_000.4, 50, 0.04, 0.08), line(tracks, audio, 70_000.413, 94, 1024 / 48_000)],
      { fresh: true },
    );
    assert.equal(pictures!.samples[0]!.pts, 0);
    assert.equal(pictures!.samples[0]!.dts, -7200);
    assert.ok(Math.abs(seconds(sound!, 0) - 0.013) < 1 / 48_000);
  });

  test('a hole is closed up, and the tracks of what follows are as far apart as they were', () => {
    const tracks = new FileTracks('mp4');
    const joiner = new Joiner();
    joiner.place([line(tracks, video, 10, 50, 0.04, 0.08), line(tracks, audio, 10, 93, 1024 / 48_000)], {
      fresh: true,
    });
    const end = joiner.duration / 90_000;
    assert.equal(end, 2);
    const [pictures, sound] = joiner.place(
      [line(tracks, video, 5, 25, 0.04, 0.08), line(tracks, audio, 5.01, 46, 1024 / 48_000)],
      { fresh: true },
    );
    assert.equal(seconds(pictures!, 0), 2);
    assert.ok(Math.abs(seconds(sound!, 0) - 2.01) < 1 / 48_000);
  });

  test('decode times never go back where stretches with another delay meet', () => {
    const tracks = new FileTracks('mp4');
    const joiner = new Joiner();
    const [first] = joiner.place([line(tracks, video, 0, 10, 0.04)], { fresh: true });
    const [second] = joiner.place([line(tracks, video, 0, 10, 0.04, 0.12)], { fresh: true });
    const all = [...first!.samples, ...second!.samples];
    for (let i = 1; i < all.length; i++) assert.ok(all[i]!.dts > all[i - 1]!.dts);
    for (const { dts, pts } of all) assert.ok(pts >= dts);
    assert.equal(seconds(second!, 0), 0.52);
  });

  test('audio of another timescale continues in the ticks of the first, without drift', () => {
    const tracks = new FileTracks('mp4');
    const joiner = new Joiner();
    joiner.place([line(tracks, audio, 0, 47, 1024 / 48_000)], { fresh: true });
    const [again] = joiner.place([line(tracks, { ...audio, timescale: 90_000 }, 3, 469, 1024 / 48_000)], {
      fresh: true,
    });
    assert.equal(again!.place.fileTrack.track.timescale, 48_000);
    const lastS = seconds(again!, 0) + 468 * (1024 / 48_000);
    assert.ok(Math.abs(seconds(again!, -1) - lastS) < 2 / 48_000);
  });

  test('a stretch begins at its key frame: what is shown before it is left out', () => {
    const picture = (pts: number, key = false) => ({ pts, key });
    const samples = [picture(1), picture(10, true), picture(6), picture(8), picture(14), picture(12)];
    assert.deepEqual(
      fromKey(samples).map(({ pts }) => pts),
      [10, 14, 12],
    );
    assert.deepEqual(fromKey([picture(1)]), []);
  });
});

suite('the tracks of a joined file', () => {
  test('another configuration of the same codec continues in the same track, and is reused when it returns', () => {
    const tracks = new FileTracks('mp4');
    const other = { ...video, config: { ...video.config, record: Uint8Array.of(1, 3), width: 1280 } };
    const indexes = [video, other, video].map((track) => tracks.place([track, audio], 'then').get(1)!.config);
    assert.deepEqual(indexes, [0, 1, 0]);
    assert.equal(tracks.all.length, 2);
    assert.equal(tracks.changes, true);
  });

  test('audio continues in the track of its language', () => {
    const tracks = new FileTracks('mkv');
    const german = { ...audio, id: 3, language: 'deu' };
    const first = tracks.place([video, audio, german], 'then');
    const later = tracks.place([video, { ...german, id: 2 }, { ...audio, id: 3 }], 'then');
    assert.equal(later.get(2)!.fileTrack, first.get(3)!.fileTrack);
    assert.equal(later.get(3)!.fileTrack, first.get(2)!.fileTrack);
  });

  test('a change that one file cannot hold is refused with its moment', () => {
    const hevc = { ...video, config: { ...video.config, codec: 'hevc' as const } };
    const mono = { ...audio, config: { ...audio.config, channels: 1 } };
    for (const [track, words] of [
      [hevc, /The pictures change from H\.264 to HEVC at 08:00/],
      [mono, /The sound changes from AAC with 48000 Hz and 2 channels to AAC with 48000 Hz and 1 channels at 08:00/],
    ] as const) {
      const tracks = new FileTracks('mp4');
      tracks.place([video, audio], '07:00');
      assert.throws(() => tracks.place([track], '08:00'), { code: 'unsupported-media', message: words });
    }
  });

  test('a codec that has no place in the format is named', () => {
    const vp9 = { ...video, config: { ...video.config, codec: 'vp9' as const } };
    assert.throws(() => new FileTracks('ts').place([vp9], 'then'), {
      code: 'unsupported-media',
      message: /VP9 .*\.ts/,
    });
  });

  test('text and data have no place', () => {
    const config = { codec: 'id3' as const, record: new Uint8Array(0), codecs: '' as const };
    const data = { id: 5, kind: 'data' as const, timescale: 90_000, language: 'und', label: '', config };
    assert.equal(new FileTracks('mp4').place([video, data], 'then').size, 1);
  });
});
