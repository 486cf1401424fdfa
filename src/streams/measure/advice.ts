/**
 * Advice to a publisher: what its figures say, and what to change. One table, one rule for each code;
 * docs/3-publish/advice.md has the reasons. This file is one table and longer than others for that.
 * In: figures of a publisher. Out: findings in the order of the table. Pure.
 */
import { type AdviceCode, adviceCodes, type Finding } from '../../api/advice.ts';
import { good, type Judgement, type Rule } from './advice-rule.ts';
import { codecRules } from './codec-advice.ts';
import type { PublishFigures } from './figures.ts';

/** Figures of a younger session are not judged, seconds. */
const SETTLED_S = 5;
/** No frame of a track for this long is a silence, seconds. */
const SILENT_S = 3;
const KEY_INTERVAL = { goodS: 4, targetS: 2, badS: 10 };
const NO_KEY_S = 10;
const FRAME_RATE_LOW = { warn: 0.9, bad: 0.6 };
const IRREGULAR = 0.1;
const BITRATE = { warn: 12_000_000, bad: 50_000_000 };
const ABOVE_ANNOUNCED = 1.5;
const SPIKY = 3;
/** A lower bitrate is not called spiky, bit/s. */
const SPIKY_FROM = 500_000;
const USUAL_SAMPLE_RATES = [44_100, 48_000];
const AUDIO_LATE_MS = 500;
const AV_OFFSET = { warnMs: 100, badMs: 250 };
const DRIFT_MS = 250;
const PAUSE_MS = { warn: 1000, bad: 3000 };
const LATENCY_RTTS = { good: 4, least: 2.5 };
/**
 * SRT packets are sent every 10 ms or more often: latency below this repairs nothing even on a short path,
 * ms.
 */
const LEAST_LATENCY_MS = 20;
const LOSS = { warn: 0.02, bad: 0.1 };
/** Of one link of a bonded publisher: the others carry what it loses. */
const LINK_LOSS = 0.05;

const seconds = (s: number) => `${s.toFixed(1)} s`;
const megabits = (bitrate: number) => `${(bitrate / 1e6).toFixed(1)} Mbit/s`;
const percent = (share: number) => `${(share * 100).toFixed(1)} %`;

function silence(kind: string, silentS: number | undefined): Judgement | undefined {
  if (silentS === undefined || silentS < SILENT_S) return undefined;
  return {
    severity: 'bad',
    value: silentS,
    target: 0,
    text: `No ${kind} has arrived for ${seconds(silentS)}.`,
    hint: `Check that the encoder still sends ${kind} and that the network is up.`,
  };
}

/** The table. */
const rules: Readonly<Record<AdviceCode, Rule>> = {
  ...codecRules,
  'video-silent': {
    unit: 's',
    judge: ({ video, isBursty }) => silence('video', isBursty ? undefined : video?.silentS),
  },
  'audio-silent': {
    unit: 's',
    judge: ({ audio, isBursty }) => silence('audio', isBursty ? undefined : audio?.silentS),
  },
  'no-key-frame': {
    unit: 's',
    judge({ video }) {
      if (!video || video.sinceKeyS < NO_KEY_S) return undefined;
      return {
        severity: 'bad',
        value: video.sinceKeyS,
        target: KEY_INTERVAL.targetS,
        text: `No key frame for ${seconds(video.sinceKeyS)}: no viewer can start to watch, and no segment can begin.`,
        hint: 'Set the key frame interval of the encoder to 2 s (OBS: Settings, Output, Keyframe Interval).',
      };
    },
  },
  'key-frame-interval': {
    unit: 's',
    judge({ video }) {
      const intervalS = video?.keyFrameIntervalS;
      if (intervalS === undefined) return undefined;
      const { goodS, targetS, badS } = KEY_INTERVAL;
      const text = `A key frame comes every ${seconds(intervalS)}.`;
      if (intervalS <= goodS) return good(intervalS, targetS, text);
      return {
        severity: intervalS >= badS ? 'bad' : 'warn',
        value: intervalS,
        target: targetS,
        text: `${text} Segments, seeking and the start of playback get as slow as that.`,
        hint: 'Set the key frame interval of the encoder to 2 s (OBS: Settings, Output, Keyframe Interval).',
      };
    },
  },
  'frame-rate-low': {
    unit: 'fps',
    judge({ video, announced, isBursty }) {
      const expected = announced.frameRate ?? video?.config.frameRate;
      if (!video || video.measuredS < SETTLED_S || video.frameRate === 0) return undefined;
      const text = `${video.frameRate.toFixed(1)} frames a second arrive`;
      if (expected === undefined || isBursty) return good(video.frameRate, null, `${text}.`);
      const part = video.frameRate / expected;
      if (part >= FRAME_RATE_LOW.warn) return good(video.frameRate, expected, `${text}.`);
      return {
        severity: part < FRAME_RATE_LOW.bad ? 'bad' : 'warn',
        value: video.frameRate,
        target: expected,
        text: `${text}, but the encoder announced ${expected.toFixed(1)}.`,
        hint: 'The encoder or its network cannot keep up: lower the bitrate, the resolution or the encoder preset.',
      };
    },
  },
  'frame-rate-variable': {
    unit: '%',
    judge({ video }) {
      if (!video || video.measuredS < SETTLED_S || video.irregular <= IRREGULAR) return undefined;
      return {
        severity: 'warn',
        value: video.irregular * 100,
        target: IRREGULAR * 100,
        text: `${percent(video.irregular)} of the frames come at irregular intervals: the frame rate is variable.`,
        hint: 'Set a constant frame rate in the encoder, for example 30 or 60.',
      };
    },
  },
  'bitrate-high': {
    unit: 'bit/s',
    judge({ video }) {
      if (!video || video.measuredS < SETTLED_S || video.bitrate === 0) return undefined;
      const text = `The video has ${megabits(video.bitrate)}.`;
      if (video.bitrate <= BITRATE.warn) return good(video.bitrate, BITRATE.warn, text);
      return {
        severity: video.bitrate > BITRATE.bad ? 'bad' : 'warn',
        value: video.bitrate,
        target: BITRATE.warn,
        text: `${text} Many viewers have no connection that is fast enough.`,
        hint: 'Lower the bitrate of the encoder: 6 Mbit/s suffice for most 1080p video.',
      };
    },
  },
  'bitrate-above-announced': {
    unit: 'bit/s',
    judge({ video, announced }) {
      const target = announced.videoBitrate;
      if (!video || !target || video.measuredS < SETTLED_S || video.bitrate <= target * ABOVE_ANNOUNCED)
        return undefined;
      return {
        severity: 'warn',
        value: video.bitrate,
        target,
        text: `The video has ${megabits(video.bitrate)}, but the encoder announced ${megabits(target)}.`,
        hint: 'Use constant bitrate (CBR) in the encoder, or a maximum bitrate with a buffer of one or two seconds.',
      };
    },
  },
  'bitrate-spiky': {
    unit: 'x',
    judge({ video, isBursty, connectedS }) {
      if (!video || isBursty || connectedS < 2 * SETTLED_S || video.bitrate < SPIKY_FROM) return undefined;
      const factor = video.peakBitrate / video.bitrate;
      if (factor <= SPIKY) return undefined;
      return {
        severity: 'warn',
        value: factor,
        target: SPIKY,
        text: `The bitrate varies: the largest second has ${megabits(video.peakBitrate)}, the mean is ${megabits(video.bitrate)}.`,
        hint: 'Use constant bitrate (CBR) in the encoder, or a maximum bitrate: viewers stall at the peaks.',
      };
    },
  },
  'size-changes': {
    unit: 'count',
    judge({ sizeChanges, video }) {
      if (sizeChanges === 0 || !video) return undefined;
      const { width, height } = video.config;
      return {
        severity: 'warn',
        value: sizeChanges,
        target: 0,
        text: `The size of the picture changed in the last minute; it is now ${width} × ${height}.`,
        hint: 'Use one resolution in the encoder: at each change the playlist continues with a new part, and some players pause.',
      };
    },
  },
  'b-frames': {
    unit: '',
    judge({ video, lowLatency }) {
      if (!video?.hasBFrames || !lowLatency) return undefined;
      return {
        severity: 'warn',
        value: null,
        target: null,
        text: 'The video has B-frames, which add a few frames of latency.',
        hint: 'For the lowest latency set B-frames to 0 or the tuning to "zerolatency". Otherwise leave them: they save bitrate.',
      };
    },
  },
  'no-audio': {
    unit: '',
    judge({ video, audio }) {
      if (audio || !video || video.measuredS < SETTLED_S) return undefined;
      return {
        severity: 'warn',
        value: null,
        target: null,
        text: 'There is no audio track.',
        hint: 'If sound is expected, enable an audio source in the encoder and choose AAC.',
      };
    },
  },
  'audio-sample-rate': {
    unit: 'Hz',
    judge({ audio }) {
      if (!audio) return undefined;
      const { sampleRate } = audio.config;
      const target = 48_000;
      const text = `The audio has ${sampleRate} samples a second.`;
      if (USUAL_SAMPLE_RATES.includes(sampleRate)) return good(sampleRate, target, text);
      return {
        severity: 'warn',
        value: sampleRate,
        target,
        text: `${text} Some players and devices resample it badly.`,
        hint: 'Set the sample rate of the encoder to 48 kHz (OBS: Settings, Audio).',
      };
    },
  },
  'audio-late': {
    unit: 'ms',
    judge({ audioBehindMs, connectedS }) {
      if (!audioBehindMs || connectedS < SETTLED_S) return undefined;
      const { least, most } = audioBehindMs;
      const farthest = most > -least ? most : least;
      if (Math.abs(farthest) <= AUDIO_LATE_MS) return undefined;
      const ms = Math.abs(farthest).toFixed(0);
      return {
        severity: 'warn',
        value: farthest,
        target: AUDIO_LATE_MS,
        text: farthest > 0 ? `Audio arrives ${ms} ms after its video.` : `Video arrives ${ms} ms after its audio.`,
        hint: 'Lower the delay of the late source in the encoder: viewers wait for the later of the two.',
      };
    },
  },
  'av-offset': {
    unit: 'ms',
    judge({ avOffsetMs }) {
      if (avOffsetMs === undefined) return undefined;
      const size = Math.abs(avOffsetMs);
      const text = `Audio is ${size.toFixed(0)} ms ${avOffsetMs > 0 ? 'after' : 'before'} the picture.`;
      if (size <= AV_OFFSET.warnMs) return good(avOffsetMs, 0, text);
      return {
        severity: size > AV_OFFSET.badMs ? 'bad' : 'warn',
        value: avOffsetMs,
        target: 0,
        text,
        hint: 'Set the sync offset of the audio source in the encoder, or `audioOffset` of the stream.',
      };
    },
  },
  'timestamps-backwards': {
    unit: 'count',
    judge({ backwards }) {
      if (backwards === 0) return undefined;
      return {
        severity: 'bad',
        value: backwards,
        target: 0,
        text: `Timestamps ran backwards ${backwards === 1 ? 'once' : `${backwards} times`} in the last minute: those frames are lost or begin a new part of the recording.`,
        hint: 'Restart the output of the encoder. If it comes back, disable loops and clock corrections of its source.',
      };
    },
  },
  'clock-drift': {
    unit: 'ms',
    judge({ skewMs }) {
      if (skewMs === undefined || Math.abs(skewMs) <= DRIFT_MS) return undefined;
      return {
        severity: 'warn',
        value: skewMs,
        target: DRIFT_MS,
        text: `The encoder's clock is ${Math.abs(skewMs).toFixed(0)} ms ${skewMs > 0 ? 'behind' : 'ahead of'} this server's clock since the stream began.`,
        hint: 'Synchronize the clock of the encoder (NTP), or let it follow the clock of its video source.',
      };
    },
  },
  'arrival-pauses': {
    unit: 'ms',
    judge({ longestPauseMs, connectedS }) {
      if (longestPauseMs === undefined || connectedS < SETTLED_S || longestPauseMs <= PAUSE_MS.warn) return undefined;
      return {
        severity: longestPauseMs > PAUSE_MS.bad ? 'bad' : 'warn',
        value: longestPauseMs,
        target: PAUSE_MS.warn,
        text: `For ${seconds(longestPauseMs / 1000)} nothing arrived in the last minute: live viewers stalled.`,
        hint: 'Use a cable in place of Wi-Fi, lower the bitrate, or publish by SRT with a larger latency.',
      };
    },
  },
  'srt-latency': {
    unit: 'ms',
    judge({ link: { latencyMs, rttMs } }) {
      if (latencyMs === undefined || rttMs === undefined) return undefined;
      const target = Math.max(LEAST_LATENCY_MS, Math.ceil(rttMs * LATENCY_RTTS.good));
      const text = `SRT latency is ${latencyMs.toFixed(0)} ms at a round trip time of ${rttMs.toFixed(0)} ms.`;
      if (latencyMs >= target) return good(latencyMs, target, text);
      return {
        severity: latencyMs < rttMs * LATENCY_RTTS.least ? 'bad' : 'warn',
        value: latencyMs,
        target,
        text: `${text} Lost packets cannot be repeated in that time.`,
        hint: `Set the SRT latency to at least ${target} ms, at the encoder or for the stream.`,
      };
    },
  },
  'packet-loss': {
    unit: '%',
    judge({ link: { loss } }) {
      if (loss === undefined) return undefined;
      const text = `${percent(loss)} of the packets were lost on the way.`;
      if (loss <= LOSS.warn) return good(loss * 100, LOSS.warn * 100, text);
      return {
        severity: loss > LOSS.bad ? 'bad' : 'warn',
        value: loss * 100,
        target: LOSS.warn * 100,
        text,
        hint: 'Use a cable in place of Wi-Fi, or lower the bitrate. A larger SRT latency gives more time to repeat packets.',
      };
    },
  },
  'link-loss': {
    unit: '%',
    judge({ link: { links } }) {
      const worst = links.toSorted((a, b) => (b.loss ?? 0) - (a.loss ?? 0))[0];
      if (worst?.loss === undefined || worst.loss <= LINK_LOSS) return undefined;
      return {
        severity: 'warn',
        value: worst.loss * 100,
        target: LINK_LOSS * 100,
        text: `Link ${worst.number} lost ${percent(worst.loss)} of its packets.`,
        hint: 'The other links repeat them. Move its modem or antenna, or lower the bitrate, so that the others have room.',
      };
    },
  },
  'link-down': {
    unit: 'count',
    judge({ link: { links } }) {
      const down = links.filter(({ isUp }) => !isUp).map(({ number }) => number);
      if (down.length === 0) return undefined;
      return {
        severity: 'warn',
        value: down.length,
        target: 0,
        text: `Nothing comes over ${down.length === 1 ? 'link' : 'links'} ${down.join(', ')} of ${links.length}.`,
        hint: 'Check the modem and its plan. The other links carry everything: lower the bitrate if they have no room.',
      };
    },
  },
  'packets-dropped': {
    unit: 'count',
    judge({ link: { dropped } }) {
      if (dropped === undefined || dropped === 0) return undefined;
      return {
        severity: 'bad',
        value: dropped,
        target: 0,
        text: `${dropped} packets of the last minute never came or came too late: this media is damaged.`,
        hint: 'Increase the SRT latency to at least 4 × the round trip time, or lower the bitrate.',
      };
    },
  },
  'media-damaged': {
    unit: 'count',
    judge({ damaged }) {
      if (damaged === 0) return undefined;
      return {
        severity: 'warn',
        value: damaged,
        target: 0,
        text: `${damaged === 1 ? 'One place' : `${damaged} places`} in the media of the last minute could not be read.`,
        hint: 'Check the network. If it is reliable, update the encoder or choose another muxer or encoder in it.',
      };
    },
  },
};

/** The findings about a publisher, in the order of `adviceCodes`; values are rounded to three decimals. */
export function advise(figures: PublishFigures): Finding[] {
  return adviceCodes.flatMap((code) => {
    const { unit, judge } = rules[code];
    const verdict = judge(figures);
    if (!verdict) return [];
    const { severity, value, target, text, hint = '' } = verdict;
    return [{ code, severity, value: rounded(value), target: rounded(target), unit, text, hint }];
  });
}

function rounded(value: number | null): number | null {
  return value === null ? null : Math.round(value * 1000) / 1000;
}

/** The worst severity; `good` without findings. */
export function worstOf(findings: readonly Pick<Finding, 'severity'>[]): Finding['severity'] {
  if (findings.some(({ severity }) => severity === 'bad')) return 'bad';
  return findings.some(({ severity }) => severity === 'warn') ? 'warn' : 'good';
}
