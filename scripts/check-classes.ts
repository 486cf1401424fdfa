/**
 * A class has few public members: a reader has to know all of them before using one.
 * In: sources as Biome formats them. Out: sentences about classes with too many.
 */
import { isTest, listSources, readSource } from './source-files.ts';

const MAX_MEMBERS = 15;

/** Classes whose members a standard lists: HTMLMediaElement, the callbacks of a custom element. */
const INTERFACES: ReadonlySet<string> = new Set(['web/src/embed/element.ts: OxbowPlayer']);

/** Every class with too many public members, one sentence each. */
export function checkClasses(): readonly string[] {
  const classes = ['packages', 'src', 'web/src']
    .flatMap(listSources)
    .filter((path) => path.endsWith('.ts') && !isTest(path))
    .flatMap((path) => {
      const text = readSource(path);
      return text.startsWith('// Made by ') ? [] : listClasses(text).map((each) => ({ path, ...each }));
    });
  const sizes = new Map(classes.map(({ path, name, members }) => [`${path}: ${name}`, members]));
  return [...sizes].flatMap(([place, members]) =>
    members > MAX_MEMBERS && !INTERFACES.has(place)
      ? [`${place} has ${members} public members, the limit is ${MAX_MEMBERS}`]
      : [],
  );
}

const MEMBER =
  /^ {2}(?:(?:static|async|readonly|override|declare|get|set|accessor|\*) ?)*(?<name>[A-Za-z_$][\w$]*|\[[\w.]+\])\??\s*[(<:=;!]/;

/**
 * The classes of a text with the number of names that others see: overloads, and a getter with its setter,
 * count once.
 */
export function listClasses(text: string): readonly { readonly name: string; readonly members: number }[] {
  const classes: { name: string; members: number }[] = [];
  let names: Set<string> | undefined;
  let className = '';
  for (const line of text.split('\n')) {
    const opened = /^(?:export )?(?:default )?(?:abstract )?class (?<name>\w+)/.exec(line)?.groups?.name;
    if (opened !== undefined && !line.endsWith('}')) {
      className = opened;
      names = new Set();
    } else if (names && line === '}') {
      classes.push({ name: className, members: names.size });
      names = undefined;
    }
    const member = names && MEMBER.exec(line)?.groups?.name;
    if (member !== undefined && member !== 'constructor') names!.add(member);
  }
  return classes;
}
