/**
 * Builds `<oxbow-player>`: /player.js and /player.css, stable addresses, with hashed chunks next to those of the
 * interface. All addresses inside are relative to the script, which pages of other sites load.
 */
import { readFileSync } from 'node:fs';
import { defineConfig } from 'vite';
import { clientPlugin } from './client-plugin.js';
import { textsPlugin } from './texts-plugin.js';
import { build, components } from './vite.config.js';

/** Catalogues of pages that are not part of the player. */
const omitted = /[/]text[/][\w-]+[/](account|admin|chat|docs|go-live|record|rooms)[.]json$/;
const omittedKeys = new Set();
/** The module that uses each text. */
const usedKeys = new Map();

/** Builds the player without the texts of other pages. The build fails if a module of the player uses one of them. */
const playerTexts = {
  name: 'player-texts',
  enforce: 'pre',
  load(id) {
    if (!omitted.test(id)) return null;
    for (const key of Object.keys(JSON.parse(readFileSync(id, 'utf8')))) omittedKeys.add(key);
    return '{}';
  },
  moduleParsed({ id, code }) {
    for (const [, key] of code?.matchAll(/\bt\(\s*['"`]([\w.-]+)/g) ?? []) usedKeys.set(key, id);
  },
  buildEnd() {
    for (const [key, id] of usedKeys)
      if (omittedKeys.has(key)) this.error(`${id} uses the text ${key}, see vite.player.config.js`);
  },
};

export default defineConfig({
  plugins: [playerTexts, textsPlugin(), components, clientPlugin()],
  base: './',
  publicDir: false,
  build: {
    ...build,
    emptyOutDir: false,
    cssCodeSplit: false,
    modulePreload: false,
    rolldownOptions: {
      input: { player: 'src/embed/player.ts' },
      checks: { pluginTimings: false },
      output: {
        entryFileNames: 'player.js',
        chunkFileNames: 'ui/[name]-[hash].js',
        assetFileNames: ({ names }) =>
          names.some((name) => name.endsWith('.css')) ? 'player.css' : 'ui/[name]-[hash][extname]',
      },
    },
  },
});
