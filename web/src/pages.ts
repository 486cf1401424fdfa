/**
 * The table of pages: component, title, width, required permission and menu of each. A new page is an address
 * in routes.ts and a line here.
 * In: nothing. Out: App, the header, the footer.
 */
import type { Component } from 'svelte';
import type { IconName } from './components/icons.ts';
import Home from './home/Home.svelte';
import { type PageName, paths } from './routes.ts';
import type { TextKey } from './text/text.ts';
import type { Action } from './viewer/session.svelte.ts';

/** One page of the interface. */
interface PageEntry {
  /** All pages except the home page are loaded when they are opened. */
  readonly load: () => Component | Promise<Component>;
  readonly title: TextKey;
  readonly width: 'form' | 'narrow' | 'normal' | 'wide' | 'full';
  /**
   * Required permission; without it the page asks the viewer to sign in, with the reason and, a line each,
   * the content of the page.
   */
  readonly needs?: { readonly action: Action; readonly why: TextKey; readonly content: TextKey };
  readonly menu?: 'main' | 'create' | 'account' | 'foot';
  /** It fills the screen: without header and footer. */
  readonly isWhole?: true;
  readonly icon?: IconName;
}

/**
 * Loads a page once, so that it stays the same while only its address changes. The parameter of the address
 * becomes props.
 */
function lazy(load: () => Promise<{ readonly default: unknown }>): () => Promise<Component> {
  let loaded: Promise<Component> | undefined;
  return () => {
    loaded ??= load().then((module) => module.default as Component);
    return loaded;
  };
}

/** All pages, in the order in which menus list them. */
export const pages: Readonly<Record<PageName, PageEntry>> = {
  home: { load: () => Home, title: 'nav.streams', width: 'wide', menu: 'main', icon: 'play' },
  watch: { load: lazy(() => import('./watch/Watch.svelte')), title: 'nav.streams', width: 'full' },
  library: {
    load: lazy(() => import('./library/Library.svelte')),
    title: 'library.title',
    width: 'wide',
    menu: 'main',
    icon: 'film',
  },
  asset: { load: lazy(() => import('./library/AssetPage.svelte')), title: 'library.title', width: 'normal' },
  clips: {
    load: lazy(() => import('./clips/Clips.svelte')),
    title: 'nav.clips',
    width: 'wide',
    menu: 'main',
    icon: 'clip',
  },
  clip: { load: lazy(() => import('./clips/ClipPage.svelte')), title: 'nav.clips', width: 'normal' },
  rooms: {
    load: lazy(() => import('./rooms/Rooms.svelte')),
    title: 'rooms.title',
    width: 'wide',
    menu: 'main',
    icon: 'people',
  },
  room: { load: lazy(() => import('./rooms/Room.svelte')), title: 'rooms.title', width: 'wide' },
  'go-live': {
    load: lazy(() => import('./go-live/GoLive.svelte')),
    title: 'goLive.title',
    width: 'normal',
    needs: { action: 'add-streams', why: 'goLive.why', content: 'gate.goLive' },
    menu: 'create',
    icon: 'broadcast',
  },
  studio: {
    load: lazy(() => import('./studio/StudioPage.svelte')),
    title: 'goLive.title',
    width: 'normal',
    needs: { action: 'add-streams', why: 'goLive.why', content: 'gate.studio' },
  },
  mixer: {
    load: lazy(() => import('./mixer/MixerPage.svelte')),
    title: 'mixer.title',
    width: 'wide',
    needs: { action: 'administer', why: 'admin.closed', content: 'gate.admin' },
  },
  record: {
    load: lazy(() => import('./record/Record.svelte')),
    title: 'record.title',
    width: 'narrow',
    needs: { action: 'add-streams', why: 'record.tokenHow', content: 'gate.record' },
    menu: 'create',
    icon: 'record',
  },
  upload: {
    load: lazy(() => import('./upload/Upload.svelte')),
    title: 'upload.title',
    width: 'normal',
    needs: { action: 'upload', why: 'upload.why', content: 'gate.upload' },
    menu: 'create',
    icon: 'upload',
  },
  tv: { load: lazy(() => import('./tv/Tv.svelte')), title: 'nav.tv', width: 'full', isWhole: true },
  'tv-watch': { load: lazy(() => import('./tv/TvWatch.svelte')), title: 'nav.tv', width: 'full', isWhole: true },
  'tv-room': { load: lazy(() => import('./tv/TvRoom.svelte')), title: 'nav.tv', width: 'full', isWhole: true },
  'tv-link': {
    load: lazy(() => import('./tv/TvLink.svelte')),
    title: 'nav.tv',
    width: 'form',
    needs: { action: 'account', why: 'nav.tvWhy', content: 'nav.tvHow' },
    menu: 'account',
    icon: 'television',
  },
  multi: { load: lazy(() => import('./multi/Multi.svelte')), title: 'nav.streams', width: 'wide' },
  'sign-in': { load: lazy(() => import('./account/SignIn.svelte')), title: 'signIn.title', width: 'form' },
  'sign-up': { load: lazy(() => import('./account/SignUp.svelte')), title: 'signIn.title', width: 'form' },
  'reset-password': {
    load: lazy(() => import('./account/ResetPassword.svelte')),
    title: 'signIn.title',
    width: 'form',
  },
  'verify-email': { load: lazy(() => import('./account/VerifyEmail.svelte')), title: 'signIn.title', width: 'form' },
  cases: {
    load: lazy(() => import('./cases/Cases.svelte')),
    title: 'nav.cases',
    width: 'normal',
    needs: { action: 'cases', why: 'me.why', content: 'nav.cases' },
    menu: 'account',
    icon: 'pin',
  },
  case: {
    load: lazy(() => import('./cases/CasePage.svelte')),
    title: 'nav.cases',
    width: 'normal',
    needs: { action: 'cases', why: 'me.why', content: 'nav.cases' },
  },
  me: {
    load: lazy(() => import('./account/Me.svelte')),
    title: 'me.title',
    width: 'narrow',
    needs: { action: 'account', why: 'me.why', content: 'gate.me' },
    menu: 'account',
    icon: 'person',
  },
  admin: {
    load: lazy(() => import('./admin/Admin.svelte')),
    title: 'admin.title',
    width: 'wide',
    needs: { action: 'administer', why: 'admin.closed', content: 'gate.admin' },
    menu: 'account',
    icon: 'settings',
  },
  history: {
    load: lazy(() => import('./admin/alarms/History.svelte')),
    title: 'admin.title',
    width: 'wide',
    needs: { action: 'administer', why: 'admin.closed', content: 'gate.admin' },
  },
  channel: {
    load: lazy(() => import('./channel/ChannelPage.svelte')),
    title: 'admin.schedule',
    width: 'wide',
    needs: { action: 'administer', why: 'admin.closed', content: 'gate.admin' },
  },
  verify: {
    load: lazy(() => import('./evidence/Verify.svelte')),
    title: 'evidence.title',
    width: 'narrow',
    menu: 'foot',
  },
  docs: { load: lazy(() => import('./docs/ApiDocs.svelte')), title: 'foot.api', width: 'normal', menu: 'foot' },
};

/** The pages of a menu, with their addresses. */
export function pagesIn(
  menu: PageEntry['menu'],
): readonly (PageEntry & { readonly name: PageName; readonly path: string })[] {
  return (Object.keys(pages) as PageName[])
    .filter((name) => pages[name].menu === menu)
    .map((name) => ({ ...pages[name], name, path: paths[name].replace(/\/:\w+\?$/, '') }));
}
