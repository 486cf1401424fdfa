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
  const options = { url: '/film.mpd', startS: 0, licenceUrl: undefined, onFailed: () => {} };
  const playing = playDash({ Player, polyfill: { installAll() {} } }, {} as HTMLVideoElement, options);
  playing.ease(true);
  assert.equal(most, 899_999);
  playing.ease(false);
  assert.equal(most, Number.POSITIVE_INFINITY);
  playing.destroy();
});

test('a failure says whether its protection is why; the licences of the video are those of the server', async () => {
  for (const [error, isProtected] of [
    [{ severity: 2, category: 6, code: 6001 }, true],
    [{ severity: 2, category: 3, code: 3016 }, false],
  ] as const) {
    const settings: object[] = [];
    const { promise, resolve } = Promise.withResolvers<boolean>();
    class Player {
      static isBrowserSupported = () => true;
      attach = async () => {};
      load = () => Promise.reject(error);
      destroy = async () => {};
      addEventListener() {}
      getVariantTracks = () => [];
      configure = (given: object) => settings.push(given) > 0;
    }
    const licenceUrl = '/assets/k3v9/keys/clearkey';
    const options = { url: '/assets/k3v9/index.mpd', startS: 0, licenceUrl, onFailed: resolve };
    playDash({ Player, polyfill: { installAll() {} } }, {} as HTMLVideoElement, options);
    assert.equal(await promise, isProtected);
    assert.deepEqual(settings[1], { drm: { servers: { 'org.w3.clearkey': licenceUrl } } });
  }
});
