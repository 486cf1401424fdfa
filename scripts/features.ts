/**
 * The page that lists, for each feature, where its parts are: API, routes, settings, implementation, tables,
 * pages, tests, docs.
 * In: names of the files of the tree. Out: docs/features.md, and features that name nothing. Pure.
 */
import { posix } from 'node:path';
import { isTest } from './source-files.ts';

/** A feature, and how its files are recognized by their paths. */
interface Feature {
  readonly name: string;
  /** What a user does with it. */
  readonly what: string;
  /**
   * Parts of a path: a folder, a file without its ending, or words at the beginning of its name; with `!` in
   * front, not this one.
   */
  readonly words: readonly string[];
  /** Where the user reads about it, from docs/ on without the folder's number. */
  readonly docs: readonly string[];
}

const feature = (name: string, what: string, words: string, docs: string): Feature => ({
  name,
  what,
  words: words.split(' '),
  docs: docs.split(' '),
});

/** Every feature, in the order of a stream's life. */
export const features: readonly Feature[] = [
  feature(
    'Pulled streams',
    'reads live HLS of other servers',
    'ingest/pull streams/source config/source api/source source-config source-url source-facts',
    'sources/pull-hls sources/polling',
  ),
  feature('RTMP', 'takes publishers and plays over RTMP', 'rtmp', 'publish/rtmp'),
  feature(
    'SRT',
    'takes publishers, plays and pulls over SRT; bonded senders',
    'srt srtla !media/subtitles',
    'publish/srt publish/srtla',
  ),
  feature('RTSP', 'reads cameras, and takes publishers', 'rtsp', 'sources/rtsp publish/rtsp'),
  feature(
    'RTP and UDP',
    'takes RTP and MPEG-TS in datagrams',
    'ingest/rtp ingest/udp rtp udp',
    'publish/rtp publish/mpegts-udp',
  ),
  feature(
    'WHIP and WHEP',
    'publishes from and plays in browsers over WebRTC',
    'webrtc whip whep',
    'publish/whip watch/whep',
  ),
  feature(
    'Publishing',
    'keys, sessions, a second publisher, advice',
    'publish publishers publish-keys publish-stats stream-keys go-live advice measure !observe',
    'publish/keys publish/publishers publish/advice publish/go-live',
  ),
  feature('Inspection', 'shows what a stream holds in memory, its clocks and queues', 'inspect', 'publish/advice'),
  feature('Pictures while away', 'shows a picture while the publisher is gone', 'away', 'publish/publishers'),
  feature(
    'Vision mixer',
    'switches one stream between others, without encoding',
    'mixer media/splice',
    'publish/mixer',
  ),
  feature('Relays', 'sends a stream to other servers', 'relay relays !wire/srtla', 'publish/relay'),
  feature(
    'Live ladder',
    'encodes a live stream in further qualities',
    'ladder live-ladder qualities',
    'watch/qualities',
  ),
  feature(
    'Live playlists',
    'LL-HLS and DASH of what is on the air',
    'delivery/live packager dash dash-live conformance',
    'watch/live watch/dash',
  ),
  feature('Timeline and the past', 'opens any past moment', 'timeline delivery/past dvr', 'watch/timeline watch/past'),
  feature(
    'Markers and pins',
    'marks instants, and ranges that retention keeps',
    'marks markers marker-table pin-table pinned-windows kept-windows',
    'watch/timeline record/disk-space',
  ),
  feature('Channel', 'plays a schedule of stored and live media', 'channel', 'publish/channel'),
  feature('Clips', 'makes a file of a range', 'clips clip timelapse', 'watch/clips'),
  feature(
    'Pictures',
    'stills, storyboards and small pictures; pictures that people give to streams',
    'storyboard pictures stills thumb-address streams/picture api/picture',
    'watch/past',
  ),
  feature('Captions', 'closed captions and WebVTT', 'captions cea webvtt', 'watch/captions'),
  feature('Timed metadata', 'ID3, SCTE 35, date ranges', 'timed-metadata id3 scte35', 'watch/timed-metadata'),
  feature('IPTV', 'channel lists, programme guides, catch-up', 'iptv delivery/ts/catch-up', 'watch/iptv'),
  feature('Embedded player', 'the player on other pages', 'embed', 'watch/embed'),
  feature(
    'Recordings',
    'files, retention, recovery',
    'recording recordings archive',
    'record/recordings record/disk-space',
  ),
  feature(
    'Verification',
    'compares stored files with their checksums, repairs damaged ones',
    'verify repair integrity',
    'record/recordings run/doctor',
  ),
  feature(
    'Healing',
    'fills gaps of recordings later',
    'healing healed healing-cuts heal-from pull/past',
    'record/healing',
  ),
  feature('Exports', 'a range as one file on the disk', 'export exports', 'record/export'),
  feature('Imports of recordings', 'takes files of other recorders', 'imports import-recordings', 'record/import'),
  feature(
    'Deletion and holds',
    'deletes ranges everywhere; keeps what must stay',
    'erase deletions holds',
    'record/recordings',
  ),
  feature(
    'Chain of evidence',
    'shows that what was recorded is complete and unchanged',
    'evidence media/evidence',
    'record/evidence',
  ),
  feature(
    'Angles without a common clock',
    'lines streams and videos of one event up by their sound',
    'angles angle two-places sound-match',
    'together/angles',
  ),
  feature('Television', 'pages for a remote control, connected by a code', 'television tv', 'watch/television'),
  feature(
    'Phone',
    'installed as an app; messages about streams, clips and alarms',
    'push service-worker',
    'watch/phone',
  ),
  feature('Cases', 'ranges of several streams under a hold, as one archive', 'cases', 'record/cases'),
  feature('Insight', 'who watched what, and how well it played', 'insight cmcd', 'run/insight'),
  feature('Weekly report', 'a week of viewing by e-mail and webhook', 'reports !observe', 'run/insight-pages'),
  feature('Most rewound', 'what viewers watched again, on the timeline', 'rewound heat', 'run/insight-pages'),
  feature('Alarms', 'black, frozen and silent media, loss, bitrate', 'alarms alarm-rules', 'run/alarms'),
  feature(
    'Library',
    'uploads, assets, subtitles',
    'library upload uploads assets subtitles staging staged-upload trim',
    'library/README library/upload library/trim library/assets',
  ),
  feature(
    'Hardware encoders',
    'encodes with video devices, and leaves those that fail',
    'encoders encoder-pool library-devices transcode-section live-workers remote-group',
    'library/encoders',
  ),
  feature('Jobs and workers', 'encodes on this and other machines', 'jobs workers worker', 'library/workers'),
  feature('Rooms', 'people watch together, chat, vote', 'rooms room', 'together/rooms together/in-step'),
  feature('Calls', 'people in a room see and hear each other', 'call', 'together/calls'),
  feature('Media servers', 'WebDAV and Jellyfin in rooms', 'media-servers providers', 'together/media-servers'),
  feature('Several streams at once', 'multi-view in one time', 'multi', 'together/multi-view'),
  feature(
    'Accounts and access',
    'users, guests, tokens, sign-in, mail',
    'accounts account identity sign-in users',
    'run/access together/accounts',
  ),
  feature(
    'Settings',
    'files, variables, flags, reloads, the browser',
    'config settings !media !transcode !rooms !player',
    'run/settings',
  ),
  feature(
    'Events and webhooks',
    'notifies programs, and answers what has happened',
    'events webhooks event-log event-tables past-events',
    'api/events api/webhooks',
  ),
  feature('Edge', "copies of another server's media", 'edge edges cdn', 'run/edge run/cdn'),
  feature(
    'Cameras',
    'finds cameras over ONVIF, marks what they notice, moves them',
    'cameras onvif camera live-camera',
    'sources/cameras',
  ),
  feature('MQTT', 'says what streams do to Home Assistant and others', 'mqtt mosquitto', 'run/mqtt'),
  feature('Cluster', 'several nodes share streams and rooms', 'nodes cluster !media', 'run/cluster run/redis run/nats'),
  feature('Regions', 'continues in another region', 'epoch promote promotion regions', 'run/regions'),
  feature(
    'Delivery between viewers',
    'lets viewers who consent load segments from each other',
    'features/peers api/peers src/peers peer-delivery peer-share browser/peers',
    'watch/peers',
  ),
  feature(
    'Content steering',
    'sends players to the edge that is near and has time',
    'steering pathways',
    'run/steering',
  ),
  feature(
    'Object storage and folders',
    'recordings on other disks and in buckets',
    'archive/objects archive/folders object-store offload mirror vault',
    'run/object-storage',
  ),
  feature(
    'Database',
    'SQLite and PostgreSQL, backups',
    'store postgresql shards move-stream backup !rooms',
    'run/postgresql run/backup',
  ),
  feature(
    'Health and metrics',
    'what operators look at',
    'health metrics observe traces doctor',
    'run/health run/metrics run/doctor',
  ),
];

/** Columns of the page: the beginning of a path. The first that fits has the file. */
const columns: readonly (readonly [title: string, prefix: RegExp])[] = [
  ['API', /^src\/(?:api|client)\//],
  ['routes', /^src\/http\/(?:routes|uploads|events)\//],
  ['settings', /^src\/config\//],
  ['tables', /^src\/store\//],
  ['command line', /^src\/cli\//],
  ['opened by', /^src\/app\//],
  ['module', /^src\/features\//],
  ['implementation', /^(?:packages|src)\//],
  ['pages', /^web\/src\/(?!text\/)/],
  ['tests', /^test\//],
];

/** Finds the files of a feature: one of the words is a folder of the path, or begins the name of the file. */
function matcherOf(words: readonly string[]): (path: string) => boolean {
  const patternOf = (names: readonly string[]) => new RegExp(`(?:^|/)(?:${names.join('|')})(?:/|[.]|-[^/]*$|$)`);
  const named = patternOf(words.filter((word) => !word.startsWith('!')));
  const others = words.filter((word) => word.startsWith('!')).map((word) => word.slice(1));
  const excluded = others.length > 0 ? patternOf(others) : undefined;
  return (path) => named.test(path) && excluded?.test(path) !== true;
}

/** The folders that belong to a feature completely, and the files next to them. */
function collapse(paths: readonly string[], sources: readonly string[]): readonly string[] {
  const members = new Set(paths);
  const places = new Set<string>();
  for (const path of paths) {
    let place = path;
    for (let folder = posix.dirname(path); folder.split('/').length > 1; folder = posix.dirname(folder)) {
      if (sources.some((other) => other.startsWith(`${folder}/`) && !members.has(other))) break;
      place = folder;
    }
    places.add(place);
  }
  return [...places].sort();
}

/**
 * The page, and problems of the table of features: one that has no implementation, or a page of docs
 * that is gone.
 */
export function featuresPage(files: readonly string[]): {
  readonly page: string;
  readonly problems: readonly string[];
} {
  const sources = files.filter((path) => /\.(?:ts|svelte)$/.test(path) && (path.startsWith('test/') || !isTest(path)));
  const pages = new Map(
    files.filter((path) => path.endsWith('.md')).map((path) => [path.replace(/^docs\/(?:\d-)?|\.md$/g, ''), path]),
  );
  const problems: string[] = [];
  const sections = features.map(({ name, what, words, docs }) => {
    const matches = sources.filter(matcherOf(words));
    const rows = columns.flatMap(([title, prefix], index) => {
      const paths = matches.filter(
        (path) => prefix.test(path) && !columns.slice(0, index).some(([, other]) => other.test(path)),
      );
      return paths.length === 0 ? [] : [`- ${title}: ${collapse(paths, sources).map(link).join(', ')}`];
    });
    if (!rows.some((row) => /^- (?:implementation|module|pages|tables)/.test(row)))
      problems.push(`the feature ${name} has no implementation`);
    const read = docs.flatMap((doc) => {
      const path = pages.get(doc);
      if (path === undefined) problems.push(`the feature ${name} names ${doc}, which is no page of docs`);
      return path === undefined ? [] : [`[${doc}](${path.slice('docs/'.length)})`];
    });
    return [
      `## ${name}`,
      '',
      `${what[0]!.toUpperCase()}${what.slice(1)}.`,
      '',
      ...rows,
      `- docs: ${read.join(', ')}`,
      '',
    ].join('\n');
  });
  const page = `# Features

Where each feature is. Made by \`npm run generate\` from the names of files and the table of \`scripts/features.ts\`. A folder is
named where all of its files belong to the feature.

${sections.join('\n')}`;
  return { page, problems };
}

const link = (path: string): string => `[${path.replace(/^(?:packages|src|web\/src|test)\//, '')}](../${path})`;
