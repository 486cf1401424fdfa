import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { ladderDefaults, planLadder } from './plan.ts';
import type { LadderSettings, LadderSourceAudio, LadderSourceVideo } from './plan-shapes.ts';

const film: LadderSourceVideo = { stream: 0, codec: 'hevc', width: 1920, height: 1080, frameRate: 25 };
const sound: LadderSourceAudio = { stream: 1, codec: 'ac3', channels: 6, sampleRate: 48_000, language: 'ger' };

function sizesOf(video: Partial<LadderSourceVideo>, settings: Partial<LadderSettings> = {}): string[] {
  const plan = planLadder({ video: { ...film, ...video }, audio: [] }, { ...ladderDefaults, ...settings });
  return plan.video!.renditions.map(({ id, width, height }) => `${id} ${width}x${height}`);
}

suite('plan of a ladder', () => {
  test('has the rungs up to the size of the source, the largest first', () => {
    assert.deepEqual(sizesOf({}), ['v0-1080 1920x1080', 'v0-720 1280x720', 'v0-480 854x480', 'v0-360 640x360']);
  });

  test('never scales up: a small source gets one rung of its size', () => {
    assert.deepEqual(sizesOf({ width: 321, height: 179 }), ['v0-178 320x178']);
    assert.deepEqual(sizesOf({ width: 1000, height: 700 }), ['v0-480 686x480', 'v0-360 514x360']);
  });

  test('odd sizes become even', () => {
    assert.deepEqual(sizesOf({ width: 853, height: 481 }, { rungs: [480] }), ['v0-480 852x480']);
  });

  test('keeps the aspect of display, with square samples', () => {
    assert.deepEqual(sizesOf({ width: 720, height: 576, sampleAspect: { num: 64, den: 45 } }, { rungs: [480] }), [
      'v0-480 854x480',
    ]);
    assert.deepEqual(sizesOf({ width: 1920, height: 1080, sampleAspect: { num: 1, den: 2 } }, { rungs: [480] }), [
      'v0-480 480x540',
    ]);
  });

  test('rungs of portrait video are its widths', () => {
    assert.deepEqual(sizesOf({ rotation: 90 }, { rungs: [720, 360] }), ['v0-720 720x1280', 'v0-360 360x640']);
  });

  test('360p has at most 400 kbps, and half more above 30 fps', () => {
    const of = (frameRate: number) =>
      planLadder({ video: { ...film, frameRate }, audio: [] }).video!.renditions.find(({ rung }) => rung === '360')!
        .maxRate;
    assert.equal(of(25), 400_000);
    assert.equal(of(60), 600_000);
  });

  test('keeps at most 60 pictures a second, and halves low rungs only if set', () => {
    const of = (frameRate: number, halveLowRungs = false) =>
      planLadder(
        { video: { ...film, frameRate }, audio: [] },
        { ...ladderDefaults, halveLowRungs, rungs: [720, 360] },
      ).video!.renditions.map(({ keepEvery, frameRate: { num, den } }) => `${keepEvery}: ${num}/${den}`);
    assert.deepEqual(of(59.94), ['1: 60000/1001', '1: 60000/1001']);
    assert.deepEqual(of(120), ['2: 60/1', '2: 60/1']);
    assert.deepEqual(of(50, true), ['1: 50/1', '2: 25/1']);
    assert.deepEqual(of(25, true), ['1: 25/1', '1: 25/1']);
    assert.deepEqual(of(17.3), ['1: 17300/1000', '1: 17300/1000']);
  });

  test('each field of interlaced video becomes a picture where that is set', () => {
    const of = (frameRate: number, fields: boolean, interlaced = true, codec = 'mpeg2video') => {
      const settings = { ...ladderDefaults, fields, rungs: [1080] };
      const { picture, renditions } = planLadder(
        { video: { ...film, frameRate, interlaced, codec }, audio: [] },
        settings,
      ).video!;
      return [
        picture.fields,
        ...renditions.map(({ keepEvery, frameRate: { num, den } }) => `${keepEvery}: ${num}/${den}`),
      ];
    };
    assert.deepEqual(of(25, true), [true, '1: 50/1']);
    assert.deepEqual(of(29.97, true), [true, '1: 60000/1001']);
    assert.deepEqual(of(25, false), [undefined, '1: 25/1']);
    assert.deepEqual(of(25, true, false), [undefined, '1: 25/1']);
    assert.deepEqual(of(50, true, true, 'hevc'), [undefined, '1: 50/1'], 'its fields are pictures already');
  });

  test('the rung of a source that plays as it is, at a similar bit rate, is the source', () => {
    const source = { codec: 'h264', passesThrough: true, bitRate: 6_000_000 };
    assert.deepEqual(sizesOf(source, { rungs: [1080, 720] }), ['v0-720 1280x720']);
    assert.deepEqual(sizesOf({ ...source, bitRate: 30_000_000 }, { rungs: [1080] }), ['v0-1080 1920x1080']);
  });

  test('H.264 is always made; other codecs come after it', () => {
    assert.deepEqual(sizesOf({}, { preset: 'av1', rungs: [720] }), ['v0-720 1280x720', 'v0-720-av1 1280x720']);
  });

  test('HDR is tone mapped to BT.709, and Dolby Vision profile 5 is refused by name', () => {
    const plan = planLadder({ video: { ...film, transfer: 'smpte2084', matrix: 'bt2020nc' }, audio: [] });
    assert.deepEqual(plan.video!.picture, { rotation: 0, interlaced: false, matrix: 'bt709', toneMap: 'pq' });
    assert.throws(() => planLadder({ video: { ...film, dolbyVision: { profile: 5 } }, audio: [] }), {
      code: 'unsupported-media',
      message: /Dolby Vision profile 5/,
    });
  });

  test('audio is AAC in stereo, with Opus beside it for VP9 and AV1', () => {
    const plan = planLadder({ video: film, audio: [sound] }, { ...ladderDefaults, preset: 'vp9' });
    assert.deepEqual(
      plan.audio[0]!.renditions.map(({ id, codec, channels, bitRate, language }) => [
        id,
        codec,
        channels,
        bitRate,
        language,
      ]),
      [
        ['a0', 'aac', 2, 128_000, 'ger'],
        ['a0-opus', 'opus', 2, 128_000, 'ger'],
      ],
    );
    const ids = [...plan.video!.renditions, ...plan.audio.flatMap(({ renditions }) => renditions)].map(
      ({ trackId }) => trackId,
    );
    assert.equal(new Set(ids).size, ids.length);
  });

  test('AAC of the source is used as it is, unless its loudness changes', () => {
    const own = { ...sound, codec: 'aac', channels: 2, passesThrough: true };
    assert.deepEqual(planLadder({ audio: [own] }).audio, []);
    assert.equal(planLadder({ audio: [own] }, { ...ladderDefaults, loudness: -16 }).audio.length, 1);
  });

  test('a source of audio alone has a ladder of audio, and one of neither is refused', () => {
    const plan = planLadder({ audio: [sound] });
    assert.equal(plan.video, undefined);
    assert.equal(plan.audio.length, 1);
    assert.throws(() => planLadder({ audio: [] }), { code: 'unsupported-media' });
  });
});
