import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Track } from './frame.ts';
import { audioTrack, videoTrack } from './isobmff/media.fixture.ts';
import { codecsOf, renditionsOf, tsRenditionOf } from './rendition-set.ts';

const audio = (id: number, language: string): Track => ({ ...audioTrack, id, language });
const ids = (tracks: readonly Track[]) => {
  const { all, variants, audio: sounds } = renditionsOf(tracks);
  return [all, variants, sounds].map((list) => list.map(({ id }) => id));
};

suite('renditions by role (rules 15a and 17)', () => {
  test('one video and one audio track are offered together, video bytes first, and each alone', () => {
    assert.deepEqual(ids([audioTrack, videoTrack]), [['av0', 'v0', 'a0'], ['av0'], []]);
    assert.deepEqual(renditionsOf([audioTrack, videoTrack]).all[0]!.tracks, [videoTrack, audioTrack]);
  });

  test('several audio tracks are renditions beside the video, named by their language', () => {
    assert.deepEqual(ids([videoTrack, audio(2, 'deu'), audio(3, 'und'), audio(4, 'en-GB')]), [
      ['v0', 'a0-deu', 'a1', 'a2-en-gb'],
      ['v0'],
      ['a0-deu', 'a1', 'a2-en-gb'],
    ]);
  });

  test('two tracks of one language have different names, and what is no language is left out of a URL', () => {
    assert.deepEqual(ids([videoTrack, audio(2, 'eng'), audio(3, 'eng')])[2], ['a0-eng', 'a1-eng']);
    assert.deepEqual(ids([videoTrack, audio(2, '../../x'), audio(3, '')])[2], ['a0', 'a1']);
  });

  test('audio alone and video alone are variants themselves', () => {
    assert.deepEqual(ids([audioTrack]), [['a0'], ['a0'], []]);
    assert.deepEqual(ids([videoTrack]), [['v0'], ['v0'], []]);
    assert.deepEqual(ids([]), [[], [], []]);
  });

  test('derived qualities are variants beside the source, named by their rung, wherever their tracks are in the list', () => {
    const derived = (id: number, rung: string): Track => ({ ...videoTrack, id, rung }) as Track;
    assert.deepEqual(ids([derived(101, '480'), videoTrack, audioTrack, derived(102, '240')]), [
      ['av0', 'av0-480', 'av0-240', 'v0', 'v0-480', 'v0-240', 'a0'],
      ['av0', 'av0-480', 'av0-240'],
      [],
    ]);
    assert.deepEqual(ids([videoTrack, derived(101, '480'), audio(2, 'deu'), audio(3, 'eng')])[1], ['v0', 'v0-480']);
    const tracks = [derived(101, '480'), videoTrack, audioTrack];
    assert.deepEqual(renditionsOf(tracks).variants[1]!.tracks, [tracks[0], audioTrack]);
    assert.equal(tsRenditionOf(tracks).tracks[0], videoTrack);
  });

  test('a name that is none for a URL makes no derived quality', () => {
    const odd = { ...videoTrack, id: 101, rung: '../x' } as Track;
    assert.deepEqual(ids([videoTrack, odd])[0], ['v0', 'v1']);
  });

  test('each codec is listed once', () => {
    assert.equal(codecsOf({ id: 'x', tracks: [videoTrack, audioTrack, audio(3, 'eng')] }), 'avc1.64001f,mp4a.40.2');
  });
});
