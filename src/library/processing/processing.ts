/**
 * Makes the media of an asset: adds its jobs, and derives its state and that of its renditions from them.
 * In: completed uploads, ends of jobs. Out: jobs `import` and `encode`, states of the asset.
 * docs/6-library/processing.md.
 *
 * Everything follows from rows: the same step runs after each event and at the start, so that nothing is lost
 * in a crash.
 */
import type { Kysely } from 'kysely';
import type { AssetFacts, ImportLoss, ImportResult } from '../../api/library/asset-facts.ts';
import { type SegmentStore, segmentLocation } from '../../archive/segment-store.ts';
import type { Job, JobOptions } from '../../jobs/job.ts';
import type { Jobs } from '../../jobs/jobs-api.ts';
import type { RemoteKind } from '../../jobs/remote-kind.ts';
import { OxbowError } from '../../lib/errors.ts';
import { keepSpan } from '../../observe/traces/current-span.ts';
import type { Tables } from '../../store/schema.ts';
import {
  ENCODE_KIND,
  type EncodeJobInput,
  type EncodeJobResult,
  encodeJobs,
  lookJobs,
  measureJob,
} from '../../transcode/ladder/encode-job.ts';
import { ladderDefaults, noLadder, planLadder } from '../../transcode/ladder/plan.ts';
import type { LadderPlan, LadderSettings } from '../../transcode/ladder/plan-shapes.ts';
import type { AssetFailure } from '../asset.ts';
import type { AssetTrash } from '../asset-trash.ts';
import type { Assets } from '../assets.ts';
import type { ProcessedAssets } from '../processed-assets.ts';
import type { UploadedAssets } from '../uploaded-assets.ts';
import { ladderSourceOf } from './ladder-source.ts';
import { deleteLeftFiles } from './left-files.ts';
import { decideByPoints, decideLadder } from './measured-ladder.ts';
import { assetIdOf, createMediaKinds, IMPORT_KIND, importResultOf, lossesOf, SOURCE } from './media-kinds.ts';
import { RenditionRows } from './rendition-rows.ts';
import { sourceBytesOf } from './source-bytes.ts';

/** What processing is opened with. */
export interface ProcessingOptions {
  readonly db: Kysely<Tables>;
  readonly jobs: Jobs;
  readonly assets: Assets;
  readonly uploaded: Pick<UploadedAssets, 'completed'>;
  readonly processed: ProcessedAssets;
  readonly trash: Pick<AssetTrash, 'removed'>;
  readonly segments: SegmentStore;
  /** In a cluster: whether this node owns an asset. Only the owner takes the next step of one. */
  readonly owns?: (assetId: string) => boolean;
  /** In a cluster: throws in a transaction that begins, if another node has taken over its assets. */
  readonly guard?: JobOptions['guard'];
  /** Read for each asset; undefined encodes nothing. */
  readonly ladder?: () => LadderSettings | undefined;
  readonly failed: (error: unknown) => void;
  /** An import did not get all of a file. */
  readonly lost?: (loss: ImportLoss) => void;
}

/**
 * An import comes before the encodes of other assets; sound before pictures, because every quality needs it.
 */
const IMPORT_PRIORITY = 100;
const SOUND_PRIORITY = 10;
/**
 * Long films come after shorter ones, so that one upload of hours does not keep the others waiting: from how
 * many µs, and by how much.
 */
const LONG_LAST: readonly (readonly [fromUs: number, priority: number])[] = [
  [60 * 60_000_000, -40],
  [10 * 60_000_000, -20],
];
/** Most jobs of an asset that are read. */
const MAX_JOBS = 100_000;
const ENDED: ReadonlySet<Job['state']> = new Set(['done', 'failed', 'cancelled']);

/** Processes the assets of a library. */
export class Processing implements Disposable {
  readonly #options: ProcessingOptions;
  readonly #rows: RenditionRows;
  /** The last step of each asset: steps of one asset run one after the other. */
  readonly #steps = new Map<string, Promise<void>>();
  readonly #unsubscribe: (() => void)[];
  #isClosed = false;
  /** The kinds of its jobs, for the server. */
  readonly kinds: readonly RemoteKind[];

  constructor(options: ProcessingOptions) {
    const { uploaded, trash, segments, failed } = options;
    this.#options = options;
    this.#rows = new RenditionRows(options.db);
    this.kinds = createMediaKinds({
      segments,
      ended: async (job) => {
        if (job.kind === IMPORT_KIND && job.state === 'done')
          for (const loss of lossesOf(job.result)) options.lost?.(loss);
        await this.ended(assetIdOf(job));
      },
    });
    this.#unsubscribe = [
      uploaded.completed.subscribe(({ id }) => void this.begin(id).catch(failed)),
      trash.removed.subscribe(({ id }) => void this.#forget(id).catch(failed)),
    ];
  }

  /** Processes an asset whose original is complete; once more, failed and cancelled jobs are queued again. */
  async begin(assetId: string): Promise<void> {
    const { jobs } = this.#options;
    for (const { id, state } of await this.#jobsOf(assetId)) {
      if (state === 'failed' || state === 'cancelled') await jobs.retry(id);
    }
    await this.#step(assetId);
  }

  /** A job of an asset has ended, at this node or another one. */
  async ended(assetId: string): Promise<void> {
    if (this.#owns(assetId)) await this.#step(assetId);
  }

  /** Continues the work of a process that ended. */
  async reconcile(): Promise<void> {
    for (const id of await this.#rows.unfinished()) if (this.#owns(id)) await this.#step(id);
  }

  /** Ends the subscriptions. The rest is done after the next start. */
  [Symbol.dispose](): void {
    this.#isClosed = true;
    for (const end of this.#unsubscribe) end();
  }

  #owns(assetId: string): boolean {
    return this.#options.owns?.(assetId) ?? true;
  }

  #step(assetId: string): Promise<void> {
    const before = this.#steps.get(assetId) ?? Promise.resolve();
    const advance = keepSpan(() => this.#advance(assetId));
    const next = before
      .catch(() => undefined)
      .then(() => (this.#isClosed ? undefined : advance()))
      .catch((error: unknown) => {
        // The queue or the store is closed: the next start does the same step.
        if (!this.#isClosed) throw error;
      });
    this.#steps.set(assetId, next);
    const done = () => {
      if (this.#steps.get(assetId) === next) this.#steps.delete(assetId);
    };
    next.then(done, done);
    return next;
  }

  /** Does the next step of an asset; the same again has no effect. */
  async #advance(assetId: string): Promise<void> {
    const { assets, jobs } = this.#options;
    const asset = await assets.find(assetId);
    if (asset?.origin !== 'upload' || asset.state === 'uploading') return;
    const assetJobs = await this.#jobsOf(assetId);
    const imported = assetJobs.find(({ kind }) => kind === IMPORT_KIND);
    if (!imported) {
      if (asset.state === 'processing') {
        const options = { subject: assetId, priority: IMPORT_PRIORITY, guard: this.#options.guard };
        await jobs.add(IMPORT_KIND, { assetId }, options);
      }
      return;
    }
    if (imported.state === 'failed' || imported.state === 'cancelled') {
      const reason = failureOf(imported);
      await this.#rows.fail(assetId, reason);
      if (asset.state === 'processing') await assets.fail(assetId, reason);
      return;
    }
    if (imported.state !== 'done') return;
    const result = importResultOf(imported.result);
    if (asset.facts === null || asset.durationUs !== result.endUs) await this.#describe(assetId, result);
    let mediaChanged = await this.#finishSource(assetId, result);
    const { inputs, failure } = await this.#planned(assetId, result, assetJobs);
    // Before the states: a process that ends in between does this step again.
    await this.#deleteLeft(assetId);
    if (await this.#finishRenditions(assetId, inputs, await this.#jobsOf(assetId))) mediaChanged = true;
    await this.#settle(assetId, result, { mediaChanged, failure });
  }

  async #describe(assetId: string, { facts }: ImportResult): Promise<void> {
    const { contentType, durationUs } = facts;
    await this.#options.processed.describe(assetId, { contentType, durationUs, facts: { ...facts } });
  }

  /**
   * The `source` rendition is complete with its import; without one, the output of an earlier try is deleted.
   */
  async #finishSource(assetId: string, { source }: ImportResult): Promise<boolean> {
    if (source) return this.#rows.set(assetId, SOURCE, 'done', { progress: 1 });
    for (const path of await this.#rows.remove(assetId, SOURCE)) {
      await this.#options.segments.delete(segmentLocation(path));
    }
    return false;
  }

  /** Adds the rows and jobs of the ladder that do not exist yet. */
  async #planned(
    assetId: string,
    result: ImportResult,
    assetJobs: readonly Job[],
  ): Promise<{ readonly inputs: readonly EncodeJobInput[]; readonly failure: AssetFailure | undefined }> {
    const { jobs, ladder = () => ladderDefaults } = this.#options;
    const before = assetJobs.filter(({ kind }) => kind === ENCODE_KIND);
    const isSoftware = before.some(isOfSoftware) || before.some(isMismatch);
    const replaced = isSoftware ? before.filter((job) => isVideo(job) && !isOfSoftware(job)) : [];
    if (!before.some(isOfSoftware)) await this.#dropVideo(assetId, replaced);
    const encodingJobs = before.filter((job) => !replaced.includes(job));
    // Settings may change while jobs run: the first plan counts.
    const planned = before.find(({ input }) => (input as PlannedInput).plan)?.input as PlannedInput | undefined;
    let plan: LadderPlan;
    const settings = ladder();
    try {
      plan = planned?.plan ?? (settings ? planLadder(ladderSourceOf(result.facts), settings) : noLadder);
    } catch (error) {
      if (!(error instanceof OxbowError)) throw error;
      return { inputs: [], failure: { code: error.code, detail: error.message } };
    }
    const base = plan;
    const measuring = await this.#measured(assetId, result, { plan, encodingJobs });
    ({ plan } = measuring);
    const looks = lookJobs(assetId, plan, result);
    const looked = encodingJobs.filter(
      ({ input, state }) => ENDED.has(state) && (input as EncodeJobInput).media.kind === 'look',
    );
    const inputs = encodeJobs(assetId, plan, result, { looks: sizesOf(looked) });
    // Until all pieces have been looked at, the bits of each are not known.
    const isWaiting = looked.length < looks.length || measuring.isWaiting;
    for (const { id, ...rendition } of [
      ...(plan.video?.renditions ?? []),
      ...plan.audio.flatMap((track) => track.renditions),
    ]) {
      await this.#rows.plan(assetId, id, rendition);
    }
    const exists = new Set(encodingJobs.map(({ input }) => keyOf(input as EncodeJobInput)));
    for (const input of [...measuring.inputs, ...looks, ...inputs]) {
      if (exists.has(keyOf(input)) || (isWaiting && input.media.kind === 'video')) continue;
      const isFirst = input.media.kind === 'audio' || input.media.kind === 'measure';
      const priority = (isFirst ? SOUND_PRIORITY : 0) + priorityOf(result.endUs);
      const isVideoInput = input.media.kind === 'video';
      const jobInput: PlannedInput = { ...input, plan: base, ...(isSoftware && isVideoInput && { software: true }) };
      await jobs.add(ENCODE_KIND, jobInput, { subject: assetId, priority, guard: this.#options.guard });
    }
    // Last: until then they say that software makes the pieces.
    for (const { id } of replaced) await jobs.queue.forget(id);
    return { inputs, failure: settings || planned ? undefined : withoutEncoding(result) };
  }

  /**
   * The plan that the measurement of samples decides; until it has ended the fixed one, of which no video is
   * encoded.
   */
  async #measured(
    assetId: string,
    result: ImportResult,
    { plan, encodingJobs }: { readonly plan: LadderPlan; readonly encodingJobs: readonly Job[] },
  ): Promise<{ readonly plan: LadderPlan; readonly inputs: readonly EncodeJobInput[]; readonly isWaiting: boolean }> {
    const { db, assets, processed } = this.#options;
    if (!plan.video?.measure) return { plan, inputs: [], isWaiting: false };
    const asset = await assets.get(assetId);
    const stored = (asset.facts as Partial<AssetFacts> | null)?.ladder;
    // What was decided counts, also where its job is forgotten.
    if (stored) return { plan: decideByPoints(plan, stored).plan, inputs: [], isWaiting: false };
    const job = encodingJobs.find(({ input }) => (input as EncodeJobInput).media.kind === 'measure');
    if (job && ENDED.has(job.state)) {
      const decided = decideLadder(plan, job);
      const facts = { ...result.facts, warnings: [...result.facts.warnings, ...decided.warnings] };
      const kept = new Set(decided.plan.video?.renditions.map(({ id }) => id));
      for (const { id } of plan.video.renditions) if (!kept.has(id)) await this.#rows.remove(assetId, id);
      await processed.describe(assetId, { facts: { ...facts, ladder: decided.ladder } });
      return { plan: decided.plan, inputs: [], isWaiting: false };
    }
    const input = measureJob(assetId, plan, result, await sourceBytesOf(db, assetId, result));
    return { plan, inputs: input ? [input] : [], isWaiting: input !== undefined };
  }

  /** Ends jobs whose pieces do not play as one, and deletes what they made. */
  async #dropVideo(assetId: string, replaced: readonly Job[]): Promise<void> {
    const { jobs, segments } = this.#options;
    for (const { id, state } of replaced) if (!ENDED.has(state)) await jobs.queue.cancel(id);
    const renditions = replaced.flatMap(({ input }) => (input as EncodeJobInput).media.renditions.map(({ id }) => id));
    for (const id of new Set(renditions)) {
      for (const path of await this.#rows.remove(assetId, id)) await segments.delete(segmentLocation(path));
    }
  }

  /** When no job of an asset runs any more, deletes what killed processes have stored. */
  async #deleteLeft(assetId: string): Promise<void> {
    const isOver = async () => (await this.#jobsOf(assetId)).every(({ state }) => ENDED.has(state));
    if (await isOver()) await deleteLeftFiles(this.#options, assetId, isOver);
  }

  /** Sets the state of each rendition by the jobs that make it; returns whether one was completed. */
  async #finishRenditions(
    assetId: string,
    inputs: readonly EncodeJobInput[],
    assetJobs: readonly Job[],
  ): Promise<boolean> {
    const byKey = new Map(
      assetJobs.filter(({ kind }) => kind === ENCODE_KIND).map((job) => [keyOf(job.input as EncodeJobInput), job]),
    );
    let isCompleted = false;
    const renditions = new Set(inputs.flatMap(({ media }) => media.renditions.map(({ id }) => id)));
    for (const id of renditions) {
      const making = inputs
        .filter(({ media }) => media.renditions.some((rendition) => rendition.id === id))
        .map((input) => byKey.get(keyOf(input)));
      // Pieces of several encoders are made again by the next step.
      const failed = making.find(
        (job) => job && (job.state === 'failed' || job.state === 'cancelled') && !isMismatch(job),
      );
      const done = making.filter((job) => job?.state === 'done').length;
      const progress = done / making.length;
      if (failed) await this.#rows.set(assetId, id, 'failed', { progress, failure: failureOf(failed) });
      else if (done === making.length) {
        if (await this.#rows.set(assetId, id, 'done', { progress: 1 })) isCompleted = true;
      } else if (making.some((job) => job && job.state !== 'queued')) {
        await this.#rows.set(assetId, id, 'running', { progress });
      }
    }
    return isCompleted;
  }

  /**
   * The asset is ready when it has a picture and sound, or only a picture when nothing more comes; otherwise
   * it then has failed.
   */
  async #settle(
    assetId: string,
    { facts, source }: ImportResult,
    { mediaChanged, failure }: { readonly mediaChanged: boolean; readonly failure: AssetFailure | undefined },
  ): Promise<void> {
    const { assets, processed } = this.#options;
    const asset = await assets.find(assetId);
    if (!asset) return;
    const rows = await this.#rows.list(assetId);
    const done = rows.filter(({ state }) => state === 'done').map(({ id }) => id);
    const has = (kind: string) => facts.tracks.some((track) => track.kind === kind);
    const hasPicture = !has('video') || source?.picture === true || done.some((id) => id.startsWith('v'));
    const hasSound = !has('audio') || source?.sound === true || done.some((id) => id.startsWith('a'));
    const waits = rows.some(({ state }) => state === 'queued' || state === 'running');
    // Sound that cannot be decoded costs the sound, not the film; its quality has failed, with the reason.
    const isSilent = has('video') && !waits;
    if (hasPicture && (hasSound || isSilent) && done.length > 0) {
      if (mediaChanged || asset.state !== 'ready') await processed.mediaChanged(assetId);
      return;
    }
    if (waits || asset.state === 'failed') return;
    const jobs = await this.#jobsOf(assetId);
    const failedJob = jobs.find(({ state }) => state === 'failed' || state === 'cancelled');
    const none = { code: 'unsupported-media', detail: 'No rendition of the file can be played.' };
    await assets.fail(assetId, failure ?? (failedJob ? failureOf(failedJob) : none));
  }

  /** Ends the jobs of an asset that is gone, and deletes them. */
  async #forget(assetId: string): Promise<void> {
    const { jobs } = this.#options;
    for (const job of await this.#jobsOf(assetId)) {
      if (!ENDED.has(job.state)) await jobs.queue.cancel(job.id);
      await jobs.queue.forget(job.id);
    }
  }

  #jobsOf(assetId: string): Promise<readonly Job[]> {
    return this.#options.jobs.queue.list(MAX_JOBS, undefined, { subject: assetId });
  }
}

/** The input of an encode with the plan that it belongs to. */
interface PlannedInput extends EncodeJobInput {
  readonly plan?: LadderPlan;
}

const isVideo = ({ input }: Job): boolean => (input as EncodeJobInput).media.kind === 'video';
const isOfSoftware = ({ input }: Job): boolean => (input as EncodeJobInput).software === true;
/** Whether a piece was made by another encoder than the other pieces, in each try. */
const isMismatch = ({ state, error }: Job): boolean => state === 'failed' && error?.code === 'encoder-mismatch';

/** Why a file cannot be played where nothing is encoded; only of use where nothing of it plays. */
function withoutEncoding({ facts }: ImportResult): AssetFailure {
  const detail = 'Encoding is turned off (`library.ladder.encode`), and browsers do not play the file without it.';
  return { code: 'unsupported-media', detail: [detail, ...facts.warnings].join(' ') };
}

/** The priority of the encodes of an asset by its duration. */
function priorityOf(endUs: number): number {
  return LONG_LAST.find(([fromUs]) => endUs > fromUs)?.[1] ?? 0;
}

/** Distinguishes the jobs of an asset. */
function keyOf({ media }: EncodeJobInput): string {
  if (media.kind === 'audio') return `audio ${media.stream}`;
  return media.kind === 'measure' ? media.kind : `${media.kind} ${media.firstMsn}`;
}

/** Results of looks, by the MSN of their pieces; one that failed has found nothing. */
function sizesOf(looks: readonly Job[]): Map<number, number> {
  const sizes = new Map<number, number>();
  for (const { input, result } of looks) {
    const { media } = input as EncodeJobInput;
    const { bytes } = (result ?? {}) as Partial<EncodeJobResult>;
    if (media.kind === 'look' && typeof bytes === 'number' && bytes >= 0) sizes.set(media.firstMsn, bytes);
  }
  return sizes;
}

/** Why a job did not succeed. */
function failureOf({ error, state }: Job): AssetFailure {
  return error ?? { code: 'job-cancelled', detail: `The job was ${state}.` };
}
