import { generate } from 'selfsigned';

/** A certificate authority of one use, and a server certificate that it signed. */
export interface Certificates {
  /** PEM of the authority: what a client has to trust. */
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** New certificates for localhost, 127.0.0.1, ::1 and `host`, valid from yesterday for a year. */
export async function makeCertificates(host: string): Promise<Certificates> {
  const from = new Date(Date.now() - 86_400_000);
  const common = { algorithm: 'sha256', keyType: 'ec', notBeforeDate: from } as const;
  const authority = await generate([{ name: 'commonName', value: 'fake-registry CA' }], {
    ...common,
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    ],
  });
  const server = await generate([{ name: 'commonName', value: host }], {
    ...common,
    ca: { key: authority.private, cert: authority.cert },
    extensions: [
      { name: 'basicConstraints', cA: false },
      { name: 'keyUsage', digitalSignature: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true },
      { name: 'subjectAltName', altNames: alternativeNames(host) },
    ],
  });
  return { ca: authority.cert, cert: server.cert, key: server.private };
}

type AlternativeName = { type: 2; value: string } | { type: 7; ip: string };

function alternativeNames(host: string): AlternativeName[] {
  const isAddress = /^[\d.]+$|:/.test(host);
  const fixed: AlternativeName[] = [
    { type: 2, value: 'localhost' },
    { type: 7, ip: '127.0.0.1' },
    { type: 7, ip: '::1' },
  ];
  return [...fixed, isAddress ? { type: 7, ip: host } : { type: 2, value: host }];
}
