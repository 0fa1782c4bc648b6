import { generate } from 'selfsigned'

/** A certificate and its key, both PEM. */
export interface Certificate {
  readonly certificate: string
  readonly key: string
}

/** A certificate that signs others; made anew for each test, so that none is kept that could be trusted by mistake. */
export const makeAuthority = async (name: string): Promise<Certificate> => {
  const made = await generate([{ name: 'commonName', value: name }], {
    algorithm: 'sha256',
    keyType: 'ec',
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true },
    ],
  })
  return { certificate: made.cert, key: made.private }
}

/** A certificate for these host names and addresses, or for a client of that name, signed by `authority`. */
export const makeCertificate = async (
  authority: Certificate,
  name: string,
  hosts: readonly string[] = [],
): Promise<Certificate> => {
  const made = await generate([{ name: 'commonName', value: name }], {
    algorithm: 'sha256',
    keyType: 'ec',
    ca: { key: authority.key, cert: authority.certificate },
    extensions: [
      { name: 'basicConstraints', cA: false },
      ...(hosts.length > 0
        ? [
            {
              name: 'subjectAltName' as const,
              altNames: hosts.map((host) =>
                /^[\d.:]+$/.test(host) ? { type: 7 as const, ip: host } : { type: 2 as const, value: host },
              ),
            },
          ]
        : []),
    ],
  })
  return { certificate: made.cert, key: made.private }
}
