/**
 * docs/reference/command-line.md: every verb with its arguments and options, as the program itself knows
 * them.
 * In: the command line of src/cli. Out: Markdown.
 */
import type { Command, Option } from 'commander';

/** A verb that shows more settings than this shows all of them. */
const MOST_SETTINGS = 30;

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');
const row = (term: string, text: string): string => `| \`${cell(term)}\` | ${cell(text)} |\n`;
const head = (first: string): string => `| ${first} | what |\n| --- | --- |\n`;

/**
 * The page.
 *
 * @param program with all of its verbs
 */
export function commandLinePage(program: Command): string {
  return `# Command line

\`oxbow [VERB]\`; without a verb, oxbow serves. \`oxbow VERB --help\` prints what is here. Every [setting](configuration.md) is also a flag; below are those that matter for each verb.

| exit code | meaning |
| --- | --- |
| 0 | done |
| 1 | failed; one sentence on stderr says why |
| 2 | wrong usage or settings |
| 3 | \`record\`: recorded, but a track was left out (\`--allow-missing-tracks\` makes it 0) |
| 130 | interrupted by Ctrl-C before there was anything to keep |
${program.commands.map((command) => sectionsOf(command, ['oxbow'])).join('')}`;
}

function sectionsOf(command: Command, above: readonly string[]): string {
  const path = [...above, command.name()];
  const below = command.commands.map((each) => sectionsOf(each, path)).join('');
  // A verb that only holds others has nothing to say itself.
  return command.commands.length > 0 ? below : sectionOf(command, path) + below;
}

function sectionOf(command: Command, path: readonly string[]): string {
  const help = command.createHelp();
  const args = help.visibleArguments(command).map((argument) => row(argument.name(), argument.description));
  const visible = help.visibleOptions(command).filter(({ long }) => long !== '--help');
  const isSetting = ({ helpGroupHeading }: Option) => helpGroupHeading === 'Settings:';
  // All of them have a separate page.
  const takesAll = visible.filter(isSetting).length > MOST_SETTINGS;
  const options = visible
    .filter((option) => !(takesAll && isSetting(option)))
    .map((option) => row(option.flags, option.description));
  return `
## ${path.join(' ')}

${command.description()}${takesAll ? ' Takes every [setting](configuration.md).' : ''}

\`\`\`
${path.join(' ')} ${command.usage()}
\`\`\`
${args.length > 0 ? `\n${head('argument')}${args.join('')}` : ''}${options.length > 0 ? `\n${head('option')}${options.join('')}` : ''}`;
}
