import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RenditionView } from '../api/assets.ts';
import { isProcessing, processingShare, readTags, renditionName } from './asset-text.ts';

const rendition = (state: string, progress: number): RenditionView => ({ id: 'v0-480', state, progress, error: null });

test('progress is the mean of the renditions, and unknown before the first', () => {
  assert.equal(processingShare({ renditions: [] }), undefined);
  assert.equal(processingShare({ renditions: [rendition('done', 0), rendition('running', 0.5)] }), 0.75);
});

test('an asset that can be watched may still have renditions in the making', () => {
  assert.equal(isProcessing({ state: 'ready', renditions: [rendition('done', 1), rendition('running', 0.2)] }), true);
  assert.equal(isProcessing({ state: 'ready', renditions: [rendition('done', 1), rendition('failed', 0.2)] }), false);
});

test('a rendition is named by its height, or by its audio track', () => {
  const name = (id: string) => renditionName(id, 'Original', (track) => `Sound ${track}`);
  const ids = ['480', 'v0-1080', 'v0-576-full', 'v0-720-2', 'source', 'a0', 'a1-opus', 'a10', 'other'];
  assert.deepEqual(ids.map(name), [
    '480p',
    '1080p',
    '576p',
    '720p (2)',
    'Original',
    'Sound 1',
    'Sound 2',
    'Sound 11',
    'other',
  ]);
});

test('tags are separated by commas of both keyboards', () => {
  assert.deepEqual(readTags(' talks, 2026，talks,, night sky '), ['talks', '2026', 'night sky']);
});
