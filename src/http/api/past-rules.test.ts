import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { MarkedRules } from '../../api/past/past-rules.ts';
import { routes } from '../../app/routes.fixture.ts';
import { asAdmin, shareTestServer, signedInAs, streamView, type TestServer } from '../fixture.ts';
import { operationName } from './operation-name.ts';

/** What the broadcaster's rules for the past do with a route. */
type Effect =
  /** Its answer has nothing of the past of a stream. */
  | 'nothing'
  /** The recording in the view is cut. */
  | 'view'
  /** The range of the request is cut; `not-started` before the start. */
  | 'range'
  /** Entries are left out. */
  | 'entries'
  /** Refused to viewers: `clips-off`, `past-limited`. */
  | 'clips'
  /** What was taken from the past on purpose, by those with a right: assets, exports. */
  | 'published'
  /** Viewers of a limited stream get no events about its past. */
  | 'events';

/**
 * Every route that viewers may request. Routes for administrators and workers are for those with a right on
 * the stream. A new route without an entry fails the test below.
 */
const effects: Readonly<Record<Effect, readonly string[]>> = {
  view: ['listStreams', 'getStream'],
  range: ['getStreamTimeline', 'getStreamActivity', 'listStreamGaps', 'listStreamMarkers', 'listStreamRewound'],
  entries: [
    ...['getStreamDays', 'listStreamPins', 'listClips', 'listStreamChannelGuide'],
    ...['getPlaylistM3u', 'getPlaylistM3u8', 'getXmltvXml', 'getXmltvXmlGz'],
  ],
  clips: ['createClip', 'getClip', 'createCaseRange', 'createCaseExport', 'getCaseExportFile', 'createAngleSetClip'],
  published: [
    ...['listAssets', 'getAsset', 'updateAsset', 'deleteAsset', 'restoreAsset', 'getAssetAccess'],
    ...['createAssetSubtitle', 'deleteAssetSubtitle', 'getDownload'],
  ],
  events: ['getEvents'],
  nothing: [
    // How viewers reach each other; checksums of live segments. Never of a stream with rules for the past.
    ...['getStreamPeers', 'listStreamPeersDigests'],
    // A camera shows what it sees now.
    ...['getStreamCamera', 'gotoStreamCamera', 'moveStreamCamera', 'stopStreamCamera'],
    // The uploaded picture; a change of a clip by its owner.
    ...['getStreamPicture', 'updateClip', 'deleteClip', 'createStreamWatchToken'],
    ...['listUploads', 'replaceUploadsFile', 'fileUploads', 'initUpload', 'replaceUploadChunk', 'chunkUpload'],
    ...['completeUpload', 'getUploadStatus', 'createSession', 'listSessions', 'deleteSession', 'listTokens'],
    ...['createToken', 'deleteToken', 'getSignIn', 'getSignInByProvider', 'getSignInCallback', 'deleteMeIdentity'],
    ...[
      'getMe',
      'updateMe',
      'replaceMePassword',
      'deleteMe',
      'getMeExport',
      'createUser',
      'createGuest',
      'listMeAudit',
    ],
    ...['createPasswordReset', 'completePasswordResets', 'replaceMeEmail', 'deleteMeEmail', 'createEmailVerification'],
    // A case has what its users wrote, and when they wrote it.
    ...['listCases', 'createCase', 'getCase', 'updateCase', 'deleteCase', 'closeCase', 'reopenCase'],
    ...['deleteCaseRange', 'createCaseNote', 'deleteCaseNote', 'listCaseExports', 'deleteCaseExport'],
    // A set has offsets; people request the media themselves.
    ...[
      'listAngleSets',
      'createAngleSet',
      'getAngleSet',
      'updateAngleSet',
      'deleteAngleSet',
      'createAngleSetMeasurement',
    ],
    // Keys verify files that someone has; the vault is for servers that have its secret.
    ...['listEvidenceKeys', 'getVault', 'getVaultHead', 'getVaultObject', 'getVaultObjects', 'replaceVaultObject'],
    ...['deleteVaultObject', 'createVaultUpload', 'replaceVaultUpload', 'completeVaultUpload', 'deleteVaultUpload'],
    // A message says that a stream is live, after the delay of viewers, or names a clip of lists.
    ...['getPush', 'listPushSubscriptions', 'createPushSubscription', 'deletePushSubscription'],
    ...['testPushSubscription', 'replaceStreamFollow', 'deleteStreamFollow'],
    // A television gets a session; what it may watch is decided where it watches.
    ...['createTelevision', 'createTelevisionsApproval', 'createTelevisionsSession'],
    // A room says where its members are; they request the media themselves.
    ...['listRooms', 'createRoom', 'getRoom', 'updateRoom', 'deleteRoom', 'getRoomAccess', 'joinRoom', 'leaveRoom'],
    ...['listRoomMembers', 'updateRoomMember', 'deleteRoomMember', 'listRoomItems', 'createRoomItem'],
    ...['updateRoomItem', 'moveRoomItems', 'deleteRoomItem', 'deleteRoomItems', 'getRoomState', 'createRoomCommand'],
    ...['listRoomMessages', 'listRoomReplay', 'listRoomPolls', 'createRoomPoll', 'closeRoomPoll', 'deleteRoomPoll'],
    ...['listMediaServers', 'createMediaServer', 'updateMediaServer', 'deleteMediaServer', 'listMediaServerEntries'],
    ...[
      'getRoomItemSource',
      'getTime',
      'getVersion',
      'createEdgeReport',
      'cmcd',
      'getHealth',
      'getHealthz',
      'getReady',
    ],
    ...['getReadiness', 'getLive', 'getLiveness', 'getLivez', 'getMetrics'],
  ],
};

test('every route that viewers may request has an entry: what the rules for the past do with it', () => {
  const listed = Object.values(effects).flat();
  const open = routes.filter(({ access }) => access !== 'admin' && access !== 'worker').map(operationName);
  assert.deepEqual(listed.toSorted(), open.toSorted());
  assert.equal(new Set(listed).size, listed.length);
});

const nowMs = Date.UTC(2026, 10, 19, 8, 0, 0);
const HOUR_MS = 3_600_000;
const iso = (ms: number) => new Date(ms).toISOString();

suite('the access of every kind of client to the past of a stream with rules', () => {
  let rules: MarkedRules | undefined;
  const recorded = { from: iso(nowMs - 24 * HOUR_MS), to: iso(nowMs), seconds: 86_400, bytes: 7 };
  const past = { rewind: null, delay: null, start: null, isStarted: true, clips: true, isExempt: false };
  const shared = shareTestServer(() => ({}), {
    routes,
  });

  /** A server whose stream `public` has rules. */
  function ruled(): TestServer {
    const server = shared();
    const view = { ...streamView('public'), recorded, past };
    Object.assign(server.deps.streams, {
      pastRulesOf: (name: string) => (name === 'public' ? rules : undefined),
      get: async (name: string) => (name === 'public' ? view : undefined),
      list: async () => [view],
      days: async () => ({
        zone: 'UTC',
        from: '2026-11-18',
        to: '2026-11-19',
        days: [nowMs - 24 * HOUR_MS, nowMs - 8 * HOUR_MS].map((ms) => ({
          day: iso(ms).slice(0, 10),
          from: iso(ms),
          to: iso(ms + 8 * HOUR_MS),
          seconds: 28_800,
          bytes: 1,
          files: 1,
          incomplete: 0,
        })),
      }),
    });
    server.calls.length = 0;
    return server;
  }

  /** Clients by name: their header fields, and whether they have a right on the stream. */
  async function clients(server: TestServer) {
    const { tokens, watch } = server.deps.access;
    const view = await tokens.make({ label: 'script', scopes: ['view'], expiresMs: undefined });
    const link = (isExempt: boolean) => watch.sign('public', nowMs + HOUR_MS, undefined, isExempt);
    return [
      { who: 'anonymous', headers: {}, prefix: '', isExempt: false },
      {
        who: 'guest',
        headers: (await signedInAs(server, 'guest', `g${Math.random()}`)).headers,
        prefix: '',
        isExempt: false,
      },
      {
        who: 'user',
        headers: (await signedInAs(server, 'user', `u${Math.random()}`)).headers,
        prefix: '',
        isExempt: false,
      },
      { who: 'link', headers: {}, prefix: `/t/${link(false)}`, isExempt: false },
      { who: 'exempt link', headers: {}, prefix: `/t/${link(true)}`, isExempt: true },
      { who: 'view token', headers: { authorization: `Bearer ${view.secret}` }, prefix: '', isExempt: true },
      { who: 'administrator', headers: asAdmin, prefix: '', isExempt: true },
    ] as { who: string; headers: Record<string, string>; prefix: string; isExempt: boolean }[];
  }

  test('ranges are cut, before the start refused', async () => {
    const server = ruled();
    const day = `from=${nowMs - 24 * HOUR_MS}&to=${nowMs}`;
    for (const { who, headers, prefix, isExempt } of await clients(server)) {
      for (const kind of ['timeline', 'activity', 'gaps']) {
        const ask = async (query: string) => {
          server.calls.length = 0;
          const url = `${server.url}${prefix}/api/v1/streams/public/${kind}?${query}`;
          const response = await fetch(url, { headers });
          const { code } = (await response.json().catch(() => ({}))) as { code?: string };
          return { call: server.calls[0], code };
        };
        const call = (fromMs: number, toMs: number) =>
          `${kind}("public", ${fromMs}, ${toMs}${kind === 'activity' ? ', 0' : ''})`;
        rules = { rewindMs: HOUR_MS, delayMs: 30_000 };
        const edgeMs = nowMs - 30_000;
        const all = call(nowMs - 24 * HOUR_MS, nowMs);
        if (kind !== 'activity') {
          assert.equal((await ask(day)).call, isExempt ? all : call(edgeMs - HOUR_MS, edgeMs), `${who} ${kind}`);
        }
        const old = await ask(`from=${nowMs - 24 * HOUR_MS}&to=${nowMs - 20 * HOUR_MS}`);
        assert.equal(old.code === 'past-limited', !isExempt, `${who} ${kind}`);
        rules = { start: 'mark' };
        const early = await ask(day);
        assert.equal(early.code === 'not-started', !isExempt, `${who} ${kind} before the start`);
        assert.equal(early.call === undefined, !isExempt, `${who} ${kind}: nothing is read`);
      }
    }
  });

  test('views and days show the recording only as far as it is visible', async () => {
    const server = ruled();
    for (const { who, headers, prefix, isExempt } of await clients(server)) {
      const get = async <T>(path: string) =>
        (await (await fetch(`${server.url}${prefix}${path}`, { headers })).json()) as T;
      const read = async () => {
        const { recorded: one } = await get<{ recorded: typeof recorded }>('/api/v1/streams/public');
        const { items } = await get<{ items: { recorded: typeof recorded }[] }>('/api/v1/streams');
        if (prefix === '') assert.deepEqual(items[0]!.recorded, one);
        const { days } = await get<{ days: { from: string }[] }>('/api/v1/streams/public/days');
        return { one, days: days.map(({ from }) => from) };
      };
      rules = { rewindMs: HOUR_MS, delayMs: 30_000 };
      const fromMs = nowMs - 30_000 - HOUR_MS;
      const allDays = [iso(nowMs - 24 * HOUR_MS), iso(nowMs - 8 * HOUR_MS)];
      const expected = { from: iso(fromMs), to: iso(nowMs - 30_000), seconds: 3600, bytes: 7 };
      assert.deepEqual(
        await read(),
        isExempt ? { one: recorded, days: allDays } : { one: expected, days: [iso(fromMs)] },
        who,
      );
      rules = { start: nowMs + 1000 };
      const { one, days } = await read();
      assert.deepEqual([one.from, one.seconds, days], isExempt ? [recorded.from, 86_400, allDays] : [null, 0, []], who);
    }
  });

  test('only those with a right create exempt links', async () => {
    const server = ruled();
    const create = async (headers: Readonly<Record<string, string>>) =>
      (
        await fetch(`${server.url}/api/v1/streams/public/watch-tokens`, {
          method: 'POST',
          headers: { ...headers, 'content-type': 'application/json' },
          body: '{"exempt":true}',
        })
      ).status;
    assert.equal(await create(asAdmin), 201);
    assert.equal(await create((await signedInAs(server, 'user', 'u-links')).headers as Record<string, string>), 403);
  });
});
