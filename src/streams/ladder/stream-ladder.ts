/**
 * The live ladder of one stream: started by its settings, its media and its viewers, reported to logs,
 * metrics and events.
 * In: `tick` once a second, the definition. Out: derived qualities of the stream, the view for the API.
 */

import type { VideoTrack } from '@oxbow/media/frame';
import type { LadderView } from '../../api/ladder/ladder-shapes.ts';
import type { MediaRates } from '../../api/source-facts.ts';
import { openLiveEncoder } from '../../ffmpeg/live-ladder.ts';
import { NO_LADDER, parseLadder } from '../../lib/live-ladder.ts';
import type { Stream } from '../../live/stream.ts';
import { LiveLadder } from '../../transcode/live/live-ladder.ts';
import type { LiveLadderFacts, LiveLadderOptions, OpenLiveEncoder } from '../../transcode/live/live-ladder-shapes.ts';
import { type LivePlan, planLive } from '../../transcode/live/live-plan.ts';
import type { RemoteEncoders } from '../../transcode/live/remote/remote-encoders.ts';
import type { StreamDefinition } from '../definition.ts';
import type { QualityInputs } from '../qualities/quality-inputs.ts';
import type { StreamDeps } from '../stream-deps.ts';
import { LadderEncoders } from './ladder-encoders.ts';
import { RemoteGroup } from './remote-group.ts';

/**
 * A viewer counts for 30 s after its last request; after the last one the encoder runs this much longer, ms.
 */
const LINGER_MS = 30_000;
/**
 * Qualities of workers may be this much later than the stream, µs: one segment, and until a worker is left.
 */
const REMOTE_LATE_US = 20_000_000;
/** Calls of `tick` from one look for free workers to the next. */
const OFFER_EVERY = 3;
/** Ends the names of rungs where the source has qualities, which have such names. */
const BESIDE_PULLED = '-live';

/** The stream that a ladder belongs to. */
interface LadderStream {
  readonly definition: StreamDefinition;
  readonly stream: Stream;
  readonly status: { readonly rates: MediaRates | undefined };
}

/** Dependencies of a ladder. */
interface StreamLadderDeps extends Pick<StreamDeps, 'clock' | 'log' | 'metrics' | 'events' | 'engines' | 'settings'> {
  readonly openLiveEncoder?: OpenLiveEncoder;
}

export class StreamLadder {
  readonly #of: LadderStream;
  readonly #deps: StreamLadderDeps;
  readonly #encoder: LiveLadder;
  /** The setting that the encoder runs with. */
  #text = '';
  #ladder = NO_LADDER;
  readonly #encoders: LadderEncoders;
  #wantedUntilMs = Number.NEGATIVE_INFINITY;
  #isRunning = false;
  #stopping: Promise<void> = Promise.resolve();
  #isClosed = false;
  #problem = '';
  /** Qualities at workers on other machines. */
  readonly #groups: RemoteGroup[] = [];
  readonly #inputs: QualityInputs;
  #offers = 0;
  #isOffering = false;

  constructor(of: LadderStream, inputs: QualityInputs, deps: StreamLadderDeps) {
    this.#of = of;
    this.#deps = deps;
    this.#inputs = inputs;
    this.#encoders = new LadderEncoders(deps.engines.encoders);
    this.#encoder = new LiveLadder({
      ...this.#shared(),
      open: deps.openLiveEncoder ?? openLiveEncoder,
      clock: deps.clock,
      input: (rung) => inputs.open(rung),
      plan: (track, options) => this.#localPlan(track, options),
      isOnDevice: () => this.#encoders.count > 0,
    });
  }

  /** What the ladder of this machine and those of workers have in common. */
  #shared(): Pick<LiveLadderOptions, 'sinks' | 'cuts' | 'report'> {
    const { metrics } = this.#deps;
    return {
      sinks: this.#of.stream.sinks,
      cuts: { subscribe: (listener) => this.#inputs.cuts.subscribe(listener) },
      report: {
        encoderFailed: (rung, why) => this.#encoderFailed(rung, why),
        failed: (why) => this.#failed(why),
        dropped: (rung, lagMs, left) => this.#dropped(rung, lagMs, left),
        raised: (rung) => this.#raised(rung),
        lost: (frames) => metrics.ladderLostFrames.inc({ stream: this.#name }, frames),
      },
    };
  }

  /** Process id of the encoder; undefined while none runs. */
  get pid(): number | undefined {
    return this.#encoder.pid;
  }

  /** For the API. */
  get view(): LadderView {
    const { ladder = '', ladderStart = 'viewer' } = this.#of.definition;
    const local = this.#encoder.facts;
    const { leftOut } = local;
    const all = [local, ...this.#groups.map(({ facts }) => facts)];
    const lags = all.flatMap(({ lagMs }) => lagMs ?? []);
    // Where workers encode all qualities, that of this machine has nothing to do.
    const state = all.find((facts) => facts.state === 'running')?.state ?? local.state;
    return {
      rungs: ladder,
      start: ladderStart,
      state,
      lagMs: lags.length === 0 ? null : Math.round(Math.max(...lags)),
      made: all
        .flatMap(({ rungs }) => rungs)
        .sort((a, b) => a.planned.rendition.height - b.planned.rendition.height)
        .map((rung) => this.#madeView(rung)),
      leftOut: [...leftOut],
      problem: state === 'off' ? '' : this.#problem,
    };
  }

  #madeView({ planned: { name, rendition }, state }: LiveLadderFacts['rungs'][number]): LadderView['made'][number] {
    const group = this.#groups.find(({ names }) => names.has(name));
    const encoder = group ? group.nameOf(rendition.trackId) : this.#encoders.nameOf(name);
    return {
      name,
      width: rendition.width,
      height: rendition.height,
      bitrate: rendition.maxRate,
      state,
      encoder: encoder ?? null,
      worker: group?.worker ?? null,
      missing: this.#inputs.missing(name) ?? null,
    };
  }

  /** Called once a second. @param viewers of the stream now */
  tick(viewers: number): void {
    if (this.#isClosed) return;
    const { definition, stream } = this.#of;
    const nowMs = this.#deps.clock.monotonicMs();
    if (viewers > 0) this.#wantedUntilMs = nowMs + LINGER_MS;
    const { ladder = '' } = definition;
    const isAsked = definition.ladderStart === 'always' || nowMs < this.#wantedUntilMs;
    const isWanted = ladder !== '' && isAsked && stream.placement.context !== undefined;
    if (this.#isRunning && (!isWanted || ladder !== this.#text)) this.#stop();
    else if (!this.#isRunning && isWanted) this.#start(ladder);
    if (!this.#isRunning) return;
    const { lagMs, rungs } = this.#encoder.facts;
    const live = rungs.filter(({ state }) => state === 'live').map(({ planned: { name } }) => name);
    this.#encoders.look(live, (rung, choice) => this.#encoder.use(rung, choice));
    this.#offer(rungs);
    this.#deps.metrics.ladderLagSeconds.set({ stream: this.#name }, (lagMs ?? 0) / 1000);
  }

  /**
   * Gives the largest qualities that software encodes to a worker with free devices, from the next segment
   * on.
   */
  #offer(rungs: LiveLadderFacts['rungs']): void {
    const { settings, engines } = this.#deps;
    const remote = engines.remote?.();
    if (!remote || settings.now.transcode.liveWorkers === 'off' || this.#isOffering) return;
    if (this.#offers++ % OFFER_EVERY !== 0) return;
    const inSoftware = rungs
      .filter(({ planned: { name } }) => this.#encoders.nameOf(name) === undefined)
      .map(({ planned: { name } }) => name);
    const count = Math.min(remote.free, inSoftware.length);
    if (count === 0) return;
    const group = this.#openGroup(inSoftware.slice(-count), remote);
    this.#groups.push(group);
    this.#isOffering = true;
    // Both begin with the same segment: no frame comes before this continues.
    void group.start().then(() => {
      this.#isOffering = false;
      this.#encoder.replan();
    });
  }

  #openGroup(names: readonly string[], remote: RemoteEncoders): RemoteGroup {
    const { clock, openLiveEncoder: openLocal = openLiveEncoder } = this.#deps;
    const shared = this.#shared();
    // Before the first segment, for which the quality waits.
    for (const name of names) this.#inputs.open(name, REMOTE_LATE_US);
    return new RemoteGroup({
      names,
      stream: this.#name,
      clock,
      remote,
      openLocal,
      ladder: {
        ...shared,
        report: { ...shared.report, failed: (why) => this.#restarted(why) },
        input: (rung) => this.#inputs.open(rung, REMOTE_LATE_US),
        plan: (track, options) => only(this.#plan(track, options, true), (name) => names.includes(name)),
      },
      moved: (worker, why) => this.#moved(names, worker, why),
    });
  }

  /** Ends the encoder. May be called twice. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#stop();
    await this.#stopping;
  }

  get #name(): string {
    return this.#of.definition.name;
  }

  #start(text: string): void {
    this.#text = text;
    this.#ladder = parseLadder(text);
    this.#isRunning = true;
    this.#problem = '';
    if (this.#ladder.rungs.length === 0) return;
    // A ladder that is stopping has its process, and its places on devices, until then.
    void this.#stopping.then(async () => {
      await this.#encoders.prepare(this.#ladder.rungs.length);
      if (this.#isRunning && !this.#isClosed && this.#text === text) this.#encoder.start();
      else if (!this.#isRunning) this.#encoders.release();
    });
  }

  #stop(): void {
    if (!this.#isRunning) return;
    this.#isRunning = false;
    const groups = this.#groups.splice(0);
    this.#stopping = Promise.all([this.#encoder.stop(), ...groups.map((group) => group.stop())]).then(() =>
      this.#encoders.release(),
    );
  }

  /** Without the qualities of workers. */
  #localPlan(track: VideoTrack, options: Parameters<LiveLadderOptions['plan']>[1]): LivePlan {
    const isElsewhere = (name: string) => this.#groups.some(({ names }) => names.has(name));
    const plan = this.#plan(track, options, this.#encoders.areExpected);
    return this.#encoders.assign(only(plan, (name) => !isElsewhere(name)));
  }

  /** @param semiPlanar devices may encode it */
  #plan(track: VideoTrack, { interlaced }: Parameters<LiveLadderOptions['plan']>[1], semiPlanar: boolean): LivePlan {
    const { source } = this.#of.definition;
    const isPulled = source.type === 'pull' && source.qualities !== undefined;
    return planLive(track, this.#ladder, {
      frameRate: this.#of.status.rates?.frameRate ?? undefined,
      interlaced,
      semiPlanar,
      ...(isPulled && { suffix: BESIDE_PULLED }),
    });
  }

  /** Another machine encodes qualities of workers. @param worker undefined: this one, in software */
  #moved(qualities: readonly string[], worker: string | undefined, why: string): void {
    const { metrics, log } = this.#deps;
    const stream = this.#name;
    metrics.ladderMoves.inc({ stream });
    if (worker !== undefined) log.info({ stream, qualities, worker, why }, 'a worker encodes live qualities');
    else log.warn({ stream, qualities, why }, 'software of this computer encodes qualities of a worker');
  }

  #encoderFailed(rung: string, why: string): void {
    const name = this.#encoders.nameOf(rung);
    this.#encoders.fail(rung, why);
    this.#deps.log.warn(
      { stream: this.#name, quality: rung, encoder: name, why },
      'an encoder on a device failed; software continues the quality',
    );
    this.#publish('failed', rung, why);
  }

  #failed(why: string): void {
    this.#encoders.failAll(why);
    this.#restarted(why);
  }

  #restarted(why: string): void {
    const { metrics, log } = this.#deps;
    metrics.ladderRestarts.inc({ stream: this.#name });
    log.warn({ stream: this.#name, why }, 'the encoder of the ladder failed and starts again');
    this.#publish('failed', '', why);
  }

  #dropped(rung: string, lagMs: number, left: readonly string[]): void {
    const { metrics, log } = this.#deps;
    this.#encoders.releaseOf(rung);
    metrics.ladderDropped.inc({ stream: this.#name, quality: rung });
    const s = (lagMs / 1000).toFixed(1);
    this.#problem = `This computer is too slow for ${Number.parseInt(rung, 10)}p: the encoder was ${s} s behind.`;
    const text = left.length > 0 ? 'the ladder drops its top quality' : 'the ladder drops its last quality and stops';
    log.warn(
      { stream: this.#name, quality: rung, lagMs: Math.round(lagMs), left },
      `${text}: the computer is too slow`,
    );
    this.#publish('dropped', rung, this.#problem);
  }

  #raised(rung: string): void {
    this.#problem = '';
    this.#deps.log.info({ stream: this.#name, quality: rung }, 'the ladder tries a quality again that it had dropped');
    this.#publish('raised', rung, '');
  }

  #publish(what: 'dropped' | 'raised' | 'failed', quality: string, detail: string): void {
    this.#deps.events.publish('stream.ladder', { what, quality, detail }, this.#of.definition);
  }
}

/** The plan with some of its rungs. */
function only(plan: LivePlan, isWanted: (name: string) => boolean): LivePlan {
  return { ...plan, rungs: plan.rungs.filter(({ name }) => isWanted(name)) };
}
