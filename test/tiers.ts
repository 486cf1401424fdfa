/**
 * The second tier: files of tests that are long by nature. `npm test` runs the first tier, which is every other file; `npm run test:all`
 * runs both, and a run with CI=true takes one eighth of the second tier (docs/testing.md).
 * In: nothing. Out: paths from the root with the reason, and the file of the first tier that shows the same promise.
 */

/** Why a file is in the second tier. */
export interface LongFile {
  /** What is long by nature. */
  readonly why: string;
  /** Path of the file of the first tier that shows the same promise in short; none for a proof of tests, a tool or a package. */
  readonly short: string | undefined;
  /** Why it has no turn in CI yet; `npm run test:all` runs it all the same. */
  readonly notInCi?: string;
}

const long = (why: string, short?: string): LongFile => ({ why, short });
const NEW = 'new: it has not yet run from begin to end on a quiet machine';

/** Files of the second tier. None is in `src/`. */
export const secondTier: Readonly<Record<string, LongFile>> = {
  'test/benches/media.test.ts': long('every benchmark of media with tiny parameters'),
  'test/benches/pages.test.ts': { ...long('every benchmark of pages with tiny parameters'), notInCi: NEW },
  'test/benches/rooms.test.ts': { ...long('every benchmark of rooms with tiny parameters'), notInCi: NEW },
  'test/benches/serving.test.ts': { ...long('every benchmark of serving with tiny parameters'), notInCi: NEW },
  'test/benches/soaks.test.ts': { ...long('every soak with tiny parameters'), notInCi: NEW },
  'test/browser/access.test.ts': long('axe over every page, twice', 'test/browser/keyboard.test.ts'),
  'test/browser/call-forwarding.test.ts': long('five pages encode video for each other', 'test/browser/call.test.ts'),
  'test/browser/call-long.test.ts': long('five pages in one call', 'test/browser/call.test.ts'),
  'test/browser/call-recording.test.ts': long('records a call and decodes it', 'test/browser/studio.test.ts'),
  'test/browser/films-in-step.test.ts': long(
    'five sources, each watched until in step',
    'test/browser/room-step.test.ts',
  ),
  'test/browser/firefox.test.ts': long('the pages of other tests in a second browser', 'test/browser/watch.test.ts'),
  'test/browser/media-servers.test.ts': long('WebDAV and Jellyfin in pages', 'test/e2e/media-servers.test.ts'),
  'test/browser/now-and-then.test.ts': long(
    'jumps, suspended pages and kills, one after the other',
    'test/browser/watch.test.ts',
  ),
  'test/browser/players.test.ts': long('three players over a restart', 'test/browser/two-threads.test.ts'),
  'test/browser/room-step-long.test.ts': long('players in step for minutes', 'test/browser/room-step.test.ts'),
  'test/browser/two-players.test.ts': long('two players measured for a minute', 'test/browser/room-step.test.ts'),
  'test/browser/webrtc-firefox.test.ts': long('WebRTC in a second browser', 'test/browser/whip.test.ts'),
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
  'test/e2e/proxies.test.ts': long('fourteen tests with each reverse proxy', 'test/e2e/drain.test.ts'),
  'test/e2e/publish-matrix-rtmp.test.ts': long('every client and codec over RTMP', 'test/e2e/rtmp.test.ts'),
  'test/e2e/publish-matrix-srt.test.ts': long('every client and codec over SRT', 'test/e2e/srt.test.ts'),
  'test/e2e/publish-matrix-udp.test.ts': long('every client and codec over UDP', 'test/e2e/udp.test.ts'),
  'test/e2e/players.test.ts': long('four players with six lists', 'test/e2e/vsr.test.ts'),
  'test/e2e/single-executable.test.ts': long('builds the executable', 'test/e2e/package.test.ts'),
  'test/e2e/source-forms.test.ts': long('every form of a source', 'test/e2e/pull-md5.test.ts'),
  'test/e2e/srt-interop.test.ts': long('every key length with other programs, and loss', 'test/e2e/srt.test.ts'),
  'test/e2e/webrtc-relay.test.ts': long('lossy links with libdatachannel', 'test/e2e/whip.test.ts'),
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
  'test/mutations/mutations.test.ts': { ...long('puts a defect back for each folder of tests'), notInCi: NEW },
  'test/simulation/defects.test.ts': long('puts defects back into the simulation'),
  'test/simulation/month.test.ts': long(
    'a day of many streams, over virtual time',
    'test/simulation/simulation.test.ts',
  ),
  'test/simulation/simulation-long.test.ts': long('172 further seeds', 'test/simulation/simulation.test.ts'),
  'test/windows/wine.test.ts': { ...long('tests of files under Wine with Windows’ Node'), notInCi: NEW },
};
