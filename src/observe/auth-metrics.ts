/**
 * The metrics of the authorization server: a part of the table of metrics.
 * In: nothing. Out: metric-table.
 */
import type { MetricRow } from './metric-row.ts';

/**
 * Metrics of questions to `auth.url`, of playback tokens of another program, of e-mail and of sign-in by
 * other services.
 */
export const authMetrics = {
  authRequests: {
    type: 'counter',
    name: 'oxbow_auth_requests_total',
    labels: ['action', 'result'],
    help: 'Questions whether a client may publish or read, by result: allowed, denied, cached (an earlier answer holds) or unavailable (no valid answer: the client is refused).',
  },
  authSeconds: {
    type: 'histogram',
    name: 'oxbow_auth_seconds',
    labels: [],
    help: 'Time until the server at `auth.url` answered, or failed to.',
    buckets: [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 5, 10],
  },
  authAvailable: {
    type: 'gauge',
    name: 'oxbow_auth_available',
    across: 'min',
    labels: [],
    help: '1 while the server at `auth.url` answers; 0 after several failures in a row, and without `auth.url`.',
  },
  jwtRefusals: {
    type: 'counter',
    name: 'oxbow_playback_jwt_refusals_total',
    labels: ['reason'],
    help: 'Playback tokens (JWT) that were refused when they were first seen, by reason: algorithm, claim, expired, key (unknown key), malformed, signature, busy or unavailable (no keys).',
  },
  mailMessages: {
    type: 'counter',
    name: 'oxbow_mail_messages_total',
    labels: ['result'],
    help: 'Messages to the mail server, by result of each attempt: sent, retried (a temporary failure), failed, expired (too many temporary failures), or dropped because too many wait.',
  },
  mailWaiting: {
    type: 'gauge',
    name: 'oxbow_mail_waiting',
    across: 'max',
    labels: [],
    help: 'Messages that wait for the mail server.',
  },
  identitySignIns: {
    type: 'counter',
    name: 'oxbow_identity_sign_ins_total',
    labels: ['provider', 'result'],
    help: 'Sign-ins by other services, by name in the settings and result: signed-in, created (a new account), linked, refused, unavailable.',
  },
} as const satisfies Record<string, MetricRow>;
