import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parsePlaylist } from '@oxbow/media/m3u8/parse';
import type { MultivariantPlaylist } from '@oxbow/media/m3u8/playlist';
import { printMultivariantPlaylist } from '@oxbow/media/m3u8/print';
import { steeringElements, steeringOf, withPathways, withTokens } from './pathways.ts';

const list: MultivariantPlaylist = {
  version: 9,
  independentSegments: false,
  variants: [{ uri: 'v0/g7.m3u8', bandwidth: 100, audio: 'audio', subtitles: 'subtitles', closedCaptions: 'cc' }],
  renditions: [
    { type: 'AUDIO', groupId: 'audio', name: 'English', default: true, autoselect: true, uri: 'a0/g7.m3u8' },
    { type: 'SUBTITLES', groupId: 'subtitles', name: 'en', default: false, autoselect: true, uri: 's0/g7.m3u8' },
    { type: 'CLOSED-CAPTIONS', groupId: 'cc', name: 'CC1', default: false, autoselect: true, instreamId: 'CC1' },
  ],
};
const steering = {
  pathways: [
    { id: 'eu', url: 'https://eu.example' },
    { id: 'us', url: 'https://us.example:8443' },
  ],
  server: undefined,
  needsToken: false,
};

test('a playlist has the media next to it, then that of each edge, each with its own groups', () => {
  const text = printMultivariantPlaylist(
    withPathways(list, steering, { folder: '/live/door/', serverUri: 'steering.json' }),
  );
  const lines = text.split('\n');
  assert.ok(lines.includes('#EXT-X-CONTENT-STEERING:SERVER-URI="steering.json",PATHWAY-ID="here"'));
  const variants = lines.flatMap((line, i) => (line.startsWith('#EXT-X-STREAM-INF') ? [[line, lines[i + 1]]] : []));
  const captioned = (id: string, suffix: string) =>
    `#EXT-X-STREAM-INF:BANDWIDTH=100,AUDIO="audio${suffix}",SUBTITLES="subtitles${suffix}",CLOSED-CAPTIONS="cc",PATHWAY-ID="${id}"`;
  assert.deepEqual(variants, [
    [captioned('here', ''), 'v0/g7.m3u8'],
    [captioned('eu', '-eu'), 'https://eu.example/live/door/v0/g7.m3u8'],
    [captioned('us', '-us'), 'https://us.example:8443/live/door/v0/g7.m3u8'],
  ]);
  const media = lines.filter((line) => line.startsWith('#EXT-X-MEDIA'));
  assert.equal(media.length, 7, 'captions are in the pictures, and are listed once');
  assert.ok(media.some((line) => line.includes('GROUP-ID="audio-us"') && line.includes('PATHWAY-ID="us"')));
});

test('what is printed is parsed as it was', () => {
  const steered = withPathways(list, steering, { folder: '/live/door/dvr-4h/', serverUri: '../steering.json' });
  const { kind, playlist: read } = parsePlaylist(printMultivariantPlaylist(steered));
  assert.ok(kind === 'multivariant');
  assert.deepEqual(read.contentSteering, { serverUri: '../steering.json', pathwayId: 'here' });
  assert.deepEqual(
    read.variants.map(({ uri, pathwayId }) => [pathwayId, uri]),
    steered.variants.map(({ uri, pathwayId }) => [pathwayId, uri]),
  );
});

test('a manifest has the place next to it first, and an absolute address of the Steering Manifest', () => {
  assert.deepEqual(steeringElements(steering, 'door', { base: '', folder: '' }), [
    '<BaseURL serviceLocation="here">./</BaseURL>',
    '<BaseURL serviceLocation="eu">https://eu.example/live/door/</BaseURL>',
    '<BaseURL serviceLocation="us">https://us.example:8443/live/door/</BaseURL>',
    '<Location serviceLocation="here">index.mpd</Location>',
    '<Location serviceLocation="eu">https://eu.example/live/door/index.mpd</Location>',
    '<Location serviceLocation="us">https://us.example:8443/live/door/index.mpd</Location>',
    '<ContentSteering defaultServiceLocation="here" queryBeforeStart="false">https://eu.example/live/door/steering.json?format=dash</ContentSteering>',
  ]);
  const elements = steeringElements({ ...steering, server: 'https://tv.example' }, 'door', {
    base: '../',
    folder: 'dvr-4h/',
  });
  assert.match(elements[0]!, />\.\.\/</);
  assert.match(elements[4]!, />https:\/\/eu\.example\/live\/door\/dvr-4h\/index\.mpd</);
  assert.match(elements.at(-1)!, />https:\/\/tv\.example\/live\/door\/steering\.json\?format=dash</);
});

test('where a token is needed, addresses of other servers have a place for it, and those next to the playlist none', () => {
  const signed = withTokens(steering)!;
  const { variants } = withPathways(list, signed, { folder: '/live/door/', serverUri: 'steering.json' });
  assert.deepEqual(
    variants.map(({ uri }) => uri),
    ['v0/g7.m3u8', 'https://eu.example/t/_/live/door/v0/g7.m3u8', 'https://us.example:8443/t/_/live/door/v0/g7.m3u8'],
  );
  const elements = steeringElements(signed, 'door', { base: '../', folder: 'dvr-4h/' });
  assert.ok(
    elements.every((text) => !text.includes('https:') || text.includes('/t/_/live/door/')),
    elements.join('\n'),
  );
  assert.equal(withTokens(undefined), undefined);
});

test('without edges in the settings nothing is steered', () => {
  const settings = { steering: { url: undefined, pathways: {} }, publicUrl: 'https://tv.example/' };
  assert.equal(steeringOf(settings), undefined);
  const some = { url: undefined, pathways: { eu: { url: 'https://eu.example' } } };
  assert.equal(steeringOf({ ...settings, steering: some })?.server, 'https://tv.example');
});
