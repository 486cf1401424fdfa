/**
 * Every route of the API and the health endpoints, in one list: those of the core, and those of features.
 * In: the files of this folder, features. Out: router, OpenAPI, generated pages.
 */
import type { Route } from '../route/route.ts';
import { uploadRoutes } from '../uploads/upload-routes.ts';
import { accessRoutes } from './accounts/access.ts';
import { auditRoutes } from './accounts/audit.ts';
import { invitationRoutes } from './accounts/invitations.ts';
import { meRoutes } from './accounts/me.ts';
import { tokenRoutes } from './accounts/tokens.ts';
import { userRoutes } from './accounts/users.ts';
import { userAdminRoutes } from './accounts/users-admin.ts';
import { adminRoutes } from './admin.ts';
import { encoderRoutes } from './encoders.ts';
import { eventRoutes } from './events.ts';
import { healthRoutes } from './health.ts';
import { mailRoutes } from './identity/mail.ts';
import { identityRoutes } from './identity/sign-in.ts';
import { jobRoutes } from './jobs.ts';
import { assetRoutes } from './library/assets.ts';
import { subtitleRoutes } from './library/subtitles.ts';
import { nodeRoutes } from './nodes.ts';
import { playbackSessionRoutes } from './streams/playback-sessions.ts';
import { probeRoutes } from './streams/probe.ts';
import { publishKeyRoutes } from './streams/publish-keys.ts';
import { recordedDaysRoutes } from './streams/recorded-days.ts';
import { rtpSessionRoutes } from './streams/rtp-sessions.ts';
import { startMarkRoutes } from './streams/start-mark.ts';
import { statsRoutes } from './streams/stats.ts';
import { streamRoutes } from './streams/streams.ts';
import { timelineRoutes } from './streams/timeline.ts';
import { watchRuleRoutes } from './streams/watch-rules.ts';
import { watchTokenRoutes } from './streams/watch-tokens.ts';
import { systemRoutes } from './system.ts';
import { webhookRoutes } from './webhooks.ts';
import { workerJobRoutes } from './worker-jobs.ts';
import { workerRoutes } from './workers.ts';

/** The routes of the core. Media paths and pages are not among them, see media.ts and interface.ts. */
const groups: readonly (readonly Route[])[] = [
  streamRoutes,
  startMarkRoutes,
  statsRoutes,
  playbackSessionRoutes,
  probeRoutes,
  timelineRoutes,
  recordedDaysRoutes,
  assetRoutes,
  subtitleRoutes,
  jobRoutes,
  workerRoutes,
  encoderRoutes,
  workerJobRoutes,
  uploadRoutes,
  eventRoutes,
  accessRoutes,
  tokenRoutes,
  meRoutes,
  userRoutes,
  identityRoutes,
  mailRoutes,
  userAdminRoutes,
  invitationRoutes,
  auditRoutes,
  watchRuleRoutes,
  watchTokenRoutes,
  publishKeyRoutes,
  rtpSessionRoutes,
  webhookRoutes,
  systemRoutes,
  nodeRoutes,
  adminRoutes,
  healthRoutes,
];

/** Routes of a feature. */
interface AddedRoutes {
  readonly routes: readonly Route[];
  /** The routes of the core that they follow in the reference; undefined: they are the last. */
  readonly after?: readonly Route[] | undefined;
}

/** The whole table, in the order of the reference. */
export function routesWith(features: readonly AddedRoutes[]): readonly Route[] {
  const rowsAfter = (group: readonly Route[] | undefined) =>
    features.filter(({ after }) => after === group).flatMap(({ routes }) => routes);
  return [...groups.flatMap((group) => [...group, ...rowsAfter(group)]), ...rowsAfter(undefined)];
}
