import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import { bytesOf, demuxAll } from '@oxbow/media/isobmff/real-media.fixture';
import type { SegmentGroup } from '@oxbow/media/segment';
import { madeOnce } from '../../../test/fixtures/media/made-once.ts';
import { need } from '../../../test/fixtures/need.ts';
import { type AlarmCode, alarmRulesOf } from '../../api/alarms/alarm-rules.ts';
import { closeEngine, measureSound, readLuma } from '../../ffmpeg/engine.ts';
import { createPackagerRig } from '../../packager/packager.fixture.ts';
import { ContentCheck } from '../../streams/content/content-check.ts';
import { ContentMode } from '../../streams/content/content-mode.ts';
import type { ContentSample } from '../../streams/content/content-sample.ts';
import { StoryboardQueue } from '../../streams/record/storyboard-queue.ts';
import { START_MS } from '../../streams/streams.fixture.ts';
import { watchedStream } from './alarms.fixture.ts';
import { type StreamAlarmChange, StreamAlarmSet } from './stream-alarms.ts';

/** Where the media begins, µs. */
const START_US = START_MS * 1000;

/** What is wrong with the film, by alarm: from and to, seconds. */
const wrong = { black: [10, 22], freeze: [30, 60], silence: [20, 60], clipping: [66, 110] } as const;
const DURATION_S = 124;

const films = {
  h264: '-c:v libx264 -preset ultrafast -g 20 -x264-params scenecut=0 -c:a aac -ac 2 -b:a 96k',
  lowBitrate:
    '-c:v libx264 -preset veryfast -b:v 80k -bf 2 -g 20 -x264-params scenecut=0 -c:a libmp3lame -ac 1 -b:a 64k',
};

/** Pictures that move but for the wrong passages; a tone at -20 dB. */
function makeFilm(args: string): string {
  const moving = (seconds: number) => `testsrc2=s=320x180:r=10:d=${seconds}`;
  const parts = [moving(10), 'color=black:s=320x180:r=10:d=12', moving(8)];
  const still = `${moving(0.1)},loop=loop=${(wrong.freeze[1] - wrong.freeze[0]) * 10 - 1}:size=1`;
  const graph = [...parts, still, moving(DURATION_S - wrong.freeze[1])].map((part, i) => `${part}[p${i}]`);
  const joined = `${graph.join(';')};[p0][p1][p2][p3][p4]concat=n=5,format=yuv420p,setpts=N/10/TB[v]`;
  const sound = `sine=r=48000:d=${DURATION_S},volume=-3dB,aformat=channel_layouts=stereo[s];[s]volume=0:enable='between(t,${wrong.silence.join()})'[q];[q]volume=40dB:enable='between(t,${wrong.clipping.join()})',aformat=sample_fmts=s16[a]`;
  const output = `-map [v] -map [a] -threads 1 ${args} -movflags frag_keyframe+empty_moov+default_base_moof`;
  return madeOnce(['-filter_complex', `${joined};${sound}`, ...output.split(' ')], 'mp4');
}

/** The groups of a film, as the packager makes them. */
function groupsOf(path: string): readonly SegmentGroup[] {
  const { tracks, frames } = demuxAll(bytesOf(path));
  const rig = createPackagerRig();
  const scale = new Map(tracks[0]!.map((track) => [track.id, track.timescale]));
  rig.stream.startRun({
    tracks: tracks[0]!,
    utcOffsetUs: START_US,
    clock: 'source',
    pace: { kind: 'bursty', intervalS: 2 },
  });
  for (const frame of frames.toSorted((a, b) => a.dts / scale.get(a.trackId)! - b.dts / scale.get(b.trackId)!)) {
    rig.stream.publish(frame);
  }
  rig.stream.offline('the end');
  return rig.groups;
}

suite('black, frozen and silent passages of real media', { skip: need('ffmpeg') }, () => {
  after(closeEngine);

  for (const [name, args, mode] of [
    ['H.264 and AAC', films.h264, 'on'],
    ['H.264 and AAC, with dear pictures', films.h264, 'auto'],
    ['H.264 with B-frames at a low bitrate, mono MP3', films.lowBitrate, 'on'],
    ['H.264 with B-frames at a low bitrate, mono MP3, with dear pictures', films.lowBitrate, 'auto'],
  ] as const) {
    test(`are found within a key frame and a piece of sound: ${name}`, async () => {
      const path = makeFilm(args);
      const samples: ContentSample[] = [];
      const failures: unknown[] = [];
      const queue = new StoryboardQueue({ monotonicMs: () => 0, failed: (error) => failures.push(error) });
      const contentCheck = { mode, pictureEvery: 2_000, soundEvery: 4_000 };
      const check = new ContentCheck({
        mode: new ContentMode({ now: { contentCheck, alarms: { rules: '', mail: [], mailLanguage: 'en', keep: 1 } } }),
        queue,
        // A key frame of 1080p: 28 s of the share for pictures.
        readLuma: async (...input) => ({ ...(await readLuma(...input)), cpuUs: 20_000 }),
        measureSound: async (...input) => ({ ...(await measureSound(...input)), cpuUs: 1_000 }),
        counted: () => {},
      });
      check.onSample((sample) => samples.push(sample));
      for (const group of groupsOf(path)) {
        check.take(group, '');
        await queue.idle();
      }
      await check.close();
      assert.deepEqual(failures, []);
      const pictures = samples.filter(({ kind }) => kind === 'picture');
      const [least, most] = mode === 'on' ? [DURATION_S / 2 - 2, DURATION_S / 2] : [5, 33];
      const isExpected = pictures.length >= least && pictures.length <= most;
      assert.ok(isExpected, `one picture in two seconds with "on": ${pictures.length}`);

      // Alarms at the first sample: their times are those of the samples.
      const rules = alarmRulesOf('black for 0s, freeze for 0s, silence for 0s, clipping for 0s clear for 0s');
      const set = new StreamAlarmSet([]);
      const stream = watchedStream();
      const changes: StreamAlarmChange[] = samples.flatMap((sample) => {
        stream.content = [sample];
        const nowMs = sample.toUs / 1000;
        return set.tick(stream, { monotonicMs: nowMs - START_MS, nowMs, rules, isMuted: false, noRoom: false });
      });
      const found = changes.map(({ code, to, sinceMs }) => ({ code, to, s: (sinceMs - START_MS) / 1000 }));
      for (const [code, [fromS, toS]] of Object.entries(wrong)) {
        const [raised, cleared, ...others] = found.filter((each) => each.code === (code as AlarmCode));
        const text = JSON.stringify(found);
        assert.deepEqual([raised?.to, cleared?.to, others], ['raised', 'cleared', []], `${code}: ${text}`);
        // A picture, or the end of a piece of sound; a frozen picture needs a second one.
        const slackS = code === 'freeze' ? 4 : code === 'black' ? 2 : 8;
        assert.ok(raised!.s >= fromS - 0.1 && raised!.s <= fromS + slackS, `${code} from ${raised!.s}: ${text}`);
        assert.ok(cleared!.s >= toS - 0.1 && cleared!.s <= toS + slackS, `${code} to ${cleared!.s}: ${text}`);
      }
      assert.deepEqual([...new Set(found.map(({ code }) => code))].sort(), Object.keys(wrong).sort());
    });
  }
});
