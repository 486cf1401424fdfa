/**
 * The CloudFormation template of a CloudFront distribution in front of oxbow. CloudFront asks oxbow about no
 * token: what has one is forwarded.
 * In: a plan. Out: JSON. Pure; never run by the tests. docs/9-run/cdn.md.
 */
import { type CachePlan, portOf } from './cache-plan.ts';
import { DIRECTIVES } from './cached-paths.ts';

/** Policies that every account of AWS has: nothing is kept; everything but `Host` is sent on. */
const CACHING_DISABLED = '4135ea2d-6df8-44a3-9df3-4b5a84be39ad';
const ALL_BUT_HOST = 'b689b0a8-53d0-40ab-baf2-68738e2966ac';

const READ = ['GET', 'HEAD'];
const PREFLIGHT = [...READ, 'OPTIONS'];
const ALL = [...PREFLIGHT, 'PUT', 'POST', 'PATCH', 'DELETE'];

/** Media that is forwarded: reports, the time of the server, catch-up of IPTV players, originals. */
const FORWARDED = ['/live/*/session', '/live/*/time.txt', '/live/*/ts/index.m3u8', '/assets/*/original'];
/** Media that is kept as long as oxbow says. */
const KEPT = ['/live/*', '/vod/*', '/thumb/*', '/assets/*'];
/** Errors that CloudFront would keep for 10 s. */
const ERRORS = [400, 403, 404, 405, 414, 416, 500, 501, 502, 503, 504];

/** Prints the file. */
export function printCloudfront(plan: CachePlan): string {
  const { name, publicUrl } = plan;
  const template = {
    AWSTemplateFormatVersion: '2010-09-09',
    Description: `CloudFront in front of oxbow at ${publicUrl.origin}. Made by oxbow cdn print cloudfront; see docs/9-run/cdn.md.`,
    Parameters: {
      CertificateArn: {
        Type: 'String',
        Description: `Certificate for ${publicUrl.hostname} in ACM, in the region us-east-1.`,
      },
      OriginShieldRegion: {
        Type: 'String',
        Default: 'us-east-1',
        Description: 'Region of the one cache that asks oxbow for all others: the one next to oxbow.',
      },
    },
    Resources: { Copies: copies(name), Distribution: distribution(plan) },
    Outputs: { DomainName: { Value: { 'Fn::GetAtt': ['Distribution', 'DomainName'] } } },
  };
  return `${JSON.stringify(template, null, 2)}\n`;
}

/** The key: the path with the directives of HLS. */
function copies(name: string): object {
  return {
    Type: 'AWS::CloudFront::CachePolicy',
    Properties: {
      CachePolicyConfig: {
        Name: `${name}-copies`,
        Comment: 'The path with the directives of HLS, kept as long as oxbow says.',
        MinTTL: 0,
        DefaultTTL: 0,
        MaxTTL: 31536000,
        ParametersInCacheKeyAndForwardedToOrigin: {
          EnableAcceptEncodingGzip: true,
          EnableAcceptEncodingBrotli: false,
          HeadersConfig: { HeaderBehavior: 'none' },
          CookiesConfig: { CookieBehavior: 'none' },
          QueryStringsConfig: { QueryStringBehavior: 'whitelist', QueryStrings: DIRECTIVES },
        },
      },
    },
  };
}

function distribution(plan: CachePlan): object {
  const { name, publicUrl } = plan;
  const forward = {
    TargetOriginId: name,
    ViewerProtocolPolicy: 'redirect-to-https',
    AllowedMethods: ALL,
    CachedMethods: READ,
    CachePolicyId: CACHING_DISABLED,
    OriginRequestPolicyId: ALL_BUT_HOST,
    Compress: false,
  };
  const keep = {
    TargetOriginId: name,
    ViewerProtocolPolicy: 'redirect-to-https',
    AllowedMethods: PREFLIGHT,
    CachedMethods: READ,
    CachePolicyId: { Ref: 'Copies' },
    Compress: false,
  };
  const behaviors = [
    ...FORWARDED.map((path) => Object.assign({ PathPattern: path }, forward)),
    ...KEPT.map((path) => Object.assign({ PathPattern: path }, keep)),
  ];
  return {
    Type: 'AWS::CloudFront::Distribution',
    Properties: {
      DistributionConfig: {
        Enabled: true,
        Comment: `oxbow: ${name}`,
        Aliases: [publicUrl.hostname],
        HttpVersion: 'http2and3',
        IPV6Enabled: true,
        ViewerCertificate: {
          AcmCertificateArn: { Ref: 'CertificateArn' },
          SslSupportMethod: 'sni-only',
          MinimumProtocolVersion: 'TLSv1.2_2021',
        },
        Origins: [originOf(plan)],
        CacheBehaviors: behaviors,
        DefaultCacheBehavior: forward,
        CustomErrorResponses: ERRORS.map((code) => ({ ErrorCode: code, ErrorCachingMinTTL: 0 })),
      },
    },
  };
}

function originOf({ name, origin, publicUrl }: CachePlan): object {
  const isSecure = origin.protocol === 'https:';
  const port = Number(portOf(origin));
  return {
    Id: name,
    DomainName: origin.hostname,
    ConnectionTimeout: 5,
    OriginShield: { Enabled: true, OriginShieldRegion: { Ref: 'OriginShieldRegion' } },
    OriginCustomHeaders: [{ HeaderName: 'X-Forwarded-Host', HeaderValue: publicUrl.host }],
    CustomOriginConfig: {
      OriginProtocolPolicy: isSecure ? 'https-only' : 'http-only',
      HTTPPort: isSecure ? 80 : port,
      HTTPSPort: isSecure ? port : 443,
      OriginSSLProtocols: ['TLSv1.2'],
      OriginReadTimeout: 120,
      OriginKeepaliveTimeout: 60,
    },
  };
}
