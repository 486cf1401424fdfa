/**
 * How the interface is built (scripts/build-web.mjs): Svelte by Vite into web/dist, hashed files under /ui/, nothing inlined, so that a strict
 * Content-Security-Policy holds. Two pages: the interface, and the player for frames. The player for other people's pages is
 * vite.player.config.js. Plain JavaScript: it runs in `npm ci` on whatever Node the machine has.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';

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

/** What both builds share. */
export const build = {
  outDir: 'dist',
  assetsDir: 'ui', // not `assets`: that path belongs to the library
  assetsInlineLimit: 0, // no data: URLs
  target: 'es2022',
  cssTarget: ['chrome123', 'firefox120', 'safari17.5'], // light-dark() as it is written
  chunkSizeWarningLimit: 700, // hls.js is one chunk of 590 kB (185 kB gzip), loaded by players alone
};

export default defineConfig({
  plugins: [components],
  build: {
    ...build,
    emptyOutDir: true,
    manifest: true, // what a page loads first is weighed by test/checks
    modulePreload: { polyfill: false },
    rolldownOptions: {
      input: { index: 'index.html', embed: 'embed.html' },
      checks: { pluginTimings: false }, // a busy machine is no warning
    },
  },
});
