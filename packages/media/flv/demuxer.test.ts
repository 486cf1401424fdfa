import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { suite, test } from 'node:test';
import { makeTs, PICTURE, TONE, X264 } from '../mpegts/media.fixture.ts';
import { fuzzFlvDemuxer } from './fuzz.fixture.ts';
import { type Demuxed, demux, flvOf } from './media.fixture.ts';
import { FLV_TYPE, type FlvMessage } from './message.ts';

/** MD5 of each packet of a file, as ffmpeg's own demuxer reads it, with its decode time in ms. */
function packetMd5(args: readonly string[], kind: 'v' | 'a'): string[] {
  const path = makeTs(args, 'flv');
  const text = execFileSync('ffmpeg', [
    '-v',
    'error',
    '-i',
    path,
    '-map',
    `0:${kind}`,
    '-c',
    'copy',
    '-f',
    'framemd5',
    '-',
  ]);
  const lines = text
    .toString()
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  return lines.map((line) => line.split(',').at(-1)!.trim());
}

const md5 = (data: Uint8Array) => createHash('md5').update(data).digest('hex');
const ofKind = ({ tracks, frames }: Demuxed, kind: 'video' | 'audio') => {
  const id = tracks.at(-1)!.find((track) => track.kind === kind)!.id;
  return frames.filter(({ trackId }) => trackId === id);
};
const FILM = [...PICTURE, ...TONE, '-t', '4', ...X264, '-c:a', 'aac', '-ar', '44100'];

suite('files of ffmpeg', () => {
  test('H.264 and AAC: each packet is a frame with the same bytes, audio is on the grid of its samples', () => {
    const demuxed = demux(flvOf(FILM));
    assert.deepEqual(demuxed.damage, []);
    assert.equal(demuxed.tracks.length, 1);
    const [video, audio] = demuxed.tracks[0]!;
    assert.deepEqual([video!.config.codecs, video!.timescale], ['avc1.64000b', 90_000]);
    assert.deepEqual([audio!.config.codecs, audio!.timescale], ['mp4a.40.2', 44_100]);
    const pictures = ofKind(demuxed, 'video');
    assert.deepEqual(
      pictures.map(({ data }) => md5(data)),
      packetMd5(FILM, 'v'),
    );
    assert.ok(pictures.every(({ dts, duration }, i) => dts === i * 3600 && duration === 3600));
    assert.deepEqual(
      pictures.flatMap(({ key }, i) => (key ? [i] : [])),
      [0, 25, 50, 75],
    );
    const sound = ofKind(demuxed, 'audio');
    assert.deepEqual(
      sound.map(({ data }) => md5(data)),
      packetMd5(FILM, 'a'),
    );
    assert.ok(sound.every(({ dts }, i) => i === 0 || dts === sound[i - 1]!.dts + 1024));
  });

  test('MP3 beside H.264', () => {
    const args = [...PICTURE, ...TONE, '-t', '2', ...X264, '-c:a', 'libmp3lame', '-ar', '44100'];
    const demuxed = demux(flvOf(args));
    assert.equal(demuxed.tracks[0]![1]!.config.codecs, 'mp4a.6B');
    assert.deepEqual(
      ofKind(demuxed, 'audio').map(({ data }) => md5(data)),
      packetMd5(args, 'a'),
    );
    assert.deepEqual(demuxed.damage, []);
  });

  test('30 frames a second in milliseconds: durations are those of the frame rate as soon as it is known', () => {
    const picture = ['-f', 'lavfi', '-i', 'testsrc2=s=160x90:r=30'];
    const demuxed = demux(flvOf([...picture, '-t', '4', ...X264, '-an']));
    const frames = ofKind(demuxed, 'video');
    assert.equal(frames.length, 120);
    assert.ok(frames.slice(6, -1).every(({ duration }) => Math.abs(duration - 3000) <= 1));
    assert.ok(frames.every(({ dts, pts }) => dts <= pts));
  });

  test('codecs that oxbow cannot store are named', () => {
    const args = [...PICTURE, ...TONE, '-t', '1', '-c:v', 'flv1', '-c:a', 'aac'];
    const demuxed = demux(flvOf(args));
    assert.deepEqual(demuxed.leftOut, [{ kind: 'video', name: 'Sorenson H.263 video' }]);
    assert.deepEqual(
      demuxed.tracks.map((tracks) => tracks.map(({ kind }) => kind)),
      [['audio']],
    );
    const speech = demux(flvOf([...PICTURE, ...TONE, '-t', '1', ...X264, '-c:a', 'libspeex', '-ar', '16000']));
    assert.deepEqual(speech.leftOut, [{ kind: 'audio', name: 'Speex audio' }]);
  });
});

suite('timestamps', () => {
  const shifted = (messages: readonly FlvMessage[], byMs: number): FlvMessage[] =>
    messages.map((message) => ({ ...message, timestampMs: (message.timestampMs + byMs) >>> 0 }));

  test('the wrap of 32 bits leaves no trace', () => {
    const before = demux(flvOf(FILM));
    const demuxed = demux(
      shifted(
        flvOf(FILM).filter(({ type }) => type !== FLV_TYPE.script),
        2 ** 32 - 1700,
      ),
    );
    assert.deepEqual(demuxed.damage, []);
    const steps = ofKind(demuxed, 'video').map(({ dts }) => dts - (2 ** 32 - 1700) * 90);
    assert.deepEqual(
      steps,
      ofKind(before, 'video').map(({ dts }) => dts),
    );
  });

  test('a clock that is set back passes as it is, for the stream to begin a run', () => {
    const messages = flvOf(FILM);
    const demuxed = demux([...shifted(messages, 60_000), ...messages]);
    assert.deepEqual(demuxed.damage, []);
    const frames = ofKind(demuxed, 'video');
    assert.equal(frames.length, 200);
    assert.equal(frames[100]!.dts, 0);
  });

  test('two frames with one timestamp are both kept: the ones after them refer to them', () => {
    const film = flvOf([...PICTURE, '-t', '2', ...X264, '-bf', '0', '-an']);
    let pictures = 0;
    let firstMs = 0;
    const doubled = film.map((message) => {
      if (message.type !== FLV_TYPE.video || message.body[1] !== 1) return message;
      if (pictures++ % 2 === 0) firstMs = message.timestampMs;
      return { ...message, timestampMs: firstMs };
    });
    const { frames, damage } = demux(doubled);
    assert.deepEqual(damage, []);
    assert.equal(frames.length, 50);
    assert.ok(frames.every(({ dts }, i) => i === 0 || dts > frames[i - 1]!.dts));
  });

  test('timestamps that are set back by less than half a second lose no frame, and begin a run at a key frame', () => {
    const film = flvOf([...PICTURE, '-t', '2', ...X264, '-bf', '0', '-g', '25', '-an']);
    const setBackAt = (picture: number) => {
      let pictures = 0;
      return film.map((message) => {
        const isPicture = message.type === FLV_TYPE.video && message.body[1] === 1;
        const isBack = isPicture && pictures++ >= picture;
        return isBack ? { ...message, timestampMs: message.timestampMs - 200 } : message;
      });
    };
    const within = demux(setBackAt(30));
    assert.deepEqual([within.frames.length, within.damage], [50, []]);
    assert.ok(within.frames.every(({ dts }, i) => i === 0 || dts > within.frames[i - 1]!.dts));
    const atKey = demux(setBackAt(25));
    assert.deepEqual([atKey.frames.length, atKey.damage], [50, []]);
    const [last, first] = [atKey.frames[24]!, atKey.frames[25]!];
    assert.ok(first.key && first.dts < last.dts, 'the stream begins a run');
  });

  test('a negative composition time makes decode times earlier, never later than the presentation', () => {
    const messages = flvOf(FILM).map((message) => {
      if (message.type !== FLV_TYPE.video || message.body[1] !== 1) return message;
      const body = message.body.slice();
      const composition = (new DataView(body.buffer).getInt32(1) << 8) >> 8;
      new DataView(body.buffer).setUint32(1, ((1 << 24) | ((composition - 80) & 0xffffff)) >>> 0);
      return { ...message, body };
    });
    const frames = ofKind(demux(messages), 'video');
    assert.ok(frames.every(({ dts, pts }) => dts <= pts));
    assert.ok(frames.every(({ dts }, i) => i === 0 || dts > frames[i - 1]!.dts));
    assert.equal(frames.length, 100);
  });
});

test('500 malformed messages in a row end the connection, fewer are counted', () => {
  const bad: FlvMessage = { type: FLV_TYPE.video, timestampMs: 0, body: Uint8Array.of(0x17, 9, 0, 0, 0) };
  assert.equal(demux(Array.from({ length: 499 }, () => bad)).damage.length, 499);
  assert.throws(() => demux(Array.from({ length: 500 }, () => bad)), { name: 'FormatError' });
});

test('2,000 harmed messages are frames, damage, or a FormatError', () => {
  assert.ok(fuzzFlvDemuxer(1, 2000) > 200);
});
