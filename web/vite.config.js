/**
 * How scripts/build-web.mjs builds the interface: Svelte by Vite into web/dist, hashed files under /ui/, nothing inlined, so that a strict
 * Content-Security-Policy can be used. Two pages: the interface, and the embedded player. The player for other sites is in
 * vite.player.config.js. Plain JavaScript: it runs in `npm ci` on any supported Node.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig, normalizePath } from 'vite';
import { clientPlugin } from './client-plugin.js';
import { textsPlugin } from './texts-plugin.js';

const { version } = JSON.parse(readFileSync(join(import.meta.dirname, '..', 'package.json'), 'utf8'));
const breakpoints = JSON.parse(readFileSync(join(import.meta.dirname, 'breakpoints.json'), 'utf8'));

/** Svelte, with the breakpoints by name: `@media (--phone)`. */
export const components = svelte({
  configFile: false,
  preprocess: {
    style: ({ content }) => ({
      code: content.replace(/@media [^{]+/g, (rule) => rule.replace(/\(--(\w+)\)/g, (_, name) => breakpoints[name])),
    }),
  },
});

/** Options of both builds. */
export const build = {
  outDir: 'dist',
  assetsDir: 'ui', // `assets` is reserved for the library
  assetsInlineLimit: 0, // no data: URLs
  target: 'es2022',
  cssTarget: ['chrome123', 'firefox120', 'safari17.5'], // keeps light-dark()
  chunkSizeWarningLimit: 900, // Shaka Player is one chunk of 815 kB (266 kB gzip), loaded only for DASH in rooms; hls.js of 590 kB (185 kB gzip) only by players
};

/** Whether a module is part of what the entries load at once. @param entries paths below src */
function partOf(...entries) {
  let found;
  return (id, graph) => {
    if (!found) {
      found = new Set();
      const add = (each) => {
        if (found.has(each)) return;
        found.add(each);
        for (const next of graph.getModuleInfo(each)?.importedIds ?? []) add(next);
      };
      for (const entry of entries) add(normalizePath(join(import.meta.dirname, 'src', entry)));
    }
    return found.has(id);
  };
}
const pages = readFileSync(join(import.meta.dirname, 'src', 'pages.ts'), 'utf8').matchAll(/import\('\.\/([^']+)'\)/g);
// The pages of a television load the files of the watch page and of the room, and move nothing into other files.
const otherPages = [...pages]
  .map(([, path]) => path)
  .filter((path) => !/\/(Watch|Room|Tv|TvWatch|TvRoom)\.svelte$/.test(path));
const onStart = partOf('main.ts');
const onEmbed = partOf('embed/main.ts');
const onWatch = partOf('watch/Watch.svelte');
const onRoom = partOf('rooms/Room.svelte');
const onOthers = partOf(...otherPages);
const onMedia = partOf(
  'library/AssetPage.svelte',
  'clips/ClipPage.svelte',
  'multi/Multi.svelte',
  'library/Library.svelte',
);
const onTelevision = partOf('tv/Tv.svelte', 'tv/TvWatch.svelte', 'tv/TvRoom.svelte');
const onAccount = partOf('account/SignIn.svelte', 'account/SignUp.svelte', 'account/ResetPassword.svelte');
/** Needed by the page of a stream and by other pages, or by a room and other pages. */
const isShared = (id, graph) =>
  (onWatch(id, graph) && (onRoom(id, graph) || onOthers(id, graph))) || (onRoom(id, graph) && onOthers(id, graph));
const isPage = (id, graph) => (graph.getModuleInfo(id)?.dynamicImporters.length ?? 0) > 0;
/** A group of modules that are loaded together; an entry and a page have their own file. */
const group = (name, isIn, minShareCount = 1) => ({
  minShareCount,
  name: (id, graph) =>
    !/\.html$|\/src\/(embed\/)?main\.ts$/.test(id) && !isPage(id, graph) && isIn(id, graph) ? name : null,
});

const isOnStage = (id, graph) => onStart(id, graph) || onWatch(id, graph) || onRoom(id, graph);
const isStyle = (id) => /\.css$/.test(id);

/**
 * A page is a handful of files: on HTTP/1.1 each one more costs a turn of one of six connections, and many small files are
 * larger after gzip. Modules that several pages need are together by the pages that need them; styles are in one file for
 * all pages and the embedded one, one for streams and rooms, and one for everything else. The first group that has a module
 * takes it. test/checks/first-load.test.ts counts the files.
 */
const codeSplitting = {
  groups: [
    group('player', (id, graph) => isStyle(id) && onEmbed(id, graph) && isOnStage(id, graph)),
    group('embedded', (id, graph) => isStyle(id) && onEmbed(id, graph)), // it has a separate style for the page
    group('stage', (id, graph) => isStyle(id) && isOnStage(id, graph)),
    group('pages', isStyle),
    group('common', (id, graph) => onStart(id, graph) && onEmbed(id, graph)),
    group('player', (id, graph) => onEmbed(id, graph) && onWatch(id, graph)),
    group('embedded', onEmbed, 2),
    group('base', onStart),
    group('stage', isShared),
    group('room', onRoom),
    group('watch', onWatch, 2),
    group('tv', (id, graph) => onTelevision(id, graph) && !onOthers(id, graph), 2),
    group('account', onAccount, 2),
    group('media', onMedia, 2),
    group('panel', (id) => /\/src\/|\/uqr\//.test(id), 2),
  ],
};

export default defineConfig({
  // The loader of segments meets other viewers by oxbow's own client; docs/decisions/0126 says why.
  resolve: { alias: { 'bittorrent-tracker': join(import.meta.dirname, 'src', 'peers', 'tracker-client.ts') } },
  plugins: [textsPlugin(), components, clientPlugin()],
  define: { OXBOW_VERSION: JSON.stringify(version) },
  // Scripts and styles find the others next to them, wherever they are served from (`staticUrl`); pages name them from the root.
  experimental: { renderBuiltUrl: (_, { hostType }) => (hostType === 'html' ? undefined : { relative: true }) },
  build: {
    ...build,
    emptyOutDir: true,
    manifest: true, // test/checks measures the first load
    modulePreload: { polyfill: false },
    rolldownOptions: {
      input: { index: 'index.html', embed: 'embed.html' },
      output: { codeSplitting },
      checks: { pluginTimings: false }, // no warnings on a busy machine
    },
  },
});
