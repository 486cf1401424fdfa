/**
 * The storage of a camera or network video recorder: which recordings it has, and where they are replayed.
 * In: values, or bodies of responses. Out: bodies of requests, or values. Pure. ONVIF Core 8.3 (device),
 * Recording Search 5 (FindRecordings), Replay Control 5 (GetReplayUri): Profile G.
 */
import { escapeXml } from '@oxbow/media/xml-text';
import { childOf, type SoapElement, textAt } from './soap.ts';

const DEVICE = 'http://www.onvif.org/ver10/device/wsdl';
const SCHEMA = 'http://www.onvif.org/ver10/schema';
/** Namespaces of the services, by which a device lists their addresses. */
export const onvifServices = {
  search: 'http://www.onvif.org/ver10/search/wsdl',
  replay: 'http://www.onvif.org/ver10/replay/wsdl',
} as const;

/** Most services, recordings and tracks that are read. */
const MAX_ENTRIES = 256;
/** Results of one response. */
const RESULTS = 100;

/** A recording of the storage. */
export interface OnvifRecording {
  readonly token: string;
  /** Name of its source; may be empty. */
  readonly name: string;
  /** What it covers, by the camera's clock, ms since 1970; it may have gaps. Undefined: not known. */
  readonly fromMs: number | undefined;
  readonly toMs: number | undefined;
}

/** Some results of a search. */
export interface OnvifResults {
  readonly recordings: readonly OnvifRecording[];
  /** No more results come. */
  readonly isComplete: boolean;
}

/** The body that requests the camera's clock; no login is needed. */
export const printGetTime = (): string => `<GetSystemDateAndTime xmlns="${DEVICE}"/>`;

/** The camera's clock, ms since 1970; undefined if it does not say it in UTC. */
export function parseTime(response: SoapElement): number | undefined {
  const utc = childOf(childOf(response, 'SystemDateAndTime'), 'UTCDateTime');
  const number = (...path: string[]) => Number(textAt(utc, ...path) ?? Number.NaN);
  const [year, month, day] = [number('Date', 'Year'), number('Date', 'Month'), number('Date', 'Day')];
  const ms = Date.UTC(year, month - 1, day, number('Time', 'Hour'), number('Time', 'Minute'), number('Time', 'Second'));
  return Number.isNaN(ms) ? undefined : ms;
}

/** The body that requests the services of a device. */
export const printGetServices = (): string =>
  `<GetServices xmlns="${DEVICE}"><IncludeCapability>false</IncludeCapability></GetServices>`;

/** Addresses of services by their namespaces. */
export function parseServices(response: SoapElement): ReadonlyMap<string, string> {
  const services = new Map<string, string>();
  for (const service of response.children.slice(0, MAX_ENTRIES)) {
    const [namespace, address] = [textAt(service, 'Namespace'), textAt(service, 'XAddr')];
    if (namespace !== undefined && address !== undefined) services.set(namespace, address);
  }
  return services;
}

/** The body that begins a search of all recordings. */
export const printFindRecordings = (): string =>
  `<FindRecordings xmlns="${onvifServices.search}"><Scope/><KeepAliveTime>PT30S</KeepAliveTime></FindRecordings>`;

/** Token of a search; undefined if it is missing. */
export const parseSearchToken = (response: SoapElement): string | undefined => textAt(response, 'SearchToken');

/** The body that requests results of a search. */
export const printGetResults = (searchToken: string): string =>
  `<GetRecordingSearchResults xmlns="${onvifServices.search}"><SearchToken>${escapeXml(searchToken)}</SearchToken>` +
  `<MinResults>1</MinResults><MaxResults>${RESULTS}</MaxResults><WaitTime>PT5S</WaitTime></GetRecordingSearchResults>`;

/** Recordings among the results of a search. */
export function parseResults(response: SoapElement): OnvifResults {
  const list = childOf(response, 'ResultList');
  const recordings = (list?.children ?? []).filter(({ name }) => name === 'RecordingInformation');
  return {
    isComplete: textAt(list, 'SearchState') === 'Completed',
    recordings: recordings.slice(0, MAX_ENTRIES).flatMap((each) => {
      const token = textAt(each, 'RecordingToken');
      if (token === undefined) return [];
      const name = textAt(each, 'Source', 'Name') ?? '';
      const [fromMs, toMs] = [instantOf(textAt(each, 'EarliestRecording')), instantOf(textAt(each, 'LatestRecording'))];
      return [{ token, name, fromMs, toMs }];
    }),
  };
}

/** The body that ends a search. */
export const printEndSearch = (searchToken: string): string =>
  `<EndSearch xmlns="${onvifServices.search}"><SearchToken>${escapeXml(searchToken)}</SearchToken></EndSearch>`;

/** The body that requests the RTSP address of a recording. */
export const printGetReplayUri = (recordingToken: string): string =>
  `<GetReplayUri xmlns="${onvifServices.replay}" xmlns:t="${SCHEMA}"><StreamSetup><t:Stream>RTP-Unicast</t:Stream>` +
  '<t:Transport><t:Protocol>RTSP</t:Protocol></t:Transport></StreamSetup>' +
  `<RecordingToken>${escapeXml(recordingToken)}</RecordingToken></GetReplayUri>`;

/** The RTSP address of a recording; undefined if it is missing. */
export const parseReplayUri = (response: SoapElement): string | undefined => textAt(response, 'Uri');

function instantOf(text: string | undefined): number | undefined {
  const ms = Date.parse(text ?? '');
  return Number.isNaN(ms) ? undefined : ms;
}
