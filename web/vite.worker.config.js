/**
 * Builds the service worker: /sw.js, one file without imports, as browsers without modules in workers need.
 */
import { defineConfig } from 'vite';
import { build } from './vite.config.js';

export default defineConfig({
  publicDir: false,
  build: {
    ...build,
    emptyOutDir: false,
    modulePreload: false,
    rolldownOptions: {
      input: { sw: 'src/phone/worker.ts' },
      checks: { pluginTimings: false },
      output: { format: 'iife', entryFileNames: 'sw.js' },
    },
  },
});
