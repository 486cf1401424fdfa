import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CaptionChannel } from '@oxbow/media/captions/caption-channel';
import type { Track } from '@oxbow/media/frame';
import { audioTrack, videoTrack } from '@oxbow/media/isobmff/media.fixture';
import type { Presentation } from '@oxbow/media/presentation';
import { captionAccessibility, captionsOfVariant, listCaptions } from './captions.ts';
import { hlsMultivariant } from './hls-multivariant.ts';

const av1 = { ...videoTrack, config: { ...videoTrack.config, codec: 'av1' } } as Track;
const cc1 = { service: 'CC1', language: 'en', name: 'English' } as const;
const cc3 = { service: 'CC3', language: 'und', name: 'CC3' } as const;
const service2 = { service: 'SERVICE2', language: 'es-MX', name: 'English' } as const;

test('captions are renditions without a URI, in one group, with distinct names (RFC 8216bis 4.4.6.1)', () => {
  const common = { type: 'CLOSED-CAPTIONS', groupId: 'cc', default: false, autoselect: true };
  assert.deepEqual(listCaptions([cc1, cc3, service2]), [
    { ...common, name: 'English', language: 'en', instreamId: 'CC1' },
    { ...common, name: 'CC3', instreamId: 'CC3' },
    { ...common, name: 'English (SERVICE2)', language: 'es-MX', instreamId: 'SERVICE2' },
  ]);
  assert.deepEqual(listCaptions(undefined), []);
});

test('variants have the group where their video can carry captions; NONE is that of all, and of none while unknown (4.4.6.2)', () => {
  assert.deepEqual(captionsOfVariant([videoTrack, audioTrack], [cc1]), { closedCaptions: 'cc' });
  assert.deepEqual(captionsOfVariant([av1], [cc1]), {});
  assert.deepEqual(captionsOfVariant([av1], []), { closedCaptions: 'NONE' });
  assert.deepEqual(captionsOfVariant([videoTrack], undefined), {});
});

test('CEA-708 services need a playlist of version 7 (8)', () => {
  const versionOf = (captions: readonly CaptionChannel[]) => {
    const description = { tracks: [videoTrack], captions, bandwidthOf: () => 1, frameRateOf: () => 25 };
    const presentation = { describe: () => description } as unknown as Presentation;
    return hlsMultivariant(presentation, (id) => id).version;
  };
  assert.deepEqual([versionOf([cc1]), versionOf([cc1, service2])], [6, 7]);
});

test('the manifest describes CEA-608 and CEA-708 apart, with languages of three letters (SCTE 214-1)', () => {
  assert.deepEqual(captionAccessibility(videoTrack, [cc1, cc3, service2]), [
    '<Accessibility schemeIdUri="urn:scte:dash:cc:cea-608:2015" value="CC1=eng;CC3=und"/>',
    '<Accessibility schemeIdUri="urn:scte:dash:cc:cea-708:2015" value="2=lang:spa"/>',
  ]);
  assert.deepEqual(captionAccessibility(audioTrack, [cc1]), []);
});
