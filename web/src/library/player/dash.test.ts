import assert from 'node:assert/strict';
import { test } from 'node:test';
import { playDash } from './dash.ts';

test('on a slow network the next lower quality of a manifest is the best, and later all are allowed again', () => {
  let most = Number.NaN;
  class Player {
    static isBrowserSupported = () => true;
    attach = async () => {};
    load = async () => {};
    destroy = async () => {};
    addEventListener() {}
    getVariantTracks = () => [400_000, 900_000].map((bandwidth) => ({ bandwidth, active: bandwidth === 900_000 }));
    configure({ abr }: { abr?: { restrictions: { maxBandwidth: number } } }): boolean {
      most = abr?.restrictions.maxBandwidth ?? most;
      return true;
    }
  }
  const options = { url: '/film.mpd', startS: 0, onFailed: () => {} };
  const playing = playDash({ Player, polyfill: { installAll() {} } }, {} as HTMLVideoElement, options);
  playing.ease(true);
  assert.equal(most, 899_999);
  playing.ease(false);
  assert.equal(most, Number.POSITIVE_INFINITY);
  playing.destroy();
});
