/**
 * Liveness, readiness and health, for load balancers, Kubernetes and people. And the metrics.
 * In: observe/health and observe/metrics. Out: 200 or 503 with a JSON body; Prometheus text.
 */
import { Type } from '../../api/type.ts';
import type { HealthReport } from '../../observe/health.ts';
import { defineRoute, type Route } from '../route/route.ts';

const Status = Type.Union([Type.Literal('ok'), Type.Literal('degraded'), Type.Literal('failing')]);
const HealthView = Type.Object(
  {
    /** The worst status of the checks. `degraded`: oxbow serves, but a part of it does not work. */
    status: Status,
    version: Type.String(),
    checks: Type.Array(
      Type.Object({
        name: Type.String(),
        status: Status,
        /** Only for the operator: it may name folders and addresses. */
        detail: Type.Optional(Type.String()),
        tookMs: Type.Integer(),
      }),
    ),
  },
  { $id: 'HealthView' },
);
const LiveView = Type.Object({ status: Type.Literal('ok') }, { $id: 'LiveView' });

function view({ status, checks }: HealthReport, version: string, isOperator: boolean): object {
  return {
    status,
    version,
    checks: checks.map((check) => ({
      name: check.name,
      status: check.status,
      tookMs: check.tookMs,
      ...(isOperator && check.detail !== '' && { detail: check.detail }),
    })),
  };
}

const HealthQuery = Type.Object({
  strict: Type.Optional(Type.Literal('1', { description: '503 also while a check is degraded' })),
});

function reportRoute(path: string, kind: 'checkHealth' | 'checkReady', sentence: string): Route {
  return defineRoute({
    method: 'GET',
    path,
    tag: 'health',
    access: 'anyone',
    sentence,
    query: HealthQuery,
    replies: { 200: HealthView, 503: HealthView },
    async answer({ isOperator, query: { strict } }, { health, version }) {
      const report = await health[kind]();
      const body = view(report, version, isOperator);
      const isWell = report.status === 'ok' || (report.status === 'degraded' && strict === undefined);
      return isWell ? { body } : { status: 503, headers: { 'retry-after': '5' }, body };
    },
  });
}

function liveRoute(path: string, redirectsBrowsers: boolean): Route {
  return defineRoute({
    method: 'GET',
    path,
    tag: 'health',
    access: 'anyone',
    sentence: redirectsBrowsers
      ? 'Answers 200 while the process runs; redirects browsers to the home page.'
      : 'Answers 200 while the process runs.',
    replies: { 200: LiveView, ...(redirectsBrowsers && { 302: undefined }) },
    answer({ accept }) {
      const headers = redirectsBrowsers ? { vary: 'Accept' } : {};
      if (redirectsBrowsers && accept.includes('text/html'))
        return { status: 302, headers: { ...headers, location: '/' } };
      return { headers, body: { status: 'ok' } };
    },
  });
}

/** The rows. */
export const healthRoutes: readonly Route[] = [
  ...['/health', '/healthz'].map((path) =>
    reportRoute(path, 'checkHealth', 'Returns the health of every part of oxbow.'),
  ),
  ...['/ready', '/readiness'].map((path) =>
    reportRoute(path, 'checkReady', 'Returns whether oxbow is ready for traffic.'),
  ),
  liveRoute('/live', true),
  ...['/liveness', '/livez'].map((path) => liveRoute(path, false)),
  defineRoute({
    method: 'GET',
    path: '/metrics',
    tag: 'health',
    access: 'operator',
    sentence: 'Returns all metrics in Prometheus text format; from this computer or with the admin token.',
    replies: { 200: Type.String({ description: 'Prometheus text' }) },
    async answer(_, { metrics, printMetrics }) {
      return { headers: { 'content-type': metrics.contentType }, body: await printMetrics() };
    },
  }),
];
