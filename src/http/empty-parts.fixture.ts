/**
 * Parts of a server that have nothing, for the tests of this folder.
 * In: nothing. Out: for fixture.ts.
 */
import type { AssetsApi } from '../api/library/assets-api.ts';
import type { WebRtcApi } from '../api/realtime/webrtc-api.ts';
import { OxbowError } from '../lib/errors.ts';
import type { HttpDeps, WebhooksApi } from './deps.ts';

/** No jobs at all. */
export function fakeJobs(): Pick<HttpDeps, 'jobs' | 'workers' | 'encoders' | 'leasedJobs' | 'jobMedia'> {
  const unknown = async (id: string): Promise<never> => {
    throw new OxbowError('job-unknown', `no ${id}`);
  };
  return {
    jobs: { list: async () => ({ items: [], nextCursor: null }), get: unknown, cancel: unknown, retry: unknown },
    workers: { list: () => [] } as unknown as HttpDeps['workers'],
    encoders: { view: () => [] },
    leasedJobs: {} as HttpDeps['leasedJobs'],
    jobMedia: {} as HttpDeps['jobMedia'],
  };
}

/** No webhooks at all. */
export function fakeWebhooks(): WebhooksApi {
  const unknown = (id: string): never => {
    throw new OxbowError('webhook-unknown', `no ${id}`);
  };
  return {
    list: () => [],
    get: unknown,
    create: async () => unknown('new'),
    replace: async (id) => unknown(id),
    remove: async (id) => unknown(id),
    deliveries: async (id) => unknown(id),
    test: async (id) => unknown(id),
    replay: async (id) => unknown(id),
  };
}

/** WebRTC is off. */
export function noWebRtc(): WebRtcApi {
  const off = (): never => {
    throw new OxbowError('webrtc-off', 'off');
  };
  return { iceServers: [], publish: off, play: off, end: off, trickle: off };
}

/** No assets at all. */
export function fakeAssets(): AssetsApi {
  const unknown = async (id: string): Promise<never> => {
    throw new OxbowError('asset-unknown', `no ${id}`);
  };
  return {
    access: async () => undefined,
    list: async () => ({ items: [], nextCursor: null }),
    get: unknown,
    update: unknown,
    watchAccess: unknown,
    remove: unknown,
    restore: unknown,
    addSubtitle: unknown,
    removeSubtitle: unknown,
    createRecorded: ({ stream }) => unknown(stream),
  };
}
