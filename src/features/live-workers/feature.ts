/**
 * Live qualities on video devices of workers on other machines.
 * In: connections of workers. Out: RemoteEncoders for the ladders of live streams.
 * docs/6-library/encoders.md.
 */
import { may } from '../../accounts/permissions.ts';
import { socketRequestOf } from '../../http/upgrades.ts';
import { OxbowError } from '../../lib/errors.ts';
import { createAuthenticator } from '../../serve/client/authenticate.ts';
import { defineFeature } from '../feature.ts';
import { LIVE_WORKERS_PATH } from './messages.ts';
import { liveWorkerMetrics } from './metrics.ts';
import { WorkerSockets } from './worker-sockets.ts';

/** The feature. */
export const liveWorkers = defineFeature<WorkerSockets>({
  name: 'live-workers',
  adds: { metrics: liveWorkerMetrics },
  open({ clock, metrics, opened }, { hooks }) {
    const sockets = opened.use(new WorkerSockets({ clock, metrics }));
    hooks.remoteEncoders = sockets;
    return { own: sockets };
  },
  additions: (sockets, deps) => ({
    sockets: {
      targetOf: (path) => (path === LIVE_WORKERS_PATH ? '' : undefined),
      open() {
        const authenticator = createAuthenticator(deps);
        return {
          async open(request, socket, head) {
            const sent = socketRequestOf(request);
            await authenticator.lookUp(sent);
            authenticator.tryToken(sent);
            const principal = authenticator.authenticate(sent);
            if (!may({ ...principal, isLocal: authenticator.clientOf(sent).isLocal }, 'worker')) {
              const code = principal.name === '' ? 'unauthorized' : 'forbidden';
              throw new OxbowError(code, 'A worker needs a token with the scope `worker`.');
            }
            sockets.open(request, socket, head);
          },
          close: () => sockets.close(),
          destroy: () => sockets[Symbol.dispose](),
        };
      },
    },
    register() {},
  }),
});
