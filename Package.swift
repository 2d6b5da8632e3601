// swift-tools-version:6.2
import PackageDescription

/// Every target is compiled alike: Swift 6 mode, and the upcoming rules that make imports and existentials explicit.
let house: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]

let bytes: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let log: Target.Dependency = .product(name: "Logging", package: "swift-log")
let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")
let cryptoExtras: Target.Dependency = .product(name: "CryptoExtras", package: "swift-crypto")
let x509: Target.Dependency = .product(name: "X509", package: "swift-certificates")
let asn1: Target.Dependency = .product(name: "SwiftASN1", package: "swift-asn1")

let package = Package(
    name: "martlet",
    platforms: [.macOS(.v26)],
    products: [
        .executable(name: "martlet", targets: ["martlet"])
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio", exact: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", exact: "2.37.6"),
        .package(url: "https://github.com/apple/swift-nio-http2", exact: "1.46.0"),
        .package(url: "https://github.com/apple/swift-crypto", exact: "4.5.2"),
        .package(url: "https://github.com/apple/swift-asn1", exact: "1.7.4"),
        .package(url: "https://github.com/apple/swift-certificates", exact: "1.21.1"),
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
        .package(url: "https://github.com/apple/swift-collections", exact: "1.6.0"),
        .package(url: "https://github.com/jpsim/Yams", exact: "6.2.2"),
    ],
    targets: [
        // C libraries from Debian, and the few calls Swift cannot make by itself.
        .systemLibrary(name: "CArgon2", path: "Sources/C/CArgon2", pkgConfig: "libargon2", providers: [.apt(["libargon2-dev"])]),
        .systemLibrary(name: "CZlib", path: "Sources/C/CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CSQLite", path: "Sources/C/CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
        // Without pkg-config: its file asks for those of libraries that only a static libunbound needs.
        .systemLibrary(name: "CUnbound", path: "Sources/C/CUnbound", providers: [.apt(["libunbound-dev"])]),
        .target(name: "CLinux", path: "Sources/C/CLinux"),
        .target(name: "CIndexFile", dependencies: ["CSQLite"], path: "Sources/C/CIndexFile"),
        .target(name: "CSealing", dependencies: [crypto], path: "Sources/C/CSealing"),
        .target(name: "CUnicode", path: "Sources/C/CUnicode", exclude: ["generate.py"]),

        // Floor 0: words, the one wrapper of threads that may block, and what is counted.
        .target(name: "MailModel", swiftSettings: house),
        .target(name: "Threading", dependencies: ["CLinux"], swiftSettings: house),
        .target(name: "Metrics", swiftSettings: house),

        // Floor 1: forms.
        .target(name: "MessageFormat", dependencies: ["MailModel", "CUnicode", bytes], swiftSettings: house),

        // Floor 2: ports.
        .target(name: "Conversation", dependencies: ["MailModel", bytes], swiftSettings: house),
        .target(name: "Storage", dependencies: ["MailModel", "MessageFormat", bytes], swiftSettings: house),

        // Floor 3: rules.
        .target(
            name: "Gatehouse",
            dependencies: ["MailModel", "MessageFormat", "Storage", "Threading", "Metrics", "CArgon2", bytes, crypto, cryptoExtras, log], swiftSettings: house),
        .target(
            name: "SenderTrust", dependencies: ["MailModel", "MessageFormat", "Conversation", bytes, crypto, cryptoExtras], swiftSettings: house),
        .target(
            name: "PostOffice",
            dependencies: [
                "MailModel", "MessageFormat", "Conversation", "Storage", "Gatehouse", "SenderTrust", "Metrics", bytes, log, crypto,
                .product(name: "DequeModule", package: "swift-collections"), .product(name: "HeapModule", package: "swift-collections"),
            ],
            swiftSettings: house),

        .target(name: "ACME", dependencies: ["MailModel", "Storage", bytes, log, crypto, cryptoExtras, x509, asn1], swiftSettings: house),

        // Floor 4: faces.
        .target(
            name: "SMTP",
            dependencies: ["MailModel", "MessageFormat", "Conversation", "Storage", "Gatehouse", "PostOffice", "Metrics", bytes, log],
            swiftSettings: house),
        .target(
            name: "IMAP",
            dependencies: ["MailModel", "MessageFormat", "Conversation", "Storage", "Gatehouse", "PostOffice", "Metrics", bytes, log],
            swiftSettings: house),

        .target(
            name: "POP3",
            dependencies: ["MailModel", "MessageFormat", "Conversation", "Storage", "Gatehouse", "PostOffice", "Metrics", bytes, log],
            swiftSettings: house),

        .target(
            name: "WebAPI", dependencies: ["MailModel", "Conversation", "PostOffice", bytes, log], swiftSettings: house),

        // The flanks.
        .target(
            name: "Transport",
            dependencies: [
                "MailModel", "Conversation", "Threading", "CZlib", "CUnbound", bytes, log,
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOTLS", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOWebSocket", package: "swift-nio"),
                .product(name: "NIOHTTP2", package: "swift-nio-http2"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "X509", package: "swift-certificates"),
                .product(name: "SwiftASN1", package: "swift-asn1"),
                crypto,
            ],
            swiftSettings: house),
        .target(
            name: "SQLiteStore",
            dependencies: ["MailModel", "MessageFormat", "Storage", "Threading", "Metrics", "CSQLite", "CIndexFile", "CLinux", "CSealing", bytes, crypto, log],
            swiftSettings: house),
        .target(name: "MemoryStore", dependencies: ["MailModel", "MessageFormat", "Storage", bytes], swiftSettings: house),

        // The roof.
        .executableTarget(
            name: "martlet",
            dependencies: [
                "MailModel", "MessageFormat", "Conversation", "Storage", "Gatehouse", "SenderTrust", "PostOffice", "ACME", "SMTP", "IMAP", "POP3", "WebAPI",
                "Transport", "SQLiteStore", "Threading", "Metrics", "CLinux", bytes, log, crypto,
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Yams", package: "Yams"),
            ],
            swiftSettings: house),

        .executableTarget(
            name: "martlet-benchmarks",
            dependencies: [
                "MailModel", "MessageFormat", "Conversation", "Storage", "Gatehouse", "SenderTrust", "PostOffice", "SMTP", "SQLiteStore", "MemoryStore", bytes,
                log,
            ],
            path: "Benchmarks/Sources",
            swiftSettings: house),

        // The HTTP engine, and NIO alone beside it, for `Benchmarks/web`.
        .executableTarget(
            name: "martlet-web-bench",
            dependencies: [
                "Transport", "Conversation", "MailModel", "CLinux", bytes, log,
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOTLS", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOHTTP2", package: "swift-nio-http2"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ],
            path: "Benchmarks/WebServer",
            swiftSettings: house),

        // For tests: runs a session over an array, and transcripts, over every store.
        .target(
            name: "Rehearsal", dependencies: ["Conversation", "Storage", "MemoryStore", "SQLiteStore", "MailModel", bytes, log], path: "Tests/Rehearsal",
            swiftSettings: house),

        // For tests: what is allocated.
        .systemLibrary(name: "CMalloc", path: "Tests/CMalloc"),

        .testTarget(name: "MetricsTests", dependencies: ["Metrics"], swiftSettings: house),
        .testTarget(name: "MailModelTests", dependencies: ["MailModel"], swiftSettings: house),
        .testTarget(name: "MessageFormatTests", dependencies: ["MessageFormat", "FuzzEntries", "MailModel", bytes], swiftSettings: house),
        .testTarget(
            name: "StorageTests",
            dependencies: ["Storage", "MemoryStore", "SQLiteStore", "MailModel", "MessageFormat", bytes, crypto, log],
            swiftSettings: house),
        .testTarget(
            name: "SQLiteStoreTests",
            dependencies: ["SQLiteStore", "Storage", "Metrics", "MailModel", "MessageFormat", "CSQLite", bytes, crypto, log],
            swiftSettings: house),
        .testTarget(name: "GatehouseTests", dependencies: ["Gatehouse", "Storage", "MemoryStore", "Metrics", "MailModel", log], swiftSettings: house),
        .testTarget(
            name: "SenderTrustTests",
            dependencies: [
                "SenderTrust", "FuzzEntries", "Rehearsal", "Conversation", "MessageFormat", "MailModel", bytes, crypto, cryptoExtras,
                .product(name: "Yams", package: "Yams"),
            ],
            swiftSettings: house),
        .testTarget(
            name: "ACMETests",
            dependencies: [
                "ACME", "Transport", "Rehearsal", "Conversation", "Storage", "MemoryStore", "MailModel", bytes, log, crypto, x509, asn1,
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ],
            swiftSettings: house),
        .testTarget(
            name: "PostOfficeTests",
            dependencies: [
                "PostOffice", "SenderTrust", "Rehearsal", "Transport", "FuzzEntries", "Conversation", "Gatehouse", "Storage", "MemoryStore", "Metrics",
                "MessageFormat",
                "MailModel", bytes, log,
            ],
            swiftSettings: house),
        .testTarget(
            name: "SMTPTests",
            dependencies: [
                "SMTP", "Rehearsal", "FuzzEntries", "Transport", "SenderTrust", "PostOffice", "Gatehouse", "Conversation", "Storage", "MemoryStore",
                "Metrics", "MessageFormat", "MailModel", bytes, log,
            ],
            swiftSettings: house),
        .testTarget(
            name: "IMAPTests",
            dependencies: [
                "IMAP", "Rehearsal", "FuzzEntries", "PostOffice", "Gatehouse", "Conversation", "Storage", "MemoryStore", "SQLiteStore", "Metrics",
                "MessageFormat",
                "MailModel", bytes, log,
            ],
            swiftSettings: house),
        .testTarget(
            name: "POP3Tests",
            dependencies: [
                "POP3", "Rehearsal", "FuzzEntries", "PostOffice", "Gatehouse", "Conversation", "Storage", "MemoryStore", "Metrics", "MessageFormat",
                "MailModel", bytes,
                log,
            ],
            swiftSettings: house),
        .testTarget(
            name: "WebAPITests", dependencies: ["WebAPI", "PostOffice", "Conversation", "MailModel", bytes, log], swiftSettings: house),
        .testTarget(
            name: "TransportTests",
            dependencies: [
                "Transport", "Rehearsal", "Conversation", "MailModel", "CMalloc", bytes, crypto, log,
                .product(name: "X509", package: "swift-certificates"),
                .product(name: "SwiftASN1", package: "swift-asn1"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOEmbedded", package: "swift-nio"),
                .product(name: "NIOHPACK", package: "swift-nio-http2"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ],
            swiftSettings: house),
        .testTarget(name: "ArchitectureTests", swiftSettings: house),
        // What fuzzers call; they reach into modules, so it is built for debugging alone.
        .target(
            name: "FuzzEntries",
            dependencies: [
                "MailModel", "MessageFormat", "Conversation", "Storage", "Gatehouse", "SenderTrust", "PostOffice", "IMAP", "POP3", "SMTP", "WebAPI", bytes, log,
                crypto,
            ],
            path: "Tests/FuzzEntries", swiftSettings: house),
        .testTarget(name: "FuzzTests", dependencies: ["FuzzEntries"], swiftSettings: house),
        .testTarget(
            name: "MartletTests",
            dependencies: [
                "martlet", "ACME", "WebAPI", "Rehearsal", "MemoryStore", "Transport", "SenderTrust", "PostOffice", "Metrics", "Conversation", "MailModel",
                "Threading",
                log,
            ],
            swiftSettings: house),
    ],
    swiftLanguageModes: [.v6]
)

// `MARTLET_TESTS=IMAPTests,SMTPTests swift build --build-tests` builds only those: a smaller bundle while working on one module.
if let wanted = Context.environment["MARTLET_TESTS"] {
    let names = Set(wanted.split(separator: ",").map(String.init))
    package.targets.removeAll { $0.type == .test && !names.contains($0.name) }
}
