import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { OxbowError } from '../lib/errors.ts';
import type { Job } from './job.ts';
import { RemoteMedia } from './remote-media.ts';

suite('the media of a job of a worker', () => {
  /** @param size of its input; may throw */
  function open(size: () => Promise<number>) {
    const released: unknown[] = [];
    const media = new RemoteMedia({
      leases: {
        leased: async () => ({ id: 'j', kind: 'import', token: 1 }) as Job,
        whileLeased: async () => {},
        release: async (...given) => void released.push(given),
      },
      media: { size, put: async () => {}, delete: async () => {} },
      kindOf: () => ({ inputLocation: async () => 'assets/a/original' }) as never,
      mayWrite: () => true,
    });
    return { media, released, lease: { id: 'j', token: 1 } };
  }

  test('a job whose input is on a node that does not run is given back for a while, and has not failed', async () => {
    const { media, released, lease } = open(async () => {
      throw new OxbowError('not-ready', 'The recording is on a node that does not run.');
    });
    await assert.rejects(media.input(lease, 'original'), { code: 'lease-lost' });
    assert.deepEqual(released, [[lease, { pauseMs: 30_000 }]]);
  });

  test('an input that is gone is the failure of its job', async () => {
    const { media, released, lease } = open(async () => {
      throw new OxbowError('gone', 'It was deleted.');
    });
    await assert.rejects(media.input(lease, 'original'), { code: 'gone' });
    assert.deepEqual(released, []);
  });
});
