/**
 * Starts the interface.
 * In: the page. Out: App in #app.
 */
import './app.css';
import './pages.css';
import { mount } from 'svelte';
import App from './App.svelte';
import { failureOf } from './api/client.ts';
import { startNavigation } from './navigation/navigation.svelte.ts';
import { shared } from './phone/shared.svelte.ts';
import { startWorker } from './phone/start-worker.ts';
import { preferences } from './viewer/preferences.svelte.ts';
import { session } from './viewer/session.svelte.ts';
import { readStored } from './viewer/storage.ts';

preferences.apply();
startNavigation();
session.read(new AbortController().signal).then(renew).catch(failureOf); // a gate requests it again
await preferences.ready();
startWorker();
void shared.take();
mount(App, { target: document.getElementById('app')! });

/** Messages of the system follow the session of this browser. */
async function renew(): Promise<void> {
  if (readStored('oxbow.push') === null || session.id === '') return;
  const { renewPush } = await import('./phone/push-browser.ts');
  await renewPush({ person: session.user?.id ?? '', session: session.id }, AbortSignal.timeout(60_000));
}
