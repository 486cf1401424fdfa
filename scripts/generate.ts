/**
 * Writes docs/reference from the tables in the sources; with --check it only says which pages are not up to
 * date, the generated half of the client among them.
 * In: the tables of settings, errors, metrics and routes. Out: pages, or exit code 1.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createProgram } from '../src/cli/verbs/verbs.ts';
import { reloadOf, settingsJsonSchema } from '../src/config/json-schema.ts';
import { listSettings } from '../src/config/names.ts';
import type { Node, Section } from '../src/config/option.ts';
import { schema } from '../src/config/schema.ts';
import { vsrAliases } from '../src/config/vsr.ts';
import { refusals } from '../src/lib/errors.ts';
import { metricTable } from '../src/observe/metric-table.ts';
import { clientFiles, eventsPage } from './client/client-files.ts';
import { openApi } from './client/make-client.ts';
import { commandLinePage } from './command-line-page.ts';
import { featuresPage } from './features.ts';
import { withLayers } from './layers.ts';
import { listFiles, root } from './source-files.ts';

type Table = Section<Readonly<Record<string, Node>>>;

const MADE = '<!-- Made by `npm run generate` from the sources; do not edit. -->\n\n';
const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');
const code = (text: string): string => (text === '' ? '' : `\`${text}\``);
const row = (...cells: readonly string[]): string => `| ${cells.map(cell).join(' | ')} |\n`;
const head = (...cells: readonly string[]): string => row(...cells) + row(...cells.map(() => '---'));

function configurationPage(): string {
  const settings = listSettings(schema as Table)
    .map(({ path, flag, variable, option }) =>
      row(
        code(path),
        code(`--${flag}`),
        code(variable),
        code(option.placeholder),
        code(option.defaultText),
        reloadOf(option),
        option.sentence,
      ),
    )
    .join('');
  const stream = listSettings(schema.children.streams.each as Table)
    .map(({ path, option }) => row(code(path), code(option.placeholder), code(option.defaultText), option.sentence))
    .join('');
  const provider = listSettings(schema.children.identity.children.providers.each as Table)
    .map(({ path, option }) => row(code(path), code(option.placeholder), code(option.defaultText), option.sentence))
    .join('');
  const aliases = vsrAliases
    .map(({ flag, variables, sentence }) =>
      row([flag ? `--${flag}` : '', ...variables].filter(Boolean).map(code).join(', '), sentence),
    )
    .join('');
  return `# Settings

${MADE}Each setting has a key in YAML files (\`--config FILE\`, or the files named by \`OXBOW_CONFIG\`, as \`PATH\` names folders), a variable and a flag. A flag wins over a variable, a variable over
a file, a later file over an earlier one. \`oxbow config print\` shows every value in force and where it came from; \`oxbow config check\` says
what is wrong; \`oxbow config schema\` prints a JSON Schema for editors (also in [oxbow.schema.json](oxbow.schema.json)). More:
[settings](../9-run/settings.md).

Change: a running server takes \`live\` settings over when a file is saved or it gets SIGHUP; \`restart\` ones wait for the next start.
Streams are \`live\`.

Durations: \`90s\`, \`15m\`, \`1h30m\`, \`7d\`, or plain seconds. Sizes: \`500M\`, \`200G\`, \`1.5T\` (powers of 1024; \`GB\` is 10⁹). Secrets may
also be read from a file: \`OXBOW_ADMIN_TOKEN_FILE\`.

${head('key', 'flag', 'variable', 'value', 'default', 'change', 'what it does')}${settings}
## Streams

Below \`streams\`, a name (1 to 64 of a-z, 0-9, \`-\`, \`_\`, first a letter or digit) and:

${head('key', 'value', 'default', 'what it does')}${stream}
\`\`\`yaml
# oxbow.yaml
record: { keep: 24h, maxDisk: 200G }
streams:
  door: { source: { type: pull, url: https://cam.example/live.m3u8 }, keep: 7d }
  clock: { source: { type: test }, visibility: unlisted }
\`\`\`

## Services that sign users in

Below \`identity.providers\`, a name (1 to 32 of a-z, 0-9, \`-\`) and, from the next start:

${head('key', 'value', 'default', 'what it does')}${provider}
More: [sign-in by other services](../7-together/sign-in-providers.md).

## Names of video-stream-recorder

Accepted so that its command lines still work.

${head('name', 'meaning')}${aliases}`;
}

function errorsPage(): string {
  const rows = Object.entries(refusals).map(([name, { status, title, hint }]) =>
    row(code(name), String(status), title, hint),
  );
  return `# Errors

${MADE}The API answers errors as RFC 9457 problem documents; \`code\` is the stable name. The command line prints the same sentences.

${head('code', 'status', 'what it means', 'what to do')}${rows.join('')}`;
}

function metricsPage(): string {
  const rows = Object.values(metricTable).map(({ name, type, labels, help }) =>
    row(code(name), type, labels.map(code).join(', '), help),
  );
  return `# Metrics

${MADE}\`GET /metrics\` in the Prometheus text format. Units are base units: seconds and bytes.

${head('name', 'type', 'labels', 'what it counts')}${rows.join('')}`;
}

/** The list of decisions, by the first line of each. */
function decisionsPage(files: readonly string[]): string {
  const rows = files
    .filter((path) => /^docs\/decisions\/(?!0000)\d{4}-/.test(path))
    .map((path) => {
      const [, number, title] = /^# (\d+)[.:]? (.+)$/m.exec(readFileSync(join(root, path), 'utf8'))!;
      return `- [${number!.padStart(4, '0')}](${path.slice('docs/decisions/'.length)}): ${title}`;
    });
  return `# Decisions

One page per decision: the question, the decision, its reasons and its consequences. Copy [the template](0000-template.md) for a
new page; \`npm run generate\` adds it to this list.

${rows.join('\n')}
`;
}

/** Every generated page by its path from the root. */
export async function generatePages(
  files = listFiles(),
  features = featuresPage(files),
): Promise<ReadonlyMap<string, string>> {
  const document = await openApi();
  return new Map([
    ['docs/reference/configuration.md', configurationPage()],
    ['docs/reference/command-line.md', MADE + commandLinePage(createProgram(() => {}))],
    ['docs/reference/errors.md', errorsPage()],
    ['docs/reference/metrics.md', metricsPage()],
    ['docs/reference/oxbow.schema.json', `${JSON.stringify(settingsJsonSchema(), null, 2)}\n`],
    ['docs/reference/events.md', eventsPage(MADE)],
    ['docs/reference/openapi.json', `${JSON.stringify(document, null, 2)}\n`],
    ['docs/architecture.md', withLayers(readFileSync(join(root, 'docs/architecture.md'), 'utf8'))],
    ['docs/decisions/README.md', decisionsPage(files)],
    ['docs/features.md', features.page],
    ...clientFiles(document),
  ]);
}

/** Pages that differ from the sources, one sentence each. */
export async function checkPages(): Promise<readonly string[]> {
  const files = listFiles();
  const features = featuresPage(files);
  const pages = [...(await generatePages(files, features))];
  const outdated = pages
    .filter(([path, text]) => !existsSync(join(root, path)) || readFileSync(join(root, path), 'utf8') !== text)
    .map(([path]) => `${path} is not up to date; run: npm run generate`);
  return [...features.problems, ...outdated];
}

if (import.meta.main) {
  if (process.argv.includes('--check')) {
    const problems = await checkPages();
    for (const problem of problems) console.error(problem);
    process.exit(problems.length > 0 ? 1 : 0);
  }
  for (const [path, text] of await generatePages()) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
    console.log(path);
  }
  process.exit(0);
}
