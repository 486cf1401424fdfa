import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Frame, VideoTrack } from '@oxbow/media/frame';
import type { DerivedInput } from '../packager/follower.ts';
import { LayerQualities } from './layer-qualities.ts';

const trackOf = (height: number): VideoTrack => ({
  id: 3,
  kind: 'video',
  timescale: 1000,
  language: 'und',
  label: '',
  config: { codec: 'h264', record: new Uint8Array(0), codecs: 'avc1.42c01e', width: height * 2, height },
});
const frameAt = (ms: number, key: boolean, bytes = 4): Frame => {
  return { trackId: 3, dts: ms, pts: ms, duration: 40, key, data: new Uint8Array(bytes) };
};

/** Qualities of a stream that note what they get. */
function openRig() {
  const said: string[] = [];
  const rig = { said, run: undefined as number | undefined, shiftUs: 0, isActive: true, most: 9 };
  const open = (rung: string): DerivedInput | undefined => {
    if (rig.most-- <= 0) return undefined;
    return {
      startRun: (run) => said.push(`${rung} run ${run}`),
      write: ({ pts }) => said.push(`${rung} ${pts}`),
      damage: () => undefined,
      endRun: () => undefined,
      stop: () => said.push(`${rung} stop`),
    };
  };
  const now = () => (rig.run === undefined ? undefined : { run: rig.run, shiftUs: rig.shiftUs });
  const layers = new LayerQualities(() => (rig.isActive ? { open, now } : undefined));
  return Object.assign(rig, { layers, take: () => said.splice(0) });
}

suite('further pictures of a publisher', () => {
  test('wait for the run of the stream, and begin with their last key frame; so does another run', () => {
    const rig = openRig();
    rig.layers.start('lo', trackOf(180));
    rig.layers.frame('lo', frameAt(0, true));
    rig.layers.frame('lo', frameAt(40, false));
    assert.deepEqual(rig.take(), []);
    rig.run = 7;
    rig.layers.frame('lo', frameAt(80, false));
    assert.deepEqual(rig.take(), ['180 run 7', '180 0', '180 40', '180 80']);
    rig.layers.frame('lo', frameAt(120, true));
    rig.run = 8;
    rig.shiftUs = 2_000_000;
    rig.layers.frame('lo', frameAt(160, false));
    assert.deepEqual(rig.take(), ['180 120', '180 run 8', '180 2120', '180 2160']);
  });

  test('keep their quality when their size changes; two of one size have two', () => {
    const rig = openRig();
    rig.run = 1;
    for (const name of ['a', 'b']) {
      rig.layers.start(name, trackOf(180));
      rig.layers.frame(name, frameAt(0, true));
    }
    rig.layers.start('a', trackOf(90));
    rig.layers.frame('a', frameAt(40, true));
    assert.deepEqual(
      rig.take().filter((line) => line.includes('run')),
      ['180 run 1', '180-2 run 1', '180 run 1'],
    );
  });

  test('leave their qualities when the publisher is on standby, falls silent or has left', () => {
    const rig = openRig();
    rig.run = 1;
    rig.layers.start('lo', trackOf(180));
    rig.layers.frame('lo', frameAt(0, true));
    rig.take();
    rig.isActive = false;
    rig.layers.frame('lo', frameAt(40, false));
    rig.layers.frame('lo', frameAt(80, false));
    assert.deepEqual(rig.take(), ['180 stop']);
    rig.isActive = true;
    rig.layers.frame('lo', frameAt(120, true));
    rig.layers.end('lo');
    rig.layers.frame('lo', frameAt(160, true));
    rig.layers.close();
    assert.deepEqual(rig.take(), ['180 run 1', '180 120', '180 stop']);
  });

  test('are bounded: eight, and what is remembered of each', () => {
    const rig = openRig();
    for (let i = 0; i < 12; i++) rig.layers.start(`${i}`, trackOf(100 + i));
    rig.layers.frame('0', frameAt(0, true, 5 * 1024 * 1024));
    rig.layers.frame('0', frameAt(40, false, 5 * 1024 * 1024));
    rig.run = 1;
    rig.layers.frame('0', frameAt(80, false));
    for (let i = 1; i < 12; i++) rig.layers.frame(`${i}`, frameAt(80, true));
    const said = rig.take();
    assert.deepEqual(
      said.filter((line) => line.startsWith('100 ')),
      ['100 run 1'],
    );
    assert.equal(said.filter((line) => line.includes('run')).length, 8);
  });

  test('are none where the stream has too many qualities', () => {
    const rig = openRig();
    rig.most = 0;
    rig.run = 1;
    rig.layers.start('lo', trackOf(180));
    rig.layers.frame('lo', frameAt(0, true));
    rig.layers.close();
    assert.deepEqual(rig.take(), []);
  });
});
