/**
 * Opens the processing of assets: jobs `import` and `encode`.
 * In: the context, store, recordings, jobs, library. Out: Processing.
 */
import { Processing } from '../library/processing/processing.ts';
import { ladderSettingsOf } from '../transcode/ladder/settings.ts';
import type { AppContext, Parts } from './parts.ts';

/** Registers the kinds of jobs; before the queue works. */
export function openProcessing(
  { opened, failed, settings }: AppContext,
  { store, recordings, jobs, library }: Pick<Parts, 'store' | 'recordings' | 'jobs' | 'library'>,
): Processing {
  const { segments } = recordings;
  const { assets } = library;
  const report = failed('the processing of an asset');
  const ladder = () => ladderSettingsOf(settings.now.library.ladder);
  const processing = opened.use(new Processing({ db: store.db, jobs, assets, segments, ladder, failed: report }));
  for (const kind of processing.kinds) jobs.register(kind);
  return processing;
}

/** Continues what the last process has left, until the shutdown. */
export function startProcessing({ opened, shutdown, failed }: AppContext, processing: Processing): void {
  opened.use(shutdown.owns(processing.reconcile().catch(failed('the processing of assets'))));
}
