/**
 * Content steering: players are sent to the edge that is near, ready and has time.
 * In: settings, reports and probes of edges. Out: the feature; Steering Manifests for media addresses.
 * docs/9-run/steering.md.
 */
import { steeringOf } from '../../delivery/format/pathways.ts';
import { systemRoutes } from '../../http/routes/system.ts';
import { OxbowError } from '../../lib/errors.ts';
import type { AppContext } from '../core.ts';
import { type CoreParts, defineFeature, type OpenFeature } from '../feature.ts';
import { probeEdge } from './edge-probes.ts';
import { EdgeStates } from './edge-states.ts';
import { Manifests } from './manifests.ts';
import { steeringMetrics } from './metrics.ts';
import { PassedReports } from './passed-reports.ts';
import { steeringRefusals } from './refusals.ts';
import { steeringRoutes } from './routes.ts';
import { MAX_PATHWAYS, steeringSection } from './settings.ts';
import { SteeringControl } from './steering-control.ts';

/** Opens it. Without edges in the settings it only refuses reports. */
function openSteering(
  { config, settings, clock, metrics, log, opened, shutdown }: AppContext,
  { hooks, net, catalog, nodes }: CoreParts,
): OpenFeature<SteeringControl> {
  const { pathways } = config.steering;
  const ids = Object.keys(pathways);
  if (ids.length > MAX_PATHWAYS) {
    throw new OxbowError('bad-setting', `\`steering.pathways\` has ${ids.length} edges; use at most ${MAX_PATHWAYS}.`);
  }
  const states = new EdgeStates(ids, clock);
  const others = () => nodes?.placement.others ?? [];
  const passed = opened.use(new PassedReports({ others, net, signal: shutdown.signal }));
  const control = new SteeringControl({ pathways, states, passed, token: () => settings.now.edges.token, metrics });
  const steering = steeringOf(config);
  if (!steering) return { own: control };
  hooks.steering = new Manifests({
    pathways,
    steering,
    states,
    ttlMs: () => settings.now.steering.ttl,
    targetDurationS: (stream) => catalog.find(stream)?.served.list.generation?.targetDurationS,
    answered: (pathway) => metrics.steeringAnswers.inc({ pathway }),
  });
  opened.defer(metrics.beforeScrape(() => control.measure()));
  return {
    own: control,
    start() {
      for (const { id, url } of steering.pathways) {
        const probed = (result: Parameters<EdgeStates['probed']>[1]) => {
          if (!states.probed(id, result)) return;
          if (result === 'silent') log.warn({ pathway: id, url }, 'an edge does not answer; viewers go to others');
          else log.info({ pathway: id, url }, 'an edge answers again');
        };
        opened.use(shutdown.owns(probeEdge(url, net, probed, shutdown)));
      }
    },
  };
}

/** The feature. */
export const steering = defineFeature({
  name: 'steering',
  routes: steeringRoutes,
  after: systemRoutes,
  adds: {
    settings: { steering: steeringSection },
    refusals: steeringRefusals,
    metrics: steeringMetrics,
  },
  open: openSteering,
});
