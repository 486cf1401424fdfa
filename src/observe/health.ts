/**
 * A registry of named health checks: whether oxbow works, and whether it should get traffic.
 * In: checks registered by the owners of parts that can fail. Out: the bodies of /health and /ready.
 */
import { reasonOf } from '../lib/errors.ts';

/** A check: returns (optionally a sentence) if its part works, otherwise throws the reason. */
export type Check = (options: { signal: AbortSignal }) => Promise<string | undefined> | string | undefined;

/** `degraded`: a part of oxbow does not work; `failing`: an essential part does not work. */
type HealthStatus = 'ok' | 'degraded' | 'failing';

interface CheckResult {
  readonly name: string;
  readonly status: HealthStatus;
  /** A sentence for the operator; may name folders and addresses. */
  readonly detail: string;
  /** Duration, ms. */
  readonly tookMs: number;
}

/** Result of all checks: that of the worst one. */
export interface HealthReport {
  readonly status: HealthStatus;
  readonly checks: readonly CheckResult[];
}

/** The registry of checks. */
export interface Health {
  /**
   * Adds a check until the returned function is called.
   *
   * @param name short and unique, e.g. `database`
   * @param options `ready`: whether /ready runs it (default true); `degrades`: when it throws, oxbow is
   *   degraded, not failing, and still gets traffic (default false); `timeoutMs`: a check that takes longer
   *   has thrown (default 2,000)
   */
  register(
    name: string,
    check: Check,
    options?: { ready?: boolean; degrades?: boolean; timeoutMs?: number },
  ): () => void;
  /** Runs all checks at once. Callers at the same time share a run. */
  checkHealth(): Promise<HealthReport>;
  /** Runs the checks that decide about traffic. Callers at the same time share a run. */
  checkReady(): Promise<HealthReport>;
}

interface Entry {
  readonly name: string;
  readonly check: Check;
  readonly ready: boolean;
  readonly degrades: boolean;
  readonly timeoutMs: number;
}

/** Creates an empty registry; without checks the result is ok. */
export function createHealth(): Health {
  const entries = new Map<string, Entry>();
  const running = new Map<'health' | 'ready', Promise<HealthReport>>();

  const report = (kind: 'health' | 'ready'): Promise<HealthReport> => {
    const shared = running.get(kind);
    if (shared) return shared;
    const wanted = [...entries.values()].filter((entry) => kind === 'health' || entry.ready);
    const run = Promise.all(wanted.map(runCheck))
      .then((checks) => ({ status: worstOf(checks), checks }))
      .finally(() => running.delete(kind));
    running.set(kind, run);
    return run;
  };

  return {
    register(name, check, { ready = true, degrades = false, timeoutMs = 2000 } = {}) {
      const entry = { name, check, ready, degrades, timeoutMs };
      entries.set(name, entry);
      return () => {
        if (entries.get(name) === entry) entries.delete(name);
      };
    },
    checkHealth: () => report('health'),
    checkReady: () => report('ready'),
  };
}

/** One report of several: of checks with the same name the worst, the first of equal ones. */
export function worstReport(reports: readonly HealthReport[]): HealthReport {
  const bad = (check: CheckResult) => ['ok', 'degraded', 'failing'].indexOf(check.status);
  const byName = Map.groupBy(
    reports.flatMap(({ checks }) => checks),
    ({ name }) => name,
  );
  const checks = [...byName.values()].map((same) =>
    same.reduce((worst, each) => (bad(each) > bad(worst) ? each : worst)),
  );
  return { status: worstOf(checks), checks };
}

function worstOf(checks: readonly CheckResult[]): HealthStatus {
  const has = (status: HealthStatus) => checks.some((check) => check.status === status);
  return has('failing') ? 'failing' : has('degraded') ? 'degraded' : 'ok';
}

async function runCheck({ name, check, degrades, timeoutMs }: Entry): Promise<CheckResult> {
  const startedAt = performance.now();
  const tookMs = () => Math.round(performance.now() - startedAt);
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const error = new DOMException(`no answer within ${timeoutMs} ms`, 'TimeoutError');
      controller.abort(error);
      reject(error);
    }, timeoutMs);
  });
  try {
    const work = Promise.resolve().then(() => check({ signal: controller.signal }));
    const detail = await Promise.race([work, late]);
    return { name, status: 'ok', detail: detail ?? '', tookMs: tookMs() };
  } catch (error) {
    return { name, status: degrades ? 'degraded' : 'failing', detail: reasonOf(error), tookMs: tookMs() };
  } finally {
    clearTimeout(timer);
  }
}
