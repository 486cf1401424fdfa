/**
 * Keeps the texts of every language but English in files of their own: a page has English and loads the packs of its reader's
 * language. A language is a file `src/text/TAG.json`, flat, with its name as `language`; or a folder with one file for each area, as
 * Chinese.
 * In: src/text. Out: a plugin of Vite, which writes src/text/further/packs.ts and what each area needs of it. The build fails if a
 * module adds texts in another form.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';

const folder = join(import.meta.dirname, 'src', 'text');
const ADDS = /addTexts\(\{ en, 'zh-CN': zh \}\)/;
/** Languages in folders, with their names; English is not among them. */
const IN_FOLDERS = { 'zh-CN': '中文' };
/**
 * Areas by the pack that has them: `start` is on every page, `rooms` has what rooms and the library show. All others are in `more`.
 */
const AREAS = {
  start: ['shell', 'home', 'record', 'timeline', 'watch', 'clips', 'unsupported', 'goto', 'timelapse', 'real-time'],
  rooms: ['rooms', 'chat', 'call', 'call-record', 'multi', 'library', 'trim', 'media-servers', 'docs'],
};
/** Names of tables of the sources, in languages that those do not have: the start of the key, and the area that shows them. */
const NAMES = { 'alarm.': 'history', 'emoji.': 'chat' };
const packOf = (area) => Object.keys(AREAS).find((pack) => AREAS[pack].includes(area)) ?? 'more';
const readTexts = (file) => JSON.parse(readFileSync(file, 'utf8'));
const textFiles = (language) => {
  const names = readdirSync(join(folder, language)).filter((name) => name.endsWith('.json'));
  return names.toSorted().map((name) => join(folder, language, name));
};

/** The languages with packs: tag -> name and texts by pack. Texts that English does not have are left out. */
export function readLanguages() {
  const areas = new Map(); // by key
  for (const file of textFiles('en'))
    for (const key of Object.keys(readTexts(file))) areas.set(key, basename(file, '.json'));
  const languages = new Map();
  const add = (tag, name, texts) => {
    const packs = new Map();
    for (const [key, text] of Object.entries(texts)) {
      const area = areas.get(key) ?? NAMES[/^\w+\./.exec(key)?.[0]];
      if (area === undefined) continue;
      const pack = packOf(area);
      if (!packs.has(pack)) packs.set(pack, {});
      packs.get(pack)[key] = text;
    }
    languages.set(tag, { name, packs });
  };
  for (const [tag, name] of Object.entries(IN_FOLDERS))
    add(tag, name, Object.assign({}, ...textFiles(tag).map(readTexts)));
  for (const file of textFiles('')) {
    const texts = readTexts(file);
    add(basename(file, '.json'), texts.language, texts);
  }
  return languages;
}

/** src/text/further/packs.ts for the pages. */
function packsModule(languages) {
  const rows = [...languages].map(([tag, { name, packs }]) => {
    const loads = [...packs.keys()].map((pack) => `${JSON.stringify(pack)}: () => import('texts-of-${tag}-${pack}')`);
    return `${JSON.stringify(tag)}: { name: ${JSON.stringify(name)}, packs: { ${loads.join(', ')} } }`;
  });
  return `export const furtherLanguages = { ${rows.join(', ')} };`;
}

/** The plugin. It comes before the others. */
export function textsPlugin() {
  let languages;
  return {
    name: 'texts',
    enforce: 'pre',
    buildStart() {
      languages = readLanguages();
    },
    resolveId(id) {
      return id.startsWith('texts-of-') ? `\0${id}` : null;
    },
    load(id) {
      if (/[/]src[/]text[/]further[/]packs\.ts$/.test(id)) return packsModule(languages);
      const [, other] = /[/]src[/]text[/]([\w-]+)[/][\w-]+\.json$/.exec(id) ?? [];
      if (other !== undefined && other !== 'en') return '{}';
      const [, tag, pack] = /^\0texts-of-(.+)-(\w+)$/.exec(id) ?? [];
      if (tag === undefined) return null;
      return `export default JSON.parse(${JSON.stringify(JSON.stringify(languages.get(tag).packs.get(pack)))});`;
    },
    transform(code, id) {
      const [, area] = /import en from '[./\w-]*\ben\/([\w-]+)\.json'/.exec(code) ?? [];
      if (area === undefined || !/[/]web[/]src[/]/.test(id)) return null;
      if (!ADDS.test(code)) this.error(`${id} adds its texts in another form, see web/texts-plugin.js`);
      return { code: code.replace(ADDS, `addTexts({ en }, '${packOf(area)}')`), map: null };
    },
  };
}
