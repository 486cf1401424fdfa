/**
 * The names of alarms for people, in the languages of the interface and of e-mail.
 * In: nothing. Out: web/, features/alarms.
 */
import type { AlarmCode } from './alarm-rules.ts';

/** Short names, as on a label. */
export const alarmNames: { readonly [L in 'en' | 'zh']: Readonly<Record<AlarmCode, string>> } = {
  en: {
    'no-media': 'No media',
    'no-publisher': 'No publisher',
    'no-video': 'No video',
    'no-audio': 'No audio',
    'low-bitrate': 'Low bitrate',
    'high-bitrate': 'High bitrate',
    'low-fps': 'Frame rate dropped',
    'long-gop': 'Key frames far apart',
    loss: 'Packet loss',
    damage: 'Damaged media',
    gaps: 'Many gaps',
    black: 'Black picture',
    freeze: 'Frozen picture',
    silence: 'Silence',
    clipping: 'Sound too loud',
    'off-clock': 'Filed off the clock',
    'not-recording': 'Recording paused',
    'mirror-behind': 'Second copy is late',
  },
  zh: {
    'no-media': '没有媒体',
    'no-publisher': '没有推流端',
    'no-video': '没有视频',
    'no-audio': '没有音频',
    'low-bitrate': '码率过低',
    'high-bitrate': '码率过高',
    'low-fps': '帧率下降',
    'long-gop': '关键帧间隔过长',
    loss: '丢包',
    damage: '媒体损坏',
    gaps: '缺口过多',
    black: '黑屏',
    freeze: '画面静止',
    silence: '静音',
    clipping: '声音过大',
    'off-clock': '录制时间偏离时钟',
    'not-recording': '录制已暂停',
    'mirror-behind': '第二份副本滞后',
  },
};
