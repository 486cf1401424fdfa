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
import { preferences } from './viewer/preferences.svelte.ts';
import { session } from './viewer/session.svelte.ts';

preferences.apply();
startNavigation();
session.read(new AbortController().signal).catch(failureOf); // a gate requests it again
await preferences.ready();
mount(App, { target: document.getElementById('app')! });
