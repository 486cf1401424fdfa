/**
 * The chain of evidence: shows that recorded and exported media is complete and unchanged.
 * In: the chains of the core, streams. Out: the feature. docs/5-record/evidence.md, docs/decisions/0115.
 */
import { ROOT_CONTEXT } from '@oxbow/media/evidence/block';
import { evidenceEvents } from '../../api/evidence/evidence-events.ts';
import { timelineRoutes } from '../../http/routes/streams/timeline.ts';
import type { Evidence } from '../../recording/evidence/evidence.ts';
import type { AppContext } from '../core.ts';
import { type CoreParts, defineFeature, type OpenFeature } from '../feature.ts';
import { anchorPlaces } from './anchor-places.ts';
import { Anchors } from './anchors.ts';
import { EvidenceApi } from './evidence-api.ts';
import { noteExpiry } from './expiry-notes.ts';
import { evidenceMetrics } from './metrics.ts';
import { evidenceRefusals } from './refusals.ts';
import { evidenceRoutes } from './routes.ts';
import { evidenceSection } from './settings.ts';

/** Older blocks of earlier processes are not anchored any more, µs: a day. */
const ANCHORED_US = 86_400_000_000;

/** Anchors the blocks until the shutdown, and notes what is deleted. */
function follow(
  { config, settings, opened, shutdown, metrics, clock, failed }: AppContext,
  { net, bus, recordings, catalog, placement, hooks }: CoreParts,
  evidence: Evidence,
): void {
  const nowUs = () => Math.round(clock.nowMs() * 1000);
  const report = failed('anchoring the chains of evidence');
  const anchors = new Anchors({
    places: anchorPlaces(config.evidence, { bus, net, targets: recordings.objects?.targets }),
    node: placement.node,
    nowUs,
    everyMs: () => settings.now.evidence.every,
    sign: (root) => evidence.sign(ROOT_CONTEXT, root),
    streams: () => catalog.all.map(({ definition }) => definition.id),
    stored: (streamId) => evidence.blocks.newest(streamId, nowUs() - ANCHORED_US),
    store: ({ streamId, seq }, anchor) => evidence.blocks.anchor(streamId, seq, anchor),
    report: {
      anchored: (place) => metrics.evidenceAnchors.inc({ place, result: 'anchored' }),
      failed(place, error) {
        if (place !== '') metrics.evidenceAnchors.inc({ place, result: 'failed' });
        report(error);
      },
    },
  });
  opened.defer(
    evidence.sealed.subscribe((block) => {
      metrics.evidenceBlocks.inc();
      anchors.add(block);
    }),
  );
  hooks.horizons.add(
    noteExpiry({
      blocks: evidence.blocks,
      nameOf: (id) => catalog.definitionOf(id)?.name,
      note: (stream, note) => evidence.note(stream, note),
      nowUs,
    }),
  );
  opened.use(shutdown.owns(anchors.run(shutdown)));
}

function openEvidence(app: AppContext, parts: CoreParts): OpenFeature<EvidenceApi> {
  const { recordings, catalog } = parts;
  const { evidence, reader } = recordings;
  return {
    own: new EvidenceApi(evidence, catalog, reader),
    start: () => evidence && follow(app, parts, evidence),
  };
}

/** The feature. */
export const evidence = defineFeature<EvidenceApi>({
  name: 'evidence',
  routes: evidenceRoutes,
  after: timelineRoutes,
  adds: {
    settings: { evidence: evidenceSection },
    refusals: evidenceRefusals,
    metrics: evidenceMetrics,
    events: evidenceEvents,
  },
  open: openEvidence,
});
