/** Encrypted connections, for both transports. */
export interface TlsOptions {
  /** Certificate authorities to trust, as PEM. Default: those of Node.js. */
  readonly ca?: string | Uint8Array | undefined;
  /** The client's own certificate chain and private key, as PEM, for servers that ask for one. */
  readonly cert?: string | Uint8Array | undefined;
  readonly key?: string | Uint8Array | undefined;
  /** The name that the server's certificate must bear, when it differs from the host in the address. */
  readonly serverName?: string | undefined;
  /** false accepts any certificate: for tests only. */
  readonly rejectUnauthorized?: boolean | undefined;
}
