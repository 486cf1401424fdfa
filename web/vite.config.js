/**
 * How scripts/build-web.mjs builds the interface: Svelte by Vite into web/dist, hashed files under /ui/, nothing inlined, so that a strict
 * Content-Security-Policy can be used. Two pages: the interface, and the embedded player. The player for other sites is in
 * vite.player.config.js. Plain JavaScript: it runs in `npm ci` on any supported Node.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';

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

/** Modules that most pages share are in one file, and those of the bar in another: many small files are larger after gzip. */
const codeSplitting = {
  groups: [
    { name: 'base', test: /web\/src\/(time|api|shell|components)\/|src\/client\//, minShareCount: 6 },
    { name: 'timeline', test: /web\/src\/timeline\// },
  ],
};

export default defineConfig({
  plugins: [components],
  define: { OXBOW_VERSION: JSON.stringify(version) },
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
