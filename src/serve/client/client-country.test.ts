import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createCountryOf } from './client-country.ts';

const request = (remoteAddress: string, value: string | undefined) => ({
  headers: value === undefined ? {} : { 'cf-ipcountry': value },
  remoteAddress,
  sender: undefined,
});

test('the country is what a trusted proxy says; a client cannot say it', () => {
  const countryOf = createCountryOf(['192.0.2.0/24'], 'cf-ipcountry');
  assert.equal(countryOf(request('192.0.2.9', 'DE')), 'DE');
  assert.equal(countryOf(request('::ffff:192.0.2.9', ' de ')), 'DE');
  assert.equal(countryOf(request('127.0.0.1', 'AT')), 'AT', 'a proxy on this computer');
  assert.equal(countryOf(request('198.51.100.1', 'DE')), undefined);
  assert.equal(countryOf({ ...request('198.51.100.1', 'DE'), sender: { node: 'b' } as never }), 'DE', 'a node');
});

test('codes of no country, several values and a missing field are an unknown country', () => {
  const countryOf = createCountryOf([], 'cf-ipcountry');
  for (const value of ['XX', 'T1', 'DE, AT', '', 'Germany', undefined]) {
    assert.equal(countryOf(request('127.0.0.1', value)), undefined, value);
  }
  assert.equal(createCountryOf([], '')(request('127.0.0.1', 'DE')), undefined, 'no field is set');
});
