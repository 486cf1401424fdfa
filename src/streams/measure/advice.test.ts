import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { suite, test } from 'node:test';
import type { AudioConfig } from '@oxbow/media/frame';
import { h264Config } from '@oxbow/media/h264/avcc';
import { PPS, printSpsOf } from '@oxbow/media/h264/nal.fixture';
import { audioTrack, videoTrack } from '@oxbow/media/isobmff/media.fixture';
import { type AdviceCode, adviceCodes, type Finding } from '../../api/advice.ts';
import { advise, worstOf } from './advice.ts';
import { AdviceWatch } from './advice-watch.ts';
import type { AudioFigures, LinkFigures, PublishFigures, VideoFigures } from './figures.ts';

assert.ok(videoTrack.kind === 'video' && audioTrack.kind === 'audio');

const video: VideoFigures = {
  config: { ...videoTrack.config, codec: 'h264', frameRate: 30 },
  bitrate: 2_500_000,
  peakBitrate: 3_000_000,
  frameRate: 30,
  measuredS: 10,
  irregular: 0,
  keyFrameIntervalS: 2,
  gopFrames: 60,
  sinceKeyS: 1,
  largestFrame: 60_000,
  hasBFrames: false,
  isInterlaced: false,
  silentS: 0.03,
};
const audio: AudioFigures = {
  config: { ...audioTrack.config, sampleRate: 48_000, channels: 2 },
  bitrate: 128_000,
  silentS: 0.02,
};
const link: LinkFigures = {
  bitrateIn: 2_700_000,
  rttMs: 20,
  latencyMs: 120,
  bufferMs: 100,
  linkBitrate: undefined,
  loss: 0.001,
  lost: 3,
  retransmitted: 3,
  dropped: 0,
  links: [],
};
/** A link of a bonded publisher. */
const bonded = { number: 1, isUp: true, rttMs: 40, bitrate: 2_000_000, loss: 0.01, lost: 9 };
/** Figures of a publisher that does everything right. */
const fine: PublishFigures = {
  protocol: 'srt',
  connectedS: 60,
  encoder: 'an encoder',
  isBursty: false,
  lowLatency: true,
  video,
  audio,
  link,
  announced: { videoBitrate: 2_500_000, audioBitrate: 128_000, frameRate: 30, keyFrameIntervalS: 2 },
  jitterMs: 2,
  longestPauseMs: 60,
  audioBehindMs: { least: -20, most: 60 },
  skewMs: 3,
  avOffsetMs: 5,
  backwards: 0,
  damaged: 0,
  sizeChanges: 0,
  conversion: { mode: 'auto', problem: '', videoProblem: '', hasLadder: false },
};
const withVideo = (change: Partial<VideoFigures>): PublishFigures => ({ ...fine, video: { ...video, ...change } });
const withConverted = (codec: 'vp8' | 'mpeg2', videoProblem: string): PublishFigures => ({
  ...withVideo({ config: { ...video.config, codec } }),
  conversion: { ...fine.conversion, videoProblem },
});
/** H.264 of a profile, with `chroma` as chroma_format_idc. */
const withFormat = (profile: number, chroma: number, bits: number): PublishFigures =>
  withVideo({ config: h264Config([printSpsOf({ profile, chroma, bits })], [PPS]) });
const withLadder = (figures: PublishFigures): PublishFigures => ({
  ...figures,
  conversion: { ...figures.conversion, hasLadder: true },
});
const withAudio = (
  config: Partial<AudioConfig>,
  conversion: Partial<PublishFigures['conversion']> = {},
): PublishFigures => ({
  ...fine,
  audio: { ...audio, config: { ...audio.config, ...config } },
  conversion: { ...fine.conversion, ...conversion },
});
const withLink = (change: Partial<LinkFigures>): PublishFigures => ({ ...fine, link: { ...link, ...change } });

/** For each code: figures that trigger it, with the severity. */
const triggers: Readonly<Record<AdviceCode, readonly (readonly [PublishFigures, Finding['severity']])[]>> = {
  'video-silent': [[withVideo({ silentS: 4 }), 'bad']],
  'audio-silent': [[{ ...fine, audio: { ...audio, silentS: 4 } }, 'bad']],
  'no-key-frame': [[withVideo({ sinceKeyS: 10, keyFrameIntervalS: undefined }), 'bad']],
  'key-frame-interval': [
    [withVideo({ keyFrameIntervalS: 4 }), 'good'],
    [withVideo({ keyFrameIntervalS: 5 }), 'warn'],
    [withVideo({ keyFrameIntervalS: 10 }), 'bad'],
  ],
  'frame-rate-low': [
    [withVideo({ frameRate: 29.97 }), 'good'],
    [withVideo({ frameRate: 24 }), 'warn'],
    [withVideo({ frameRate: 10 }), 'bad'],
  ],
  'frame-rate-variable': [[withVideo({ irregular: 0.3 }), 'warn']],
  'bitrate-high': [
    [withVideo({ bitrate: 8e6 }), 'good'],
    [withVideo({ bitrate: 20e6 }), 'warn'],
    [withVideo({ bitrate: 60e6 }), 'bad'],
  ],
  'bitrate-above-announced': [[withVideo({ bitrate: 4_000_000 }), 'warn']],
  'bitrate-spiky': [[withVideo({ peakBitrate: 9_000_000 }), 'warn']],
  'size-changes': [[{ ...fine, sizeChanges: 1 }, 'warn']],
  'b-frames': [[withVideo({ hasBFrames: true }), 'warn']],
  'codec-support': [
    [fine, 'good'],
    [withVideo({ config: { ...video.config, codec: 'hevc' } }), 'warn'],
    [withVideo({ config: { ...video.config, codec: 'av1' } }), 'warn'],
    [withVideo({ config: { ...video.config, codec: 'vp9' } }), 'warn'],
    [withConverted('vp8', ''), 'good'],
    [withConverted('vp8', 'the machine is too slow'), 'bad'],
    [withConverted('mpeg2', ''), 'good'],
    [
      withVideo({ config: { ...withConverted('mpeg2', '').video!.config, codec: 'h264', convertedFrom: 'mpeg2' } }),
      'good',
    ],
    [withConverted('mpeg2', 'it was killed'), 'bad'],
  ],
  'pixel-format': [
    [withFormat(110, 1, 10), 'warn'],
    [withFormat(122, 2, 8), 'warn'],
    [withFormat(122, 2, 10), 'warn'],
    [withFormat(244, 3, 8), 'warn'],
    [withFormat(244, 1, 14), 'warn'],
    [withLadder(withFormat(110, 1, 10)), 'good'],
  ],
  interlaced: [
    [withVideo({ isInterlaced: true }), 'warn'],
    [withLadder(withVideo({ isInterlaced: true })), 'good'],
  ],
  'no-audio': [[{ ...fine, audio: undefined }, 'warn']],
  'audio-codec': [
    [withAudio({ codec: 'mp3', layer: 2 }), 'good'],
    [withAudio({ codec: 'mp3', layer: 2 }, { problem: 'it was killed' }), 'bad'],
    [withAudio({ codec: 'mp3', layer: 2 }, { mode: 'keep' }), 'warn'],
    [withAudio({ convertedFrom: 'mp2' }), 'good'],
    [withAudio({ codec: 'ac3' }), 'warn'],
    [withAudio({ codec: 'ac3' }, { mode: 'aac' }), 'good'],
    [withAudio({ codec: 'mp3' }), 'good'],
  ],
  'audio-sample-rate': [
    [fine, 'good'],
    [{ ...fine, audio: { ...audio, config: { ...audio.config, sampleRate: 22_050 } } }, 'warn'],
  ],
  'audio-late': [
    [{ ...fine, audioBehindMs: { least: 0, most: 900 } }, 'warn'],
    [{ ...fine, audioBehindMs: { least: -900, most: 0 } }, 'warn'],
  ],
  'av-offset': [
    [{ ...fine, avOffsetMs: -100 }, 'good'],
    [{ ...fine, avOffsetMs: 180 }, 'warn'],
    [{ ...fine, avOffsetMs: -300 }, 'bad'],
  ],
  'timestamps-backwards': [[{ ...fine, backwards: 2 }, 'bad']],
  'clock-drift': [[{ ...fine, skewMs: -400 }, 'warn']],
  'arrival-pauses': [
    [{ ...fine, longestPauseMs: 1500 }, 'warn'],
    [{ ...fine, longestPauseMs: 4000 }, 'bad'],
  ],
  'srt-latency': [
    [withLink({ latencyMs: 80 }), 'good'],
    [withLink({ latencyMs: 60 }), 'warn'],
    [withLink({ latencyMs: 40 }), 'bad'],
  ],
  'packet-loss': [
    [withLink({ loss: 0.01 }), 'good'],
    [withLink({ loss: 0.05 }), 'warn'],
    [withLink({ loss: 0.2 }), 'bad'],
  ],
  'link-loss': [[withLink({ links: [bonded, { ...bonded, number: 2, loss: 0.08 }] }), 'warn']],
  'link-down': [[withLink({ links: [bonded, { ...bonded, number: 2, isUp: false }] }), 'warn']],
  'packets-dropped': [[withLink({ dropped: 4 }), 'bad']],
  'media-damaged': [[{ ...fine, damaged: 1 }, 'warn']],
};

suite('advice to a publisher', () => {
  test('finds nothing to change in a publisher that does everything right', () => {
    const findings = advise(fine);
    assert.deepEqual(
      findings.filter(({ severity }) => severity !== 'good'),
      [],
    );
    assert.ok(findings.length >= 6, 'it says what is good');
    assert.equal(worstOf(findings), 'good');
  });

  for (const [code, cases] of Object.entries(triggers)) {
    for (const [figures, severity] of cases) {
      test(`${code} is found as ${severity}, with what to change`, () => {
        const finding = advise(figures).find((one) => one.code === code);
        assert.equal(finding?.severity, severity);
        assert.notEqual(finding.text, '');
        assert.equal(finding.hint === '', severity === 'good');
      });
    }
  }

  test('video is named by the codec that it had before its conversion, wherever that is measured', () => {
    for (const [codec, name] of [
      ['vp8', 'VP8'],
      ['mpeg2', 'MPEG-2'],
    ] as const) {
      const { config } = withConverted(codec, '').video!;
      for (const figures of [
        withConverted(codec, ''),
        withVideo({ config: { ...config, codec: 'h264', convertedFrom: codec } }),
      ]) {
        const finding = advise(figures).find((one) => one.code === 'codec-support');
        assert.equal(finding?.text, `The video is ${name}, converted to H.264.`);
      }
    }
  });

  test('H.264 that browsers do not decode is never said to play in every browser', () => {
    const textOf = (figures: PublishFigures, code: AdviceCode) =>
      advise(figures).find((one) => one.code === code)?.text;
    for (const figures of [withFormat(110, 1, 10), withFormat(122, 2, 8), withFormat(244, 3, 8)])
      assert.equal(textOf(figures, 'codec-support'), undefined);
    assert.match(textOf(withFormat(122, 2, 10), 'pixel-format')!, /^The video is H\.264 with 10 bits in 4:2:2\. /);
    for (const [profile, chroma] of [
      [100, 1],
      [110, 1],
      [100, 0],
    ] as const) {
      assert.equal(textOf(withFormat(profile, chroma, 8), 'codec-support'), 'H.264 plays in every browser.');
      assert.equal(textOf(withFormat(profile, chroma, 8), 'pixel-format'), undefined);
    }
  });

  test('says nothing of rates in the first seconds, and nothing of arrival for sources in bursts', () => {
    const young = advise({
      ...withVideo({ irregular: 1, bitrate: 90e6, frameRate: 1, measuredS: 2 }),
      audio: undefined,
    });
    assert.deepEqual(
      young.filter(({ severity }) => severity !== 'good'),
      [],
    );
    const pulled = { ...withVideo({ silentS: 8 }), isBursty: true, longestPauseMs: undefined, jitterMs: undefined };
    assert.equal(worstOf(advise(pulled)), 'good');
  });

  test('says nothing of what is not known', () => {
    const bare: PublishFigures = {
      ...fine,
      video: undefined,
      audio: undefined,
      audioBehindMs: undefined,
      skewMs: undefined,
      avOffsetMs: undefined,
      longestPauseMs: undefined,
      jitterMs: undefined,
      announced: {
        videoBitrate: undefined,
        audioBitrate: undefined,
        frameRate: undefined,
        keyFrameIntervalS: undefined,
      },
      link: {
        bitrateIn: undefined,
        rttMs: undefined,
        latencyMs: undefined,
        bufferMs: undefined,
        linkBitrate: undefined,
        loss: undefined,
        lost: undefined,
        retransmitted: undefined,
        dropped: undefined,
        links: [],
      },
    };
    assert.deepEqual(advise(bare), []);
  });

  test('every code has a section on the page Advice', () => {
    const page = readFileSync(new URL('../../../docs/3-publish/advice.md', import.meta.url), 'utf8');
    const missing = adviceCodes.filter((code) => !page.includes(`\`${code}\``));
    assert.deepEqual(missing, []);
  });
});

suite('changes of the advice', () => {
  const one = (severity: Finding['severity']): Finding => ({
    code: 'key-frame-interval',
    severity,
    value: 10,
    target: 2,
    unit: 's',
    text: '',
    hint: '',
  });

  test('are reported once: when a finding was there twice, when it changes, and when it is gone for a while', () => {
    const changes: string[] = [];
    const watch = new AdviceWatch((code, finding) => changes.push(`${code} ${finding?.severity}`));
    for (let i = 0; i < 5; i++) watch.add([one('warn')]);
    for (let i = 0; i < 5; i++) watch.add([one('bad')]);
    for (let i = 0; i < 5; i++) watch.add([one('good')]);
    watch.add([one('bad')]);
    for (let i = 0; i < 9; i++) watch.add([]);
    assert.deepEqual(changes, ['key-frame-interval warn', 'key-frame-interval bad', 'key-frame-interval undefined']);
  });

  test('a finding that was there once is not reported; a publisher that leaves takes its findings along', () => {
    const changes: string[] = [];
    const watch = new AdviceWatch((code, finding) => changes.push(`${code} ${finding?.severity}`));
    watch.add([one('warn')]);
    watch.add([]);
    watch.clear();
    assert.deepEqual(changes, []);
    watch.add([one('warn')]);
    watch.add([one('warn')]);
    watch.clear();
    watch.clear();
    assert.deepEqual(changes, ['key-frame-interval warn', 'key-frame-interval undefined']);
  });
});
