/**
 * Opens the file with the countries of addresses.
 * In: the setting `watchRules.countryFile`. Out: Countries, up to date until the shutdown.
 */
import type { AppContext } from '../features/core.ts';
import { type Countries, noCountries } from '../net/countries/countries.ts';

/**
 * The reader is loaded only if there is a file.
 *
 * @throws OxbowError `bad-setting` for one that cannot be used
 */
export async function openCountries({ config, log, metrics, opened, shutdown }: AppContext): Promise<Countries> {
  const { countryFile } = config.watchRules;
  if (countryFile === '') return noCountries;
  const { CountryFile } = await import('../net/countries/country-file.ts');
  const file = await CountryFile.open(countryFile, { log, metrics }, shutdown);
  log.info(file.facts, 'countries of addresses are known by a file');
  opened.use(shutdown.owns(file.follow(shutdown)));
  return file;
}
