/**
 * Kills the real program at seeded moments of an activity, starts it again and lets the activity compare.
 * In: an Activity, a seed. Out: failures that name the moment; counts.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { seeded } from '@oxbow/media/random.fixture';
import { until } from '../../fixtures/wait.ts';
import type { Activity, Scene, Trial } from './activity.ts';

const program = new URL('kill-at.mjs', import.meta.url).href;
/** Of moments by time, without a rehearsal. */
const USUAL_MS = 700;

/** When the program is killed: some time after the activity has begun, or next to a change that it makes. */
export type Moment =
  | { readonly afterMs: number }
  | { readonly when: 'before' | 'after'; readonly nth: number; readonly step: string };

/** What a rehearsal has shown. */
interface Plan {
  /** How long the activity takes, ms. */
  readonly lastsMs: number;
  /** How often each change is made after the activity has begun, and before. */
  readonly steps: ReadonlyMap<string, { readonly before: number; readonly count: number }>;
}

/** What was done. */
export interface Tally {
  /** Kills after a time, and next to a change. */
  readonly byTime: number;
  readonly byStep: number;
  /** Moments that came after the end of the activity: nothing was interrupted. */
  readonly late: number;
  /** Different changes next to which it was killed. */
  readonly steps: number;
}

/** How an activity is killed. */
export interface MomentsOptions {
  readonly moments: number;
  readonly seed: number;
  /** An empty folder. */
  readonly folder: string;
  /** Without it, the changes are those that the activity names, once each, and one moment is by time. */
  readonly rehearsal: boolean;
  /** Called before each moment. */
  readonly report?: (text: string) => void;
}

/** Kills an activity at moments. @throws AssertionError that names the activity, the seed and the moment */
export async function killAtMoments(activity: Activity, options: MomentsOptions): Promise<Tally> {
  const { moments, seed, folder, rehearsal, report = () => {} } = options;
  const random = seeded(seed);
  await mkdir(join(folder, 'scene'), { recursive: true });
  await using scene = await activity.prepare(join(folder, 'scene'));
  const plan = rehearsal ? await rehearse(activity, scene, folder) : undefined;
  if (plan) report(`${activity.name}: ${plan.steps.size} kinds of changes in ${plan.lastsMs.toFixed(0)} ms`);
  const tally = { byTime: 0, byStep: 0, late: 0 };
  const steps = new Set<string>();
  for (let i = 0; i < moments; i++) {
    const moment = plan ? choose(plan, random) : chooseShort(activity, random, i);
    const name = `${activity.name}, seed ${seed}, moment ${i}: ${printMoment(moment)}`;
    report(name);
    const own = join(folder, `trial-${i}`);
    await mkdir(own);
    try {
      const trial = await scene.trial(own, i);
      const isKilled = await killed(trial, join(own, 'steps.log'), moment);
      if (!plan && 'step' in moment) assert.ok(isKilled, 'the activity makes this change');
      await trial.check();
      if (!isKilled) tally.late++;
      else if ('step' in moment) steps.add(moment.step);
      if (isKilled) tally['step' in moment ? 'byStep' : 'byTime']++;
    } catch (error) {
      throw new Error(`${name}\n${(error as Error).message}`, { cause: error });
    }
    await rm(own, { recursive: true, force: true, maxRetries: 5 });
  }
  return { ...tally, steps: steps.size };
}

/** Runs the activity without a kill: it must hold then, too. */
async function rehearse(activity: Activity, scene: Scene, folder: string): Promise<Plan> {
  const own = join(folder, 'rehearsal');
  await mkdir(own);
  const log = join(own, 'steps.log');
  const trial = await scene.trial(own, 0);
  let beganMs = performance.now();
  let before: readonly string[] = [];
  await trial.run(variables(log), () => {
    beganMs = performance.now();
    before = linesOf(log);
  });
  const lastsMs = performance.now() - beganMs;
  await trial.check().catch((cause: Error) => {
    throw new Error(`${activity.name}, without a kill: ${cause.message}`, { cause });
  });
  const steps = new Map<string, { before: number; count: number }>();
  const all = linesOf(log);
  for (const [i, step] of all.entries()) {
    if (i === 0) continue;
    const entry = steps.get(step) ?? { before: 0, count: 0 };
    if (i < before.length) entry.before++;
    else entry.count++;
    steps.set(step, entry);
  }
  for (const [step, { count }] of steps) if (count === 0) steps.delete(step);
  return { lastsMs, steps };
}

/** Lets a trial run until it is killed. Resolves with whether it was killed before its end. */
async function killed(trial: Trial, log: string, moment: Moment): Promise<boolean> {
  const over = new AbortController();
  let timed: Promise<boolean> | undefined;
  const began = () => {
    if ('afterMs' in moment) timed = killAfter(moment.afterMs, log, over.signal);
  };
  let failure: unknown;
  try {
    await trial.run(variables(log, moment), began);
  } catch (error) {
    failure = error;
  }
  over.abort();
  const isKilled =
    'afterMs' in moment ? ((await timed) ?? false) : linesOf(log).some((line) => line.startsWith('killed\t'));
  if (failure !== undefined && !isKilled) throw failure;
  return isKilled;
}

/** Resolves with whether the program was killed. */
async function killAfter(ms: number, log: string, signal: AbortSignal): Promise<boolean> {
  // Independent of what oxbow is doing.
  await sleep(ms, undefined, { signal }).catch(() => undefined); // the activity was quicker
  if (signal.aborted) return false;
  const pid = await until('the program has begun', () => linesOf(log)[0]);
  process.kill(Number(pid), 'SIGKILL');
  return true;
}

function variables(log: string, moment?: Moment): NodeJS.ProcessEnv {
  const at = moment && 'step' in moment ? { KILL_AT: `${moment.when}\t${moment.nth}\t${moment.step}` } : {};
  return { NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ''} --import=${program}`.trim(), KILL_LOG: log, ...at };
}

/** The id of the process, and the changes that it has made. */
function linesOf(log: string): readonly string[] {
  try {
    return readFileSync(log, 'utf8').split('\n').slice(0, -1);
  } catch {
    return []; // it has not begun
  }
}

type Random = (below: number) => number;

/**
 * Half of the moments by time, half next to a change: each kind of change equally often, so that narrow
 * places are reached, too.
 */
function choose({ lastsMs, steps }: Plan, random: Random): Moment {
  if (random(2) === 0) return { afterMs: random(Math.ceil(lastsMs)) };
  const [step, { before, count }] = [...steps][random(steps.size)]!;
  return { when: random(2) === 0 ? 'before' : 'after', nth: before + 1 + random(count), step };
}

function chooseShort({ steps }: Activity, random: Random, i: number): Moment {
  const step = steps[i];
  return step === undefined
    ? { afterMs: random(USUAL_MS) }
    : { when: random(2) === 0 ? 'before' : 'after', nth: 1, step };
}

function printMoment(moment: Moment): string {
  return 'step' in moment ? `${moment.when} ${moment.nth}. "${moment.step}"` : `after ${moment.afterMs} ms`;
}
