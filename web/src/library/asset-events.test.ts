import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assetOf } from './asset-events.ts';

test('events of an asset and of its jobs are about it; after a loss any may have changed', () => {
  assert.equal(assetOf('asset.changed', { id: 'a1' }), 'a1');
  assert.equal(assetOf('job.progress', { id: 'j1', subject: 'a1' }), 'a1');
  assert.equal(assetOf('job.progress', { id: 'j1', subject: null }), undefined);
  assert.equal(assetOf('events.ready', {}), undefined);
  assert.equal(assetOf('events.reset', {}), '');
});
