/**
 * A certificate that signs itself, for tests of encrypted connections. It names servable.test and nothing else, so
 * that it is good for no other use; its key is public by being here. Made with
 * `openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 36500`.
 */
export const TEST_HOST = "servable.test";

export const testCertificate = `-----BEGIN CERTIFICATE-----
MIIBojCCAUegAwIBAgIUMvehMP2eb2LuVHRnDS4tookLo/QwCgYIKoZIzj0EAwIw
GDEWMBQGA1UEAwwNc2VydmFibGUudGVzdDAgFw0yNjExMjAxODQ3NTFaGA8yMTI2
MTAyNzE4NDc1MVowGDEWMBQGA1UEAwwNc2VydmFibGUudGVzdDBZMBMGByqGSM49
AgEGCCqGSM49AwEHA0IABCe4fyqe2Ua4Jq76tuT29Y0qaPCrhHlFQdh36oxHybFi
BgPzwymsktL795u2tbNuxlwJ3lNcy1Q97lPXB3PpYR+jbTBrMB0GA1UdDgQWBBRk
C/dwbfnpF7Vxba4Y4RJSd31gBjAfBgNVHSMEGDAWgBRkC/dwbfnpF7Vxba4Y4RJS
d31gBjAPBgNVHRMBAf8EBTADAQH/MBgGA1UdEQQRMA+CDXNlcnZhYmxlLnRlc3Qw
CgYIKoZIzj0EAwIDSQAwRgIhAPqq0U6x0cLzPYqWyZflCHXihEJWlHLdKNbUVai2
2eX7AiEAhF/TkVz16aLd/KnSBnMv01IEL6GZiLfBM8XbRV6DsYk=
-----END CERTIFICATE-----
`;

export const testKey = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgNA3CIOznRBveuHpA
NtPwD+8AeDBzObq9YqJS1ejvaWChRANCAAQnuH8qntlGuCau+rbk9vWNKmjwq4R5
RUHYd+qMR8mxYgYD88MprJLS+/ebtrWzbsZcCd5TXMtUPe5T1wdz6WEf
-----END PRIVATE KEY-----
`;
