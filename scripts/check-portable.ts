/**
 * oxbow runs on Linux, macOS and Windows: platform-specific code is in src/lib/platform.ts, or is listed
 * below with its reason.
 * In: the sources of the program, without tests. Out: sentences about calls that another system lacks.
 */
import { listSources, readSource, withoutComments } from './source-files.ts';

const PLACE = 'src/lib/platform.ts';

interface Rule {
  readonly name: string;
  readonly pattern: RegExp;
  readonly instead: string;
}

const FILE_CALL =
  '(?:access|appendFile|copyFile|createReadStream|createWriteStream|existsSync|makeFolder|mkdir|open|readdir|readFile|rename|rm|stat|statfs|unlink|writeFile)(?:Sync)?';

const rules: readonly Rule[] = [
  { name: 'platform', pattern: /\bprocess\.platform\b|\bos\.platform\(/, instead: `ask ${PLACE}` },
  {
    name: 'process',
    pattern: /\bprocess\.(?:kill|umask|[sg]ete?[ug]id|(?:set|init)groups|execve)\b/,
    instead: `put it into ${PLACE}`,
  },
  { name: 'signal', pattern: /'SIG(?!TERM'|INT'|HUP'|KILL')[A-Z]+\d?'/, instead: 'Windows refuses it' },
  {
    name: 'path',
    pattern: /['"`]\/(?:proc|dev|sys|etc|tmp|usr|bin|sbin|run|var)(?:\/|['"`])/,
    instead: 'it is there on some systems only',
  },
  {
    name: 'rights',
    pattern: /\b(?:l|f)?ch(?:mod|own)(?:Sync)?\(|\b(?:symlink|readlink)(?:Sync)?\(/,
    instead: 'Windows has other rights and links',
  },
  {
    name: 'shell',
    pattern: /\bexec(?:Sync)?\((?!['"`]?[A-Z])\s*['"`]\w+ |\bshell: true\b/,
    instead: 'shells differ; spawn the program',
  },
  {
    name: 'joined',
    pattern: new RegExp(`(?<![.\\w])${FILE_CALL}\\(\\s*\`[^\`]*\\$\\{[^}]*\\}/`),
    instead: "join() knows the system's separator",
  },
  { name: 'file-url', pattern: /import\.meta\.url\)\.pathname/, instead: 'fileURLToPath() knows drives' },
];

/** Where a rule does not hold, and why. */
const allowed: Readonly<Record<string, readonly (readonly [rule: string, why: string])[]>> = {
  'src/serve/client/socket-owner.ts': [['path', 'it asks for Linux first']],
  'src/cli/stop-signals.ts': [['platform', 'what a signal means is its subject']],
  'src/cli/doctor.ts': [['platform', 'hands it to checks that are tested for each system']],
  'src/cli/doctor/bundle.ts': [['platform', 'prints it']],
  'src/cli/doctor/machine-checks.ts': [['path', 'looks at what the machine has, and says nothing where it is missing']],
  'src/lib/confine/isolation.ts': [
    ['path', 'programs and namespaces of Linux are its subject; it asks for Linux first'],
    ['rights', 'reads the name of a namespace'],
  ],
  'packages/wire/c-library.ts': [['platform', 'the declarations it is used with are those of Linux']],
  'packages/wire/srt/udp-drops.ts': [['path', 'says nothing where the files are missing']],
  'src/serve/hot/listeners.ts': [['platform', 'shared ports are its subject']],
};

/** Everything that would not run on each system, one sentence each. */
export function checkPortable(): readonly string[] {
  return ['packages', 'src'].flatMap(listSources).flatMap((path) => findUnportable(path, readSource(path)));
}

/**
 * Features of one file that some systems lack.
 *
 * @param path from the root, e.g. `src/net/net.ts`
 */
export function findUnportable(path: string, text: string): readonly string[] {
  if (path === PLACE) return [];
  const code = withoutComments(text);
  return rules.flatMap(({ name, pattern, instead }) => {
    if (allowed[path]?.some(([rule]) => rule === name)) return [];
    return [...code.matchAll(new RegExp(pattern, 'g'))].map((match) => {
      const line = code.slice(0, match.index).split('\n').length;
      return `${path}:${line}: ${match[0].trim()}: ${instead}`;
    });
  });
}
