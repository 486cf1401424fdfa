import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ErrorData } from 'hls.js';
import { assetLicenceUrl, assetSettings, liveSettings, playbackFailure } from './settings.ts';

const failureOf = (error: object) => playbackFailure(error as ErrorData).code;

test('media without a known DRM system says so, and a licence that is refused is a refusal of the server', () => {
  assert.equal(failureOf({ type: 'keySystemError', details: 'keySystemNoAccess' }), 'no-drm');
  assert.equal(failureOf({ type: 'mediaError', details: 'bufferAppendError' }), 'unplayable');
  const refused = playbackFailure({ type: 'keySystemError', response: { code: 404 } } as ErrorData);
  assert.equal(refused.status, 404);
});

test('pages that are not secure say that protected media needs HTTPS', () => {
  Object.assign(globalThis, { isSecureContext: false });
  try {
    assert.equal(failureOf({ type: 'keySystemError' }), 'no-drm-insecure');
  } finally {
    Reflect.deleteProperty(globalThis, 'isSecureContext');
  }
});

test('licences of a video are beside its playlist, with its token; other addresses have none', () => {
  for (const [url, licences] of [
    ['/assets/k3v9/index.m3u8', '/assets/k3v9/keys/clearkey'],
    ['/t/token/assets/k3v9/index.m3u8', '/t/token/assets/k3v9/keys/clearkey'],
    ['https://tv.example/assets/k3v9/index.mpd?v=2', 'https://tv.example/assets/k3v9/keys/clearkey'],
    ['https://other.example/film/index.m3u8', undefined],
    ['/assets/k3v9/v0.mp4', undefined],
  ] as const) {
    assert.equal(assetLicenceUrl(url), licences, url);
    assert.equal(assetSettings(url).emeEnabled === true, licences !== undefined, url);
  }
  const { drmSystems } = liveSettings('session', 'door');
  assert.equal(drmSystems?.['org.w3.clearkey']?.licenseUrl, '/live/door/keys/clearkey');
});
