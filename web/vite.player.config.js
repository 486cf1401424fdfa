/**
 * Builds `<oxbow-player>`: /player.js and /player.css, stable addresses, with hashed chunks next to those of the
 * interface. All addresses inside are relative to the script, which pages of other sites load.
 */
import { defineConfig } from 'vite';
import { build, components } from './vite.config.js';

export default defineConfig({
  plugins: [components],
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
