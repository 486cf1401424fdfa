/**
 * The second tier: files of tests that are long by nature. `npm test` runs the first tier, which is every other file, and some tests of
 * those that are long in part; `npm run test:all` runs everything, and a run with CI=true takes one eighth of the second tier
 * (docs/testing.md).
 * In: nothing. Out: paths from the root with the reason, and the file of the first tier that shows the same promise.
 */

/** Why a file is in the second tier. */
export interface LongFile {
  /** What is long by nature. */
  readonly why: string;
  /** Path of the file of the first tier that shows the same promise in short; none for a proof of tests, a tool or a package. */
  readonly short: string | undefined;
  /** The first tier has this file too, with some of its values (test/full.ts). */
  readonly isPartly: boolean;
  /** Why it has no turn in CI yet; `npm run test:all` runs it all the same. */
  readonly notInCi?: string;
}

const long = (why: string, short?: string): LongFile => ({ why, short, isPartly: false });
/** A file that shows its promise in short by itself. */
const partly = (why: string): LongFile => ({ why, short: undefined, isPartly: true });
const NEW = 'new: it has not yet run from begin to end on a quiet machine';

/** Files of the second tier. None is in `src/`. */
export const secondTier: Readonly<Record<string, LongFile>> = {
  'test/benches/media.test.ts': long('every benchmark of media with tiny parameters'),
  'test/benches/pages.test.ts': { ...long('every benchmark of pages with tiny parameters'), notInCi: NEW },
  'test/benches/rooms.test.ts': { ...long('every benchmark of rooms with tiny parameters'), notInCi: NEW },
  'test/benches/serving.test.ts': { ...long('every benchmark of serving with tiny parameters'), notInCi: NEW },
  'test/benches/soaks.test.ts': { ...long('every soak with tiny parameters'), notInCi: NEW },
  'test/browser/access.test.ts': long('axe over every page, twice', 'test/browser/keyboard.test.ts'),
  'test/browser/admin.test.ts': partly('both widths, themes and languages'),
  'test/browser/alarms.test.ts': partly('both widths, themes and languages'),
  'test/browser/beside.test.ts': long(
    'two members with two streams each, decoded for a minute',
    'test/browser/multi.test.ts',
  ),
  'test/browser/call-forwarding.test.ts': long('five pages encode video for each other', 'test/browser/call.test.ts'),
  'test/browser/call-long.test.ts': long('five pages in one call', 'test/browser/call.test.ts'),
  'test/browser/call-recording.test.ts': long('records a call and decodes it', 'test/browser/studio.test.ts'),
  'test/browser/clips.test.ts': partly('exact files, and clips that are gone'),
  'test/browser/dash-live.test.ts': long('two more players over a whole stream', 'test/browser/two-threads.test.ts'),
  'test/browser/erase.test.ts': partly('both widths, themes and languages'),
  'test/browser/file.test.ts': long('every kind of file that oxbow leaves', 'test/browser/clips.test.ts'),
  'test/browser/films-in-step.test.ts': long(
    'five sources, each watched until in step',
    'test/browser/room-step.test.ts',
  ),
  'test/browser/firefox.test.ts': long('the pages of other tests in a second browser', 'test/browser/watch.test.ts'),
  'test/browser/go-live.test.ts': partly('every control of a stream and its keys'),
  'test/browser/join.test.ts': long(
    'counts every picture over joins, with several attempts',
    'test/browser/timeline.test.ts',
  ),
  'test/browser/library.test.ts': partly('tus-js-client, and narrow pages in Chinese'),
  'test/browser/media-servers.test.ts': long('WebDAV and Jellyfin in pages', 'test/e2e/media-servers.test.ts'),
  'test/browser/multi.test.ts': partly('layouts, drags, streams without media, tokens'),
  'test/browser/nodes.test.ts': partly('both widths, themes and languages'),
  'test/browser/now-and-then.test.ts': long(
    'jumps, suspended pages and kills, one after the other',
    'test/browser/watch.test.ts',
  ),
  'test/browser/players.test.ts': long('three players over a restart', 'test/browser/two-threads.test.ts'),
  'test/browser/qualities.test.ts': partly('rewinding, several pictures, a lost quality'),
  'test/browser/room-access.test.ts': partly('both sizes of a screen'),
  'test/browser/room-step-long.test.ts': long('players in step for minutes', 'test/browser/room-step.test.ts'),
  'test/browser/signed-rooms.test.ts': partly('tokens that change, and people who are sent out'),
  'test/browser/studio.test.ts': partly('two pictures, a restart, a second publisher, no devices'),
  'test/browser/turn.test.ts': partly('both transports'),
  'test/browser/two-players.test.ts': long('two players measured for a minute', 'test/browser/room-step.test.ts'),
  'test/browser/watch-real-time.test.ts': partly('pauses, and the choice that is remembered'),
  'test/browser/watch.test.ts': partly('zoom, small windows, theatre mode, no network'),
  'test/browser/webrtc-firefox.test.ts': long('WebRTC in a second browser', 'test/browser/whip.test.ts'),
  'test/browser/whep.test.ts': partly('the end of a token, which takes a while'),
  'test/browser/whip.test.ts': partly('every codec of a browser'),
  'test/cluster/assets.test.ts': long('a dead node with films in every state', 'test/cluster/gateway.test.ts'),
  'test/cluster/gateway.test.ts': partly('lists of channels, workers, a dead owner'),
  'test/cluster/rooms.test.ts': partly('a node that is paused'),
  'test/cluster/takeover.test.ts': partly('a node that is paused, and one that is forgotten'),
  'test/conformance/matrix-changes.test.ts': long(
    'every change of codec and shape',
    'test/conformance/matrix-rates.test.ts',
  ),
  'test/conformance/matrix-past.test.ts': long('every window of the past', 'test/conformance/matrix-rates.test.ts'),
  'test/conformance/matrix-publishers.test.ts': long('every publishing protocol', 'test/conformance/live.test.ts'),
  'test/conformance/matrix-qualities.test.ts': long('every set of qualities', 'test/conformance/dash.test.ts'),
  'test/conformance/matrix-shapes.test.ts': long('every shape of a source', 'test/conformance/matrix-rates.test.ts'),
  'test/container/container.test.ts': {
    ...long('builds the image and runs it', 'test/checks/deploy.test.ts'),
    notInCi: NEW,
  },
  'test/e2e/audio-conversion.test.ts': partly('every layout of sound, and a conversion that is killed'),
  'test/e2e/away.test.ts': partly('both pictures'),
  'test/e2e/broken-disk.test.ts': long('file systems of their own, full and read-only', 'test/e2e/full-disk.test.ts'),
  'test/e2e/clips.test.ts': partly('every codec'),
  'test/e2e/dashboard.test.ts': long('every query of the dashboard in Prometheus', 'test/e2e/alerts.test.ts'),
  'test/e2e/delete-verb.test.ts': long('a verb over what is deleted elsewhere', 'test/e2e/erase.test.ts'),
  'test/e2e/drain.test.ts': partly('a proxy, and Ctrl-C'),
  'test/e2e/edge.test.ts': partly('chains of edges, and a restart'),
  'test/e2e/erase.test.ts': partly('what was not reached, and a kill'),
  'test/e2e/error-reports.test.ts': partly('every line as a log record'),
  'test/e2e/export.test.ts': partly('every codec'),
  'test/e2e/full-disk.test.ts': partly('a disk that takes no writes'),
  'test/e2e/import-recordings.test.ts': partly('every recorder, and kills'),
  'test/e2e/iptv.test.ts': partly('every mode of catch-up'),
  'test/e2e/left-out.test.ts': partly('every container'),
  'test/e2e/live-ladder.test.ts': partly('an encoder that is stopped'),
  'test/e2e/mail-restart.test.ts': long('a kill while e-mail waits', 'test/e2e/alarms.test.ts'),
  'test/e2e/messages.test.ts': partly('every sentence'),
  'test/e2e/mp4-source.test.ts': partly('every pair of codecs'),
  'test/e2e/object-store.test.ts': partly('every loss of the first copy'),
  'test/e2e/package.test.ts': long(
    'installs the package in other folders and runs it',
    'test/launcher/launcher.test.ts',
  ),
  'test/e2e/pictures.test.ts': partly('pictures that are set'),
  'test/e2e/players.test.ts': long('four players with six lists', 'test/e2e/vsr.test.ts'),
  'test/e2e/probe.test.ts': partly('tables and errors'),
  'test/e2e/proxies.test.ts': long('fourteen tests with each reverse proxy', 'test/e2e/drain.test.ts'),
  'test/e2e/publish-addresses.test.ts': long('every form of an address', 'test/e2e/rtmp.test.ts'),
  'test/e2e/publish-matrix-rtmp.test.ts': long('every client and codec over RTMP', 'test/e2e/rtmp.test.ts'),
  'test/e2e/publish-matrix-srt.test.ts': long('every client and codec over SRT', 'test/e2e/srt.test.ts'),
  'test/e2e/publish-matrix-udp.test.ts': long('every client and codec over UDP', 'test/e2e/udp.test.ts'),
  'test/e2e/pull-md5.test.ts': partly('every codec in every container'),
  'test/e2e/record.test.ts': partly('every format'),
  'test/e2e/recording-folders.test.ts': long(
    'moves whole recordings while they are watched',
    'test/e2e/object-store.test.ts',
  ),
  'test/e2e/relay.test.ts': partly('other servers as targets'),
  'test/e2e/restart.test.ts': partly('a verification that continues'),
  'test/e2e/restore.test.ts': long('several servers over one folder', 'test/e2e/backup.test.ts'),
  'test/e2e/rtmp-play.test.ts': partly('every codec of enhanced RTMP'),
  'test/e2e/rtmp.test.ts': partly('a publisher that returns'),
  'test/e2e/rtp.test.ts': partly('every codec and program, late sound, kills'),
  'test/e2e/rtsp-publish.test.ts': partly('both transports'),
  'test/e2e/rtsp.test.ts': partly('every codec, transport and program'),
  'test/e2e/running.test.ts': partly('every verb'),
  'test/e2e/sign-in.test.ts': partly('serving threads'),
  'test/e2e/single-executable.test.ts': long('builds the executable', 'test/launcher/launcher.test.ts'),
  'test/e2e/source-forms.test.ts': long('every form of a source', 'test/e2e/pull-md5.test.ts'),
  'test/e2e/source-lists.test.ts': long('every form of a list', 'test/e2e/pull-md5.test.ts'),
  'test/e2e/srt-interop.test.ts': long('every key length with other programs, and loss', 'test/e2e/srt.test.ts'),
  'test/e2e/srt-request.test.ts': partly('a full port, and an authorization server'),
  'test/e2e/srt.test.ts': partly('loss, and a publisher that returns'),
  'test/e2e/threads.test.ts': partly('reports, and what is deleted'),
  'test/e2e/tls.test.ts': partly('a browser, and files that are not valid'),
  'test/e2e/traces.test.ts': partly('a restart, and a collector that refuses'),
  'test/e2e/upgrade.test.ts': partly('with and without serving threads'),
  'test/e2e/upload-verb.test.ts': partly('waits for a network'),
  'test/e2e/vp8-conversion.test.ts': partly('RTP, WHEP and a kill'),
  'test/e2e/webrtc-relay.test.ts': long('lossy links with libdatachannel', 'test/e2e/whip.test.ts'),
  'test/e2e/whip.test.ts': partly('both roles of DTLS, loss'),
  'test/faults/clock.test.ts': long(
    'clock steps and a suspended computer in real time',
    'test/simulation/simulation.test.ts',
  ),
  'test/faults/damaged-files.test.ts': long(
    'every damage of every kind of file',
    'src/archive/integrity/check-chunk.test.ts',
  ),
  'test/faults/disk-recording.test.ts': long(
    'a failure at each operation of the disk',
    'test/faults/disk-writes.test.ts',
  ),
  'test/faults/kill-moments.test.ts': long('kill -9 at many moments of every activity', 'test/faults/kill.test.ts'),
  'test/faults/kill.test.ts': partly('ten kills in place of three'),
  'test/faults/lists.test.ts': partly('four processes in place of two'),
  'test/faults/msn-reuse.test.ts': partly('without recording too'),
  'test/faults/publishers.test.ts': partly('every protocol, and a killed server'),
  'test/faults/rebuild.test.ts': partly('a rebuild of what is whole'),
  'test/faults/rooms.test.ts': partly('a thousand people in place of two hundred'),
  'test/mutations/mutations.test.ts': { ...long('puts a defect back for each folder of tests'), notInCi: NEW },
  'test/simulation/defects.test.ts': long('puts defects back into the simulation'),
  'test/simulation/month.test.ts': long(
    'a day of many streams, over virtual time',
    'test/simulation/simulation.test.ts',
  ),
  'test/simulation/simulation-long.test.ts': long('172 further seeds', 'test/simulation/simulation.test.ts'),
  'test/windows/wine.test.ts': { ...long('tests of files under Wine with Windows’ Node'), notInCi: NEW },
};
