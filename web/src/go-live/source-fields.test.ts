import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SourceSettings } from '../../../src/api/shapes.ts';
import { sourceChanges, sourceFields } from './source-fields.ts';

const saved: SourceSettings = {
  type: 'push',
  audioOffset: '-80ms',
  audio: 'auto',
  onSecondPublisher: 'standby',
  quality: '720p',
  qualities: null,
  whileAway: 'slate',
  awayLimit: '10m',
  latency: '1s200ms',
  address: null,
  backup: null,
  hasPassphrase: true,
};

test('fields show the settings; unchanged ones change nothing', () => {
  const fields = sourceFields(saved);
  assert.deepEqual(fields, {
    second: 'standby',
    away: 'slate',
    quality: '720p',
    qualities: '',
    latencyMs: 1200,
    isEncrypted: true,
    passphrase: '',
    audioMs: -80,
  });
  assert.deepEqual(sourceChanges(saved, fields), {});
});

test('the picture while the publisher is away is sent when it changes', () => {
  const fields = sourceFields(saved);
  assert.deepEqual(sourceChanges(saved, { ...fields, away: 'last-picture' }), { whileAway: 'last-picture' });
});

test('which picture is that of the stream is sent when it changes; empty is the default', () => {
  const fields = sourceFields(saved);
  assert.deepEqual(sourceChanges(saved, { ...fields, quality: ' ', qualities: 'best ' }), {
    quality: null,
    qualities: 'best',
  });
});

test('each changed field is sent, and a default is restored by null', () => {
  const fields = sourceFields(saved);
  assert.deepEqual(sourceChanges(saved, { ...fields, second: 'replace', audioMs: 40, latencyMs: 250 }), {
    onSecondPublisher: 'replace',
    audioOffset: '40ms',
    latency: '250ms',
  });
  assert.deepEqual(sourceChanges(saved, { ...fields, audioMs: null, latencyMs: null, isEncrypted: false }), {
    audioOffset: '0ms',
    latency: null,
    passphrase: null,
  });
  assert.deepEqual(sourceChanges(saved, { ...fields, passphrase: 'correct-horse' }), { passphrase: 'correct-horse' });
  const open = { ...saved, hasPassphrase: false };
  assert.deepEqual(sourceChanges(open, { ...sourceFields(open), isEncrypted: true, passphrase: 'correct-horse' }), {
    passphrase: 'correct-horse',
  });
});
