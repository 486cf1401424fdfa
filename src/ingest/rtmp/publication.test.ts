import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { AudioTrack, Frame, Track, VideoTrack } from '@oxbow/media/frame';
import type { DerivedInput } from '../../packager/follower.ts';
import { layerChoiceOf } from '../layer-choice.ts';
import type { Publisher } from '../publisher.ts';
import { Publication } from './publication.ts';

const base = { timescale: 1000, language: 'und', label: '' };
const videoOf = (id: number, height: number, codec: 'h264' | 'vp8' = 'h264'): VideoTrack => {
  const config = { codec, record: new Uint8Array(0), codecs: codec, width: height * 2, height };
  return { ...base, id, kind: 'video', config };
};
const audioOf = (channels: number): AudioTrack => {
  const config = { codec: 'aac', record: new Uint8Array(2), codecs: 'mp4a.40.2', sampleRate: 48_000, channels };
  return { ...base, id: 2, kind: 'audio', config } as AudioTrack;
};
const frameOf = (trackId: number, ms: number, key: boolean): Frame => {
  return { trackId, dts: ms, pts: ms, duration: 40, key, data: new Uint8Array(4) };
};

/** A publication that notes what its stream and its qualities get. */
function openRig() {
  const said: string[] = [];
  const open = (rung: string): DerivedInput => ({
    startRun: (run) => said.push(`${rung} run ${run}`),
    write: ({ pts }) => said.push(`${rung} ${pts}`),
    damage: () => undefined,
    endRun: () => undefined,
    stop: () => said.push(`${rung} stop`),
  });
  const publisher = {
    connection: { qualities: () => ({ open, now: () => ({ run: 1, shiftUs: 0 }) }), isOver: false },
    startTracks: (tracks: readonly Track[]) => said.push(`tracks ${tracks.map(({ id }) => id)}`),
    publish: ({ trackId, pts }: Frame) => said.push(`${trackId}: ${pts}`),
    close: () => undefined,
  } as unknown as Publisher;
  const publication = new Publication(publisher, { choice: layerChoiceOf({}), totalBytes: () => 0, warn() {} });
  return { publication, take: () => said.splice(0) };
}

suite('several video tracks of a publisher over RTMP', () => {
  test('a quality continues when another track of its publisher changes', () => {
    const { publication, take } = openRig();
    const [large, small] = [videoOf(1, 360), videoOf(3, 180)];
    publication.tracks([large, audioOf(2), small]);
    publication.frame(frameOf(1, 0, true));
    publication.frame(frameOf(3, 0, true));
    assert.deepEqual(take(), ['tracks 1,2', '1: 0', '180 run 1', '180 0']);
    publication.tracks([large, audioOf(1), { ...small }]);
    publication.frame(frameOf(3, 40, false));
    assert.deepEqual(take(), ['tracks 1,2', '180 40']);
  });

  test('a quality ends when its track changes to a codec that is converted', () => {
    const { publication, take } = openRig();
    const large = videoOf(1, 360);
    publication.tracks([large, videoOf(3, 180)]);
    publication.frame(frameOf(3, 0, true));
    take();
    publication.tracks([large, videoOf(3, 180, 'vp8')]);
    publication.frame(frameOf(3, 40, true));
    assert.deepEqual(take(), ['180 stop']);
  });
});
