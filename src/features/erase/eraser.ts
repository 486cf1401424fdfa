/**
 * Deletes ranges of recordings for good. The segments leave the index in one transaction, with the work that
 * is left: files, copies, small pictures, caches. The work is done at once, and again with growing pauses
 * until nothing is left; a process that ends in between continues it at its next start. docs/decisions/0065.
 * In: a stream, a range. Out: deleted media, and places that were not reached.
 */
import type { AuditTrail } from '../../accounts/audit/audit-trail.ts';
import type { Requester } from '../../api/deletions/deletions-api.ts';
import { printRfc3339 } from '../../api/instant.ts';
import { eraseGroups } from '../../archive/erase-groups.ts';
import type { ObjectDeletions } from '../../archive/objects/object-deletions.ts';
import type { ObjectTargets } from '../../archive/objects/object-targets.ts';
import type { StoredObjects } from '../../archive/objects/stored-objects.ts';
import type { RangeReader } from '../../archive/range-reader.ts';
import { healedRecording, storyboardLocation } from '../../archive/recording-locations.ts';
import { type SegmentLocation, type SegmentPrefix, segmentLocation } from '../../archive/segment-store.ts';
import type { PurgedThing } from '../../cluster/requests/internal-requests.ts';
import type { UnpurgedNode } from '../../cluster/requests/node-copies.ts';
import { sleep } from '../../lib/abort.ts';
import { messageOf, OxbowError } from '../../lib/errors.ts';
import { writeErased } from '../../recording/erase/erased-file.ts';
import {
  type ErasedThing,
  type Erasure,
  type ErasureLeft,
  type ErasureReport,
  erasedPieces,
} from '../../recording/erase/erasure-table.ts';
import { isHealedMsn } from '../../recording/healed/healed-numbers.ts';
import type { LoggedCopies } from '../../recording/mirror/logged-copies.ts';
import type { PinnedRange } from '../../recording/pinned-windows.ts';
import { WINDOW_US, windowOf } from '../../recording/window.ts';
import type { Catalog } from '../../streams/catalog.ts';
import type { ManagedStream } from '../../streams/managed-stream.ts';
import type { StreamDeps } from '../../streams/stream-deps.ts';
import type { EdgePurges } from './edge-purges.ts';
import { extentsOf, filesOf, pinsOver, refuseAssets, type SegmentExtent } from './erase-scope.ts';

/** Places that were not reached are tried again after this time, ms, and after longer ones each time. */
const MIN_RETRY_MS = 2_000;
const MAX_RETRY_MS = 60_000;
/** While nothing is left, it is looked again this often, ms. */
const IDLE_MS = 15_000;

/** Other holders of media of recordings. */
interface ErasedElsewhere {
  /** Exports whose file has media of a range, or will have. */
  exports(stream: string, range: PinnedRange): Promise<readonly ErasedThing[]>;
  /** Deletes an export with its file, or cancels it. */
  removeExport(id: string): Promise<void>;
  /** Title of an asset; undefined if there is none. */
  titleOf(asset: string): Promise<string | undefined>;
  /** Deletes an asset for good, its files at once. */
  removeAsset(id: string): Promise<void>;
}

/** Dependencies of the eraser. */
interface EraserOptions {
  readonly deps: Pick<StreamDeps, 'recordings' | 'events' | 'clock' | 'log'>;
  readonly catalog: Pick<Catalog, 'find' | 'definitionOf'>;
  readonly reader: Pick<RangeReader, 'refuse'>;
  readonly elsewhere: ErasedElsewhere;
  readonly edges: Pick<EdgePurges, 'urls' | 'purge'>;
  /** Undefined: there is no object store. */
  readonly objects:
    | {
        readonly index: StoredObjects;
        readonly deletions: ObjectDeletions;
        readonly targets: Pick<ObjectTargets, 'client'>;
        readonly logged: Pick<LoggedCopies, 'delete'>;
      }
    | undefined;
  /** In a cluster: deletes files at the other nodes; returns those that may still have them. */
  readonly deleteElsewhere: ((prefix: SegmentPrefix) => Promise<readonly string[]>) | undefined;
  /**
   * In a cluster: drops copies in the memory of the other nodes, or of one; returns those that did not
   * confirm it.
   */
  readonly purgeNodes:
    | ((
        things: readonly PurgedThing[],
        options: { readonly signal: AbortSignal; readonly only?: string },
      ) => Promise<readonly UnpurgedNode[]>)
    | undefined;
  readonly audit: Pick<AuditTrail, 'record'>;
  /** Ends the work. */
  readonly signal: AbortSignal;
  readonly failed: (error: unknown) => void;
}

/** A range to delete. */
interface EraseRequest extends PinnedRange {
  readonly assets: 'keep' | 'delete';
}

/** The media that a deletion removes. */
export interface PlannedErasure {
  readonly extent: SegmentExtent;
  /** Next to it: what was found later of the range, in files of a separate recording. */
  readonly found: SegmentExtent | undefined;
  readonly report: ErasureReport;
  readonly left: readonly ErasureLeft[];
}

/** Deletes ranges. */
export class Eraser {
  readonly #options: EraserOptions;
  /** The work on each deletion that is under way. */
  readonly #working = new Map<string, Promise<Erasure>>();
  /** Resolves when the deletions that were begun before are in the index: one at a time. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: EraserOptions) {
    this.#options = options;
  }

  /**
   * The media that a deletion would remove.
   *
   * @throws OxbowError `stream-unknown`, `no-media`, `recording-held`
   */
  async plan(stream: ManagedStream, range: PinnedRange): Promise<PlannedErasure> {
    const { deps, objects, elsewhere, edges, purgeNodes } = this.#options;
    const { id, name } = stream.definition;
    const { recording } = stream.served;
    const { recorded, later } = await extentsOf(recording, range);
    const extent = recorded ?? later;
    const found = recorded && later;
    if (!extent) throw new OxbowError('no-media', `Nothing of ${name} is recorded between these times.`);
    deps.recordings.pins.assertNotHeld(id, extent);
    if (found) deps.recordings.pins.assertNotHeld(id, found);
    const contents = await filesOf(await this.#recordingsOf(id), extent, {
      ...deps.recordings,
      objects: objects?.index,
    });
    const { within, ofAssets } = pinsOver(deps.recordings.pins, id, extent);
    const assets: ErasedThing[] = [];
    for (const { asset } of ofAssets) {
      const title = await elsewhere.titleOf(asset);
      if (title !== undefined) assets.push({ id: asset, title });
    }
    const foundContents = found && (await this.#foundContents(id, found));
    const files = contents.files.map(({ location }): ErasureLeft => left('file', location));
    return {
      extent,
      found,
      left: [
        ...(purgeNodes ? [left('memory', '')] : []),
        ...[...files, ...contents.copies, left('pictures', ''), ...edges.urls.map((url) => left('edge', url))],
      ],
      report: {
        segments: extent.segments + (found?.segments ?? 0),
        windows: extent.windows,
        bytes: contents.bytes + (foundContents?.bytes ?? 0),
        files: files.length + (foundContents?.files.length ?? 0),
        copies: contents.copies.length + (foundContents?.copies.length ?? 0),
        pictures: 0,
        clips: deps.recordings.kept.over(id, extent),
        pins: within.map((pin) => ({ id: pin.id, title: pin.text })),
        assets,
        exports: await elsewhere.exports(name, extent),
        edges: edges.urls,
      },
    };
  }

  /**
   * Deletes a range. When it resolves, no viewer gets anything of it; the work that is left is under way.
   *
   * @throws OxbowError `no-media`, `recording-held`, `recording-in-use`, `not-ready`, `limit-reached`
   */
  erase(stream: ManagedStream, request: EraseRequest, by: Requester): Promise<Erasure> {
    const turn = this.#turn.then(() => this.#erase(stream, request, by));
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  async #erase(stream: ManagedStream, { assets, ...range }: EraseRequest, by: Requester): Promise<Erasure> {
    const { deps, catalog } = this.#options;
    const { id, name } = stream.definition;
    await this.#sealOver(stream, range);
    const { extent, found, report, left: planned } = await this.plan(stream, range);
    if (assets === 'keep') refuseAssets(report.assets);
    const foundErasure = found && (await this.#eraseFound(stream, found, report, by));
    const recordings = await this.#recordingsOf(id);
    const copies = planned.filter(({ kind }) => kind !== 'file');
    const erasure = await deps.recordings.erasures.add({
      streamId: id,
      stream: name,
      recordings,
      author: by.userId,
      report,
      firstMsn: extent.firstMsn,
      lastMsn: extent.lastMsn,
      fromUs: extent.fromUs,
      toUs: extent.toUs,
      createdUs: Math.round(deps.clock.nowMs() * 1000),
      pieces: erasedPieces(extent.groups),
      leftOf: (files) => [...files.map(({ location }) => left('file', location)), ...copies],
    });
    deps.recordings.evidence?.note(
      { id, name },
      { what: 'erased', from: erasure.fromUs, to: erasure.toUs, at: erasure.createdUs },
    );
    deps.recordings.table.reload(id);
    // Nothing in memory has the segments any more.
    if (!isHealedMsn(erasure.lastMsn)) catalog.find(name)?.files.erase(erasure.lastMsn);
    await this.#removeThings(erasure);
    const { from, to, words } = describe(erasure);
    deps.log.warn({ stream: name, from, to, by: by.name, ...counts(report) }, 'a range of a recording is deleted');
    this.#options.audit.record({
      userId: by.userId,
      name: by.name,
      address: by.address,
      traceId: by.traceId,
      action: 'deleteRecording',
      request: words,
      status: null,
    });
    deps.events.publish('recording.deleted', { id: erasure.id, from, to }, stream.definition);
    // One after the other: both write what is deleted of the stream.
    const work = async () => {
      await this.work(erasure);
      if (foundErasure) await this.work(foundErasure);
    };
    void work().catch((error: unknown) => this.#workFailed(error));
    return erasure;
  }

  #foundContents(streamId: string, found: SegmentExtent): ReturnType<typeof filesOf> {
    const { deps, objects } = this.#options;
    return filesOf([healedRecording(streamId)], found, { ...deps.recordings, objects: objects?.index });
  }

  /** Deletes what was found later of a range: its numbers are others, so it is a separate deletion. */
  async #eraseFound(
    { definition: { id, name } }: ManagedStream,
    found: SegmentExtent,
    report: ErasureReport,
    by: Requester,
  ): Promise<Erasure> {
    const { deps } = this.#options;
    const { copies } = await this.#foundContents(id, found);
    const { firstMsn, lastMsn, fromUs, toUs, segments, windows, groups } = found;
    return deps.recordings.erasures.add({
      streamId: id,
      stream: name,
      recordings: [healedRecording(id)],
      author: by.userId,
      report: { ...report, segments, windows, clips: [], pins: [], assets: [], exports: [] },
      firstMsn,
      lastMsn,
      fromUs,
      toUs,
      createdUs: Math.round(deps.clock.nowMs() * 1000),
      pieces: erasedPieces(groups),
      leftOf: (files) => [...files.map(({ location }) => left('file', location)), ...copies],
    });
  }

  async #recordingsOf(streamId: string): Promise<readonly string[]> {
    return [streamId, ...(await this.#options.deps.recordings.table.qualitiesOf(streamId))];
  }

  /**
   * Ends the open files that have media of a range.
   * @throws OxbowError `not-ready` if they cannot be indexed now
   */
  async #sealOver(stream: ManagedStream, { fromUs, toUs }: PinnedRange): Promise<void> {
    const isOpen = () => {
      const { recording } = stream.served;
      const recordings = [recording, ...Array.from(stream.files.qualities.values(), ({ own }) => own)];
      const groups = [...recordings, recording.healed].flatMap((each) => each?.open ?? []);
      return groups.some(({ startUs, durationUs }) => startUs < toUs && startUs + durationUs > fromUs);
    };
    // Media that waits for the disk may be of the range too.
    const waits = toUs > stream.served.recording.endUs && !stream.files.isQuiet;
    if (waits || isOpen()) await stream.files.seal();
    if (!isOpen()) return;
    throw new OxbowError('not-ready', 'The newest of the recording is not in the index yet.', {
      extra: { retryAfterSeconds: 5 },
    });
  }

  /**
   * Deletes clips, pins, assets and exports. Only assets and exports have files, which go at once.
   */
  async #removeThings(erasure: Erasure): Promise<void> {
    const { deps, catalog, elsewhere } = this.#options;
    const { streamId, stream } = erasure;
    await deps.recordings.kept.lose(streamId, erasure, 'deleted');
    const { within, ofAssets } = pinsOver(deps.recordings.pins, streamId, erasure);
    const definition = catalog.definitionOf(streamId);
    for (const { id } of within) {
      if (await deps.recordings.pins.remove(streamId, id)) deps.events.publish('pin.removed', { id }, definition);
    }
    for (const { asset } of ofAssets) await elsewhere.removeAsset(asset);
    for (const { id } of await elsewhere.exports(stream, erasure)) await elsewhere.removeExport(id);
  }

  /** The state of a deletion after the work that is under way, or after `ms`. */
  async settled(erasure: Erasure, ms: number, options: { readonly signal: AbortSignal }): Promise<Erasure> {
    const working = this.#working.get(erasure.id);
    if (!working) return (await this.#options.deps.recordings.erasures.find(erasure.id)) ?? erasure;
    const late = sleep(ms, options).then(() => undefined);
    return (
      (await Promise.race([working, late])) ??
      (await this.#options.deps.recordings.erasures.find(erasure.id)) ??
      erasure
    );
  }

  /** Does the remaining work of a deletion, once. */
  work(erasure: Erasure): Promise<Erasure> {
    const runningWork = this.#working.get(erasure.id);
    if (runningWork) return runningWork;
    const working = this.#work(erasure).finally(() => this.#working.delete(erasure.id));
    this.#working.set(erasure.id, working);
    return working;
  }

  async #work(erasure: Erasure): Promise<Erasure> {
    const { deps, audit, catalog, signal } = this.#options;
    let now = erasure;
    const note = async (change: Partial<Erasure>) => {
      now = { ...now, ...change };
      await deps.recordings.erasures.note(now);
    };
    await this.#removeThings(erasure);
    await deps.recordings.erasures.takeOut(await this.#recordingsOf(now.streamId), now);
    if (catalog.definitionOf(now.streamId))
      await writeErased(deps.recordings.segments, now.streamId, deps.recordings.erasures.of(now.streamId));
    // Viewers first: of other nodes they get copies until these are dropped.
    for (const kind of ['memory', 'file', 'pictures', 'copy', 'node', 'edge'] as const) {
      for (const place of now.left.filter((each) => each.kind === kind)) {
        signal.throwIfAborted();
        const reached = await this.#reach(now, place, signal);
        const others = now.left.filter((each) => each !== place);
        await note({ left: [...others, ...reached.left], ...(reached.report && { report: reached.report }) });
      }
    }
    if (now.left.length > 0) {
      const places = now.left.map(({ kind, name, problem }) => `${kind} ${name}: ${problem}`);
      deps.log.warn({ stream: now.stream, deletion: now.id, places }, 'a deletion has not reached everything yet');
    } else {
      await note({ doneUs: Math.round(deps.clock.nowMs() * 1000) });
      deps.log.info({ stream: now.stream, deletion: now.id }, 'a deletion is complete');
    }
    if (erasure.left.length !== now.left.length || now.left.length === 0)
      audit.record({
        userId: now.author,
        name: '',
        address: '',
        traceId: '',
        status: null,
        action: 'deletedRecording',
        request: outcome(now),
      });
    return now;
  }

  /** Deletes in one place. Returns the work left there. */
  async #reach(
    erasure: Erasure,
    place: ErasureLeft,
    signal: AbortSignal,
  ): Promise<{ readonly left: readonly ErasureLeft[]; readonly report?: ErasureReport }> {
    try {
      switch (place.kind) {
        case 'file':
          return { left: await this.#eraseFile(erasure, segmentLocation(place.name)) };
        case 'pictures':
          return await this.#erasePictures(erasure);
        case 'copy':
          return { left: await this.#deleteCopy(erasure, place, signal) };
        case 'node':
          return { left: await this.#deleteAtNodes(segmentLocation(place.name)) };
        case 'memory':
          return { left: await this.#purgeNodes(erasure, place, signal) };
        case 'edge': {
          const { stream, report } = erasure;
          const ids = (things: readonly ErasedThing[]) => things.map(({ id }) => id);
          const purged = { stream, assets: ids(report.assets), clips: ids(report.clips) };
          const problem = await this.#options.edges.purge(place.name, purged, signal);
          return { left: problem === undefined ? [] : [{ ...place, problem }] };
        }
        default:
          throw new RangeError(`a place of the kind ${place.kind satisfies never} is not known`);
      }
    } catch (error) {
      signal.throwIfAborted();
      return { left: [{ ...place, problem: messageOf(error) }] };
    }
  }

  /** @param place of one node; without a name: of all */
  async #purgeNodes(
    { stream, report }: Erasure,
    place: ErasureLeft,
    signal: AbortSignal,
  ): Promise<readonly ErasureLeft[]> {
    const { purgeNodes } = this.#options;
    const things: PurgedThing[] = [
      { kind: 'stream', id: stream },
      ...report.assets.map(({ id }) => ({ kind: 'asset', id }) as const),
      ...report.clips.map(({ id }) => ({ kind: 'clip', id }) as const),
    ];
    const missed = (await purgeNodes?.(things, { signal, ...(place.name !== '' && { only: place.name }) })) ?? [];
    return missed.map(({ node, problem }) => ({ kind: 'memory', name: node, problem }));
  }

  async #eraseFile({ streamId }: Erasure, location: SegmentLocation): Promise<readonly ErasureLeft[]> {
    const { deps, reader } = this.#options;
    const erased = await eraseGroups(deps.recordings.segments, location, (msn) =>
      deps.recordings.erasures.hasMsn(streamId, msn),
    );
    if (erased) {
      reader.refuse(erased.ranges);
      for (const id of await this.#recordingsOf(streamId)) {
        await deps.recordings.erasures.resize(id, location, erased.length);
      }
      deps.recordings.table.reload(streamId);
      await this.#uploadAgain(streamId);
    }
    deps.recordings.release(location);
    return this.#deleteAtNodes(location);
  }

  /** Says that files of a stream have no copy any more: no search for new files finds them. */
  async #uploadAgain(streamId: string): Promise<void> {
    for (const id of await this.#recordingsOf(streamId)) this.#options.deps.recordings.table.rewritten.emit(id);
  }

  async #deleteAtNodes(location: SegmentLocation): Promise<readonly ErasureLeft[]> {
    const missed = (await this.#options.deleteElsewhere?.(location)) ?? [];
    if (missed.length === 0) return [];
    return [{ kind: 'node', name: location, problem: `${missed.join(', ')} may have it, and does not answer` }];
  }

  async #erasePictures(erasure: Erasure): Promise<{ left: readonly ErasureLeft[]; report: ErasureReport }> {
    const { deps, objects } = this.#options;
    const { streamId, fromUs, toUs, report } = erasure;
    const copies: ErasureLeft[] = [];
    for (let us = windowOf(fromUs); us < toUs; us += WINDOW_US) {
      const object = await objects?.index.find(storyboardLocation(streamId, us / 1000));
      if (object) copies.push({ kind: 'copy', name: object.key, target: object.target, problem: '' });
    }
    const { pictures, locations } = await deps.recordings.storyboards.erase(streamId, fromUs, toUs);
    for (const location of locations) deps.recordings.release(location);
    return { left: pictures > 0 ? copies : [], report: { ...report, pictures: report.pictures + pictures } };
  }

  /** Deletes an object now; the queue of deletions has it too, once its file is written again. */
  async #deleteCopy(
    { streamId, createdUs, left: places }: Erasure,
    { name: key, target = '' }: ErasureLeft,
    signal: AbortSignal,
  ): Promise<readonly ErasureLeft[]> {
    const { objects } = this.#options;
    if (!objects) throw new OxbowError('storage-failed', `storage.targets has no "${target}".`);
    const { index, deletions, targets, logged } = objects;
    const object = await index.byKey(target, key);
    // A newer one is that of the file in its new form.
    if (object && object.uploaded_us < createdUs) {
      if (places.some(({ kind, name }) => kind === 'file' && name === object.location))
        return [{ kind: 'copy', name: key, target, problem: 'its file is not written again yet' }];
      await index.remove(segmentLocation(object.location));
      await this.#uploadAgain(streamId);
    }
    const waiting = await deletions.find(target, key);
    if (!waiting) return [];
    const client = await targets.client(target);
    await logged.delete(waiting, client, { signal, isUrgent: true });
    return [];
  }

  /**
   * Continues deletions until aborted, and waits for those that are under way. Never rejects.
   * @param isOurs whether this process continues the deletions of a stream
   */
  async run(isOurs: (streamId: string) => Promise<boolean>): Promise<void> {
    const { deps, signal } = this.#options;
    for (let pauseMs = MIN_RETRY_MS; !signal.aborted; ) {
      let isIdle = false;
      try {
        isIdle = true;
        for (const erasure of await deps.recordings.erasures.unfinished()) {
          if (!(await isOurs(erasure.streamId))) continue;
          isIdle = false;
          await this.work(erasure);
        }
      } catch (error) {
        this.#workFailed(error);
      }
      pauseMs = isIdle ? MIN_RETRY_MS : Math.min(MAX_RETRY_MS, 2 * pauseMs);
      await sleep(isIdle ? IDLE_MS : pauseMs, { signal }).catch(() => undefined); // only the signal rejects it, and ends the loop
    }
    await Promise.allSettled(this.#working.values());
  }

  #workFailed(error: unknown): void {
    if (!this.#options.signal.aborted) this.#options.failed(error);
  }
}

function left(kind: ErasureLeft['kind'], name: string): ErasureLeft {
  return { kind, name, problem: '' };
}

function counts({ segments, bytes, clips, assets, exports }: ErasureReport) {
  return { segments, bytes, clips: clips.length, assets: assets.length, exports: exports.length };
}

function describe({ stream, fromUs, toUs, report }: Erasure) {
  const [from, to] = [printRfc3339(fromUs / 1000), printRfc3339(toUs / 1000)];
  const { segments, bytes, ...more } = counts(report);
  const things = Object.entries(more).flatMap(([kind, count]) => (count > 0 ? [`${count} ${kind}`] : []));
  return { from, to, words: [`${stream} ${from}/${to}: ${segments} segments, ${bytes} bytes`, ...things].join(', ') };
}

function outcome(erasure: Erasure): string {
  const { stream, left: places, id } = erasure;
  const { from, to } = describe(erasure);
  const state = places.length === 0 ? 'complete' : `not reached: ${places.map(({ name }) => name).join(', ')}`;
  return `${stream} ${from}/${to} (${id}): ${state}`;
}
