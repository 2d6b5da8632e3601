import NIOSSL

@testable import Transport

/// An authority that vouches for mx.example.org and 127.0.0.1, for a hundred years; known to nobody but these tests.
enum TestAuthority {
    static let certificate = """
        -----BEGIN CERTIFICATE-----
        MIIBgjCCASigAwIBAgIUIboyQ87LODg8ZTb0BNMx01rTcwYwCgYIKoZIzj0EAwIw
        HjEcMBoGA1UEAwwTQXV0aG9yaXR5IGZvciB0ZXN0czAgFw0yNjExMjkwNTQ1MzZa
        GA8yMTI2MTEwNTA1NDUzNlowHjEcMBoGA1UEAwwTQXV0aG9yaXR5IGZvciB0ZXN0
        czBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABDtGkwKtWynrkkdKa/IJZ0Cgz8vU
        uPu6niiffFrxDSfEXrtxeB3X7I6zf1ECh1I5IxVr89KoSZfJPmNLa/QEn76jQjBA
        MA8GA1UdEwEB/wQFMAMBAf8wDgYDVR0PAQH/BAQDAgIEMB0GA1UdDgQWBBStfHjX
        xbPKMynzK+lwzeLEqZEOpjAKBggqhkjOPQQDAgNIADBFAiAxzqJOdeNgJTkp7U8C
        y11S+Hxx8lrtAxjKeDI4sCzIkQIhANGuvTpMIuOGvzkXCcv3BHfjTBjZFh4B5qWw
        ytTjzba+
        -----END CERTIFICATE-----
        """

    static let leaf = """
        -----BEGIN CERTIFICATE-----
        MIIB0zCCAXmgAwIBAgIUBMa2qwGz9Bw4x0IE22A6T8dda+swCgYIKoZIzj0EAwIw
        HjEcMBoGA1UEAwwTQXV0aG9yaXR5IGZvciB0ZXN0czAgFw0yNjExMjkwNTQ1MzZa
        GA8yMTI2MTEwNTA1NDUzNlowGTEXMBUGA1UEAwwObXguZXhhbXBsZS5vcmcwWTAT
        BgcqhkjOPQIBBggqhkjOPQMBBwNCAAT1kceEpb/tnxjsdDGonnbk9Sao1sMmkdsO
        9iEs2HHcwsV3SV9TYYU/R5B4LP1Jl9Zmv//xyxV9kBWml8OvPpj6o4GXMIGUMAwG
        A1UdEwEB/wQCMAAwDgYDVR0PAQH/BAQDAgeAMBMGA1UdJQQMMAoGCCsGAQUFBwMB
        MB8GA1UdEQQYMBaCDm14LmV4YW1wbGUub3JnhwR/AAABMB0GA1UdDgQWBBREGiMx
        ZWXkRkgr/lnfq07bn7iTMzAfBgNVHSMEGDAWgBStfHjXxbPKMynzK+lwzeLEqZEO
        pjAKBggqhkjOPQQDAgNIADBFAiBcuaZhWQb2IGhMWzv2HOuR9D2X77Z1l70ZLMTs
        n7wh8wIhAN0iQe2IxitiZ72A9A3EvX9D/FMzkIQdNQWF8FrY1ehj
        -----END CERTIFICATE-----
        """

    static let key = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgxJFeTW41j5WsayK1
        yney3dFP9Id0eg3jFVmttax+IYuhRANCAAT1kceEpb/tnxjsdDGonnbk9Sao1sMm
        kdsO9iEs2HHcwsV3SV9TYYU/R5B4LP1Jl9Zmv//xyxV9kBWml8OvPpj6
        -----END PRIVATE KEY-----
        """

    static func roots() throws -> NIOSSLTrustRoots { .certificates(try NIOSSLCertificate.fromPEMBytes(Array(certificate.utf8))) }
    static func identity() throws -> TLSIdentity { try TLSIdentity(certificatePEM: leaf, keyPEM: key) }
}
