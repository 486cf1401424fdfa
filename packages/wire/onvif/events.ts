/**
 * What a camera notices: motion, a crossed line, a field that something is in, a digital input.
 * In: values, or bodies of responses. Out: bodies and headers of requests, or notifications. Pure. ONVIF Core
 * 9 (real-time pull-point), WS-BaseNotification 1.3, WS-Addressing 1.0; topics of `tns1`.
 */
import { escapeXml } from '@oxbow/media/xml-text';
import { attributeOf, childOf, type SoapElement, textAt } from './soap.ts';

const EVENTS = 'http://www.onvif.org/ver10/events/wsdl';
const NOTIFICATION = 'http://docs.oasis-open.org/wsn/b-2';
const ADDRESSING = 'http://www.w3.org/2005/08/addressing';
/** Namespace of the service, by which a device lists its address. */
export const eventsService = EVENTS;

/** Most notifications of a response. */
const MAX_NOTIFICATIONS = 100;
/** Longest parameters of a subscription that are sent back, characters. */
const MAX_PARAMETERS = 4096;
/** Most namespaces of them: each is declared at every element. */
const MAX_PREFIXES = 16;

/** What was noticed; `field`: something is inside a field. */
export const cameraEventKinds = ['motion', 'line', 'field', 'input'] as const;
/** One of them. */
export type CameraEventKind = (typeof cameraEventKinds)[number];

/** A subscription at a camera. */
export interface PullPoint {
  /** Where it is read, as the camera says it. */
  readonly address: string;
  /** XML that the camera wants in the header of each request. */
  readonly parameters: string;
}

export interface CameraNotification {
  readonly kind: CameraEventKind;
  /** Whether it is so now; undefined: it has happened at an instant. */
  readonly isOn: boolean | undefined;
  /** By the clock of the camera, ms since 1970; undefined: not known. */
  readonly atMs: number | undefined;
  /** Token of the video source that it is about, or of its configuration; undefined: not known. */
  readonly source: string | undefined;
}

/** Header fields of WS-Addressing, which cameras need to find a subscription. */
function headers(action: string, to: string, parameters = ''): string {
  return (
    `<a:Action xmlns:a="${ADDRESSING}">${action}</a:Action>` +
    `<a:To xmlns:a="${ADDRESSING}">${escapeXml(to)}</a:To>${parameters}`
  );
}

/** A request with its header. */
interface EventRequest {
  readonly body: string;
  readonly headers: string;
}

/** Subscribes. @param url of the service @param seconds it lasts for */
export function printSubscribe(url: string, seconds: number): EventRequest {
  return {
    body: `<CreatePullPointSubscription xmlns="${EVENTS}"><InitialTerminationTime>PT${seconds}S</InitialTerminationTime></CreatePullPointSubscription>`,
    headers: headers(`${EVENTS}/EventPortType/CreatePullPointSubscriptionRequest`, url),
  };
}

/**
 * A subscription that was made; undefined without an address.
 *
 * @param text of the whole response: parameters are sent back as they are written
 */
export function parsePullPoint(response: SoapElement, text: string): PullPoint | undefined {
  const address = textAt(childOf(response, 'SubscriptionReference'), 'Address');
  if (address === undefined) return undefined;
  const parameters = parametersOf(text);
  if (parameters === '' || parameters.length > MAX_PARAMETERS) return { address, parameters: '' };
  // Prefixes that are declared elsewhere in the response.
  const declared = new Map(
    [...text.matchAll(/\sxmlns:([\w.-]+)\s*=\s*("[^"<]{0,200}"|'[^'<]{0,200}')/g)].map(([, name, uri]) => [name, uri]),
  );
  const used = new Set([...parameters.matchAll(/<([\w.-]+):/g)].map(([, name]) => name));
  const namespaces = [...used]
    .slice(0, MAX_PREFIXES)
    .flatMap((name) => (declared.has(name) ? [[`xmlns:${name}`, declared.get(name)]] : []));
  // An attribute that is there twice is no XML, and the camera would refuse it.
  const completed = parameters.replaceAll(/<[\w.-]+:[\w.-]+(?=[\s/>])[^<>]*/g, (tag) => {
    const isMissing = ([name]: readonly unknown[]) => !new RegExp(`\\s${name}\\s*=`).test(tag);
    const added = namespaces.filter(isMissing).map(([name, uri]) => ` ${name}=${uri}`);
    return tag.replace(/^<[\w.:-]+/, (start) => start + added.join(''));
  });
  return { address, parameters: completed };
}

/** What is between the tags of the first ReferenceParameters, as it is written; empty without them. */
function parametersOf(text: string): string {
  const start = /<([\w.-]+:)?ReferenceParameters(?:\s[^<>]*)?>/.exec(text);
  if (!start || start[0].endsWith('/>')) return '';
  const from = start.index + start[0].length;
  const to = text.indexOf(`</${start[1] ?? ''}ReferenceParameters`, from);
  return to < 0 ? '' : text.slice(from, to).trim();
}

/** Waits for notifications. @param url of the subscription @param seconds longest wait */
export function printPull(url: string, { parameters }: PullPoint, seconds: number): EventRequest {
  return {
    body: `<PullMessages xmlns="${EVENTS}"><Timeout>PT${seconds}S</Timeout><MessageLimit>${MAX_NOTIFICATIONS}</MessageLimit></PullMessages>`,
    headers: headers(`${EVENTS}/PullPointSubscription/PullMessagesRequest`, url, parameters),
  };
}

/** Keeps a subscription. @param seconds it lasts for */
export function printRenew(url: string, { parameters }: PullPoint, seconds: number): EventRequest {
  return {
    body: `<Renew xmlns="${NOTIFICATION}"><TerminationTime>PT${seconds}S</TerminationTime></Renew>`,
    headers: headers('http://docs.oasis-open.org/wsn/bw-2/SubscriptionManager/RenewRequest', url, parameters),
  };
}

/** Ends a subscription. */
export function printUnsubscribe(url: string, { parameters }: PullPoint): EventRequest {
  return {
    body: `<Unsubscribe xmlns="${NOTIFICATION}"/>`,
    headers: headers('http://docs.oasis-open.org/wsn/bw-2/SubscriptionManager/UnsubscribeRequest', url, parameters),
  };
}

/** Notifications that are known, in their order. */
export function parseNotifications(response: SoapElement): readonly CameraNotification[] {
  const listed = response.children.filter(({ name }) => name === 'NotificationMessage');
  return listed.slice(0, MAX_NOTIFICATIONS).flatMap((each) => notificationOf(each) ?? []);
}

/** By names in topics; makers add their own after those of the standard. The first that fits. */
const TOPICS: readonly (readonly [CameraEventKind, RegExp])[] = [
  ['line', /LineDetector|LineCounter|CrossLine|LineCross/i],
  ['field', /FieldDetector|Intrusion|Loitering/i],
  ['motion', /Motion/i],
  ['input', /DigitalInput/i],
];

function notificationOf(notification: SoapElement): CameraNotification | undefined {
  const topic = textAt(notification, 'Topic') ?? '';
  const kind = TOPICS.find(([, pattern]) => pattern.test(topic))?.[0];
  const message = childOf(childOf(notification, 'Message'), 'Message');
  if (kind === undefined || !message) return undefined;
  const operation = attributeOf(message, 'PropertyOperation');
  if (operation === 'Deleted') return undefined;
  const isOn = stateOf(kind, itemsOf(childOf(message, 'Data')));
  // What was there when the subscription began, and is no state, has not happened now.
  if (operation === 'Initialized' && isOn === undefined) return undefined;
  const atMs = Date.parse(attributeOf(message, 'UtcTime') ?? '');
  const sources = itemsOf(childOf(message, 'Source'));
  // Topics of the video source call it `Source` (ONVIF Imaging 5.3).
  const pattern = /VideoSource\//.test(topic) ? /^(?:VideoSource|Source$)/ : /^VideoSource/;
  return {
    kind,
    isOn,
    atMs: Number.isNaN(atMs) ? undefined : atMs,
    source: sources.find(([name]) => pattern.test(name))?.[1],
  };
}

/** Names and values of simple items. */
function itemsOf(list: SoapElement | undefined): [name: string, value: string][] {
  const items = list?.children.filter(({ name }) => name === 'SimpleItem') ?? [];
  return items.map((item) => [attributeOf(item, 'Name') ?? '', attributeOf(item, 'Value') ?? '']);
}

const STATES = /^(?:State|Is\w+|LogicalState|Active|Value)$/i;

/** A crossed line is an instant, also where a camera says it as a state; that it is over is one. */
function stateOf(
  kind: CameraEventKind,
  items: readonly (readonly [name: string, value: string])[],
): boolean | undefined {
  const names = kind === 'line' ? /^(?:State|Is\w*Cross\w*|Active)$/i : STATES;
  const [, value = ''] = items.find(([name]) => names.test(name)) ?? [];
  if (/^(?:true|1|active|on)$/i.test(value)) return kind === 'line' ? undefined : true;
  return /^(?:false|0|inactive|off)$/i.test(value) ? false : undefined;
}
