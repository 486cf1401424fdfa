/**
 * The vault: recordings of other servers, which they copy or mirror here.
 * In: the settings. Out: the feature.
 */
import { defineFeature } from '../feature.ts';
import { vaultRoutes } from './routes.ts';
import { checkVault, vaultSection } from './settings.ts';
import { Vault } from './vault.ts';

/** The feature. */
export const vault = defineFeature({
  name: 'vault',
  routes: vaultRoutes,
  adds: { settings: { vault: vaultSection } },
  async open({ config }) {
    checkVault(config.vault);
    return { own: await Vault.open(config.vault) };
  },
});
