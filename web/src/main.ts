/**
 * Starts the interface.
 * In: the page. Out: App in #app.
 */
import './app.css';
import { mount } from 'svelte';
import App from './App.svelte';
import { failureOf } from './api/client.ts';
import { readSignedIn } from './api/sign-in.ts';
import { startNavigation } from './shell/navigation.svelte.ts';
import { preferences } from './shell/preferences.svelte.ts';

preferences.apply();
startNavigation();
readSignedIn(new AbortController().signal).catch(failureOf); // nobody then, until somebody signs in
mount(App, { target: document.getElementById('app')! });
