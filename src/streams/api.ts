/**
 * The streams API: implements StreamsApi on the catalog and its control.
 * In: names and settings that HTTP has checked. Out: the JSON of api/shapes.
 */

import { watchAccessView } from '../accounts/watch-rules/rules-view.ts';
import { type GapNotes, noGapNotes, withNote } from '../api/healing/gap-notes.ts';
import { printRfc3339 } from '../api/instant.ts';
import { pastRulesView } from '../api/past/past-rules.ts';
import type { StreamView } from '../api/shapes.ts';
import { streamUnknown } from '../api/stream/stream-refusals.ts';
import type { StreamsApi } from '../api/streams-api.ts';
import { type Countries, noCountries } from '../net/countries/countries.ts';
import { coarsen } from '../recording/coarse-timeline.ts';
import type { RecordedTotals } from '../recording/sums/recorded-sums.ts';
import { readTimeline } from '../recording/timeline.ts';
import type { StreamControl } from './catalog/stream-control.ts';
import type { UnopenedStream } from './catalog/unopened-streams.ts';
import { pastRulesInForce, rulesInForce, type StreamDefinition } from './definition.ts';
import type { ManagedStream } from './managed-stream.ts';
import { createStatsApi } from './measure/stats-api.ts';
import { givesToPeers } from './peer-delivery.ts';
import { revisionOf } from './revision.ts';
import { sourceSettingsOf } from './source/source-settings.ts';
import type { StreamDeps } from './stream-deps.ts';
import { marksBetween } from './timeline/marks.ts';
import { readRecordedDays } from './timeline/recorded-days.ts';
import { timelineViewOf, unopenedViewOf, viewOf } from './views.ts';

/**
 * Creates the API of the streams.
 *
 * @param viewersOf number of current viewers of a stream
 * @param countries of addresses whose country a request does not name
 * @param notesOf what is known of the healing of gaps
 */
export function createStreamsApi(
  deps: StreamDeps,
  control: StreamControl,
  viewersOf: (name: string) => number = () => 0,
  countries: Countries = noCountries,
  notesOf: GapNotes = noGapNotes,
): StreamsApi {
  const { catalog } = control;
  const pictureOf = ({ id }: StreamDefinition) => deps.recordings.pictures.versionOf(id);
  const viewWith = (stream: ManagedStream, totals: RecordedTotals) => {
    const { definition } = stream;
    const facts = { totals, viewers: viewersOf(stream.name), picture: pictureOf(definition) };
    return withRules(viewOf(stream, facts), definition, deps);
  };
  const view = async (stream: ManagedStream) =>
    viewWith(stream, await deps.recordings.table.knownTotals(stream.definition.id));
  const definitionOf = (name: string) => (catalog.find(name) ?? catalog.unopened.find(name))?.definition;
  const viewUnopened = (stream: UnopenedStream, totals: RecordedTotals) => {
    const { definition } = stream;
    return withRules(unopenedViewOf(stream, { totals, picture: pictureOf(definition) }), definition, deps);
  };
  const timeline = async (name: string, fromMs: number, toMs: number, resS = 0) => {
    const stream = catalog.get(name);
    const [fromUs, toUs] = [fromMs * 1000, toMs * 1000];
    const read = await readTimeline(
      stream.served.recording,
      deps.recordings.chunks,
      stream.served.timelineEnd,
      fromUs,
      toUs,
    );
    const coarse = coarsen(read, resS);
    const notes = coarse.pieces.some(({ kind }) => kind !== 'media')
      ? await notesOf(stream.definition.id, fromUs, toUs)
      : [];
    const set = await marksBetween(deps.recordings, stream.definition.id, fromUs, toUs, coarse.resS);
    const view = timelineViewOf(coarse, set, (us) => stream.served.settled(us), stream.definition.source);
    return { ...view, gaps: view.gaps.map((gap) => withNote(gap, notes)) };
  };
  return {
    ...createStatsApi(deps, catalog, viewersOf),
    async list() {
      catalog.assertOpen();
      const totals = await deps.recordings.table.allTotals();
      const totalsOf = ({ definition }: Pick<UnopenedStream, 'definition'>) => totals.of(definition.id);
      const opened = catalog.all.map((stream) => viewWith(stream, totalsOf(stream)));
      const unopened = catalog.unopened.all.map((stream) => viewUnopened(stream, totalsOf(stream)));
      return [...opened, ...unopened].sort((a, b) => (a.name < b.name ? -1 : 1));
    },
    async get(name) {
      const unopened = catalog.unopened.find(name);
      if (unopened) return viewUnopened(unopened, await deps.recordings.table.knownTotals(unopened.definition.id));
      const stream = catalog.lookUpHere(name);
      return stream && view(stream);
    },
    sourceSettings: (name) => sourceSettingsOf(catalog.get(name).definition.source),
    create: async (name, settings) => view(await control.create(name, settings)),
    update: async (name, patch, check) => view(await control.update(name, patch, check)),
    async replace(name, settings, check) {
      const { stream, created } = await control.replace(name, settings, check);
      return { view: await view(stream), created };
    },
    revision(name) {
      const definition = definitionOf(name);
      return definition && revisionOf(definition);
    },
    remove: (name, options) => control.remove(name, options),
    start: (name) => control.start(name),
    stop: (name) => control.stop(name),
    restart: (name) => control.restart(name),
    pause: (name) => control.setPaused(name, true),
    resume: (name) => control.setPaused(name, false),
    timeline,
    days: (name, days) => readRecordedDays(deps.recordings, catalog.get(name), days),
    gaps: async (name, fromMs, toMs) => (await timeline(name, fromMs, toMs)).gaps,
    isPrivate(name) {
      const visibility = definitionOf(name)?.visibility;
      return visibility === 'private' || visibility === 'signed';
    },
    watchAccess(name, client) {
      const definition = definitionOf(name);
      if (!definition) throw streamUnknown(name);
      const byDefault = deps.settings.now.watchRules;
      return watchAccessView({ own: definition.watchRules, byDefault, kind: 'stream' }, client, countries);
    },
    watchRulesOf: (name) => rulesInForce(definitionOf(name), deps.settings.now.watchRules),
    pastRulesOf: (name) => pastRulesInForce(definitionOf(name)),
    setStartMark: async (name, atMs) => view(await control.setStartMark(name, atMs)),
    visibilityOf: (name) => definitionOf(name)?.visibility,
    isMadePublic(name) {
      const definition = definitionOf(name);
      return definition?.visibility === 'public' && definition.visibilityIsSet;
    },
  };
}

/** A stream with its rules for the past, if it has any, and whether viewers give each other segments. */
function withRules(
  seen: StreamView,
  definition: StreamDefinition,
  { clock, settings }: Pick<StreamDeps, 'clock' | 'settings'>,
): StreamView {
  const rules = pastRulesInForce(definition);
  const view = givesToPeers(definition, settings.now) ? { ...seen, peers: true as const } : seen;
  return rules ? { ...view, past: pastRulesView(rules, clock.nowMs(), printRfc3339) } : view;
}
