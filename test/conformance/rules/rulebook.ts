/**
 * Every rule of the checker, in the order of docs/4-watch/conformance.md, whose tables are generated from it.
 * In: the rules' own files. Out: chapters; the tables of the page.
 */
import type { Rule } from './rule.ts';
import { rulesOfAlignment } from './rules-of-alignment.ts';
import { rulesOfDelta, rulesOfHinted, rulesOfReloaded } from './rules-of-blocking.ts';
import { rulesOfForms, rulesOfServed } from './rules-of-http.ts';
import { rulesOfMedia } from './rules-of-media.ts';
import { rulesOfMultivariant } from './rules-of-multivariant.ts';
import { rulesOfParts } from './rules-of-parts.ts';
import { rulesOfReload } from './rules-of-reload.ts';
import { rulesOfMediaText, rulesOfText } from './rules-of-text.ts';

/** What the page shows of a rule. */
export type RuleText = Pick<Rule<never>, 'id' | 'section' | 'severity' | 'says'>;

/** Rules by subject. */
export const rulebook: readonly { readonly title: string; readonly rules: readonly RuleText[] }[] = [
  { title: 'The text of every playlist', rules: rulesOfText },
  { title: 'The text of a Media Playlist', rules: rulesOfMediaText },
  { title: 'Parts and server control', rules: rulesOfParts },
  { title: 'The text of a Multivariant Playlist', rules: rulesOfMultivariant },
  { title: 'From one reload to the next', rules: rulesOfReload },
  { title: 'Blocking reloads', rules: rulesOfReloaded },
  { title: 'Playlist Delta Updates', rules: rulesOfDelta },
  { title: 'Preload hints', rules: rulesOfHinted },
  { title: 'Media', rules: rulesOfMedia },
  { title: 'Renditions against each other and against the Multivariant Playlist', rules: rulesOfAlignment },
  { title: 'HTTP', rules: [...rulesOfServed, ...rulesOfForms] },
];

/** The chapters of the page, as Markdown. */
export function printRulebook(): string {
  return rulebook
    .map(({ title, rules }) => {
      const rows = rules.map(({ id, section, severity, says }) => `| \`${id}\` | ${section} | ${severity} | ${says} |`);
      return [`### ${title}`, '', '| rule | section | | statement |', '| --- | --- | --- | --- |', ...rows, ''].join(
        '\n',
      );
    })
    .join('\n');
}
