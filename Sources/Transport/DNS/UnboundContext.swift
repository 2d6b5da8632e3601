import CUnbound
import Glibc

/// libunbound's context: configured here, then used by one thread.
///
/// `@unchecked Sendable`: who made it hands it to that thread and uses it no more; libunbound locks it against its own worker.
final class UnboundContext: @unchecked Sendable {
    /// Why there is no resolver, in one line.
    struct Fault: Error, CustomStringConvertible {
        let description: String
    }

    let pointer: OpaquePointer
    private var isDeleted = false

    /// Reads files, so that it blocks.
    init(_ setting: ResolverSetting) throws(Fault) {
        guard let pointer = ub_ctx_create() else { throw Fault(description: "libunbound gave no context") }
        self.pointer = pointer
        // It would write to standard error; what matters is in its answers.
        try check(ub_ctx_debugout(pointer, nil), "be silent")
        try setOptions(setting)
        try setAnchor(setting.anchor)
        try setServers(setting)
        // A thread of libunbound's own, not a process.
        try check(ub_ctx_async(pointer, 1), "work in a thread")
        // From here on everything else is refused: the first of these reads the files and completes the context.
        for zone in setting.openZones { try check(ub_ctx_zone_add(pointer, zone.value + ".", "transparent"), "open \(zone)") }
        for record in setting.localRecords { try check(ub_ctx_data_add(pointer, record), "answer \(record)") }
        // No such zone is there: for what the first of them does, where there was none of the others.
        try check(ub_ctx_zone_remove(pointer, "none.invalid."), "begin (its files may be at fault)")
    }

    deinit { delete() }

    /// Ends libunbound's thread; nothing is called back for what it still had. Nothing else may follow.
    func delete() {
        if !isDeleted { ub_ctx_delete(pointer) }
        isDeleted = true
    }

    /// At most so many questions of ours are with libunbound at once; more than its own limits, and some fail.
    static let mostAtOnce = 200
    private static let range = "256"

    private func setOptions(_ setting: ResolverSetting) throws(Fault) {
        let hasAnchor = setting.anchor != .none
        var options = [
            ("module-config:", hasAnchor ? "validator iterator" : "iterator"),
            ("outgoing-range:", UnboundContext.range),
            ("num-queries-per-thread:", UnboundContext.range),
            ("cache-min-ttl:", "\(setting.ttl.lowerBound)"),
            ("cache-max-ttl:", "\(setting.ttl.upperBound)"),
            ("cache-max-negative-ttl:", "\(setting.mostNegativeTTL)"),
            // A server that is silent holds a socket no longer than this, in milliseconds.
            ("infra-cache-max-rtt:", "10000"),
            // One that was silent to some questions is asked others; else a single bad domain would cost all others a forwarder for a quarter of an hour.
            ("infra-keep-probing:", "yes"),
            ("infra-host-ttl:", "60"),
            ("do-not-query-localhost:", setting.isAskingLoopback ? "no" : "yes"),
        ]
        if let hints = setting.rootHints {
            try checkReadable(hints)
            options.append(("root-hints:", hints))
        }
        for (name, value) in options { try check(ub_ctx_set_option(pointer, name, value), "set \(name) \(value)") }
    }

    private func setAnchor(_ anchor: ResolverSetting.Anchor) throws(Fault) {
        switch anchor {
        case .none: break
        case .file(let path): try addAnchors(path)
        case .root where access(ResolverSetting.debianRootKeys, R_OK) == 0: try addAnchors(ResolverSetting.debianRootKeys)
        case .root: for key in ResolverSetting.rootKeys { try check(ub_ctx_add_ta(pointer, key), "trust the root") }
        }
    }

    private func addAnchors(_ path: String) throws(Fault) {
        try checkReadable(path)
        try check(ub_ctx_add_ta_file(pointer, path), "trust \(path)")
    }

    private func setServers(_ setting: ResolverSetting) throws(Fault) {
        for server in setting.forwarders { try check(ub_ctx_set_fwd(pointer, server.written), "ask \(server.written)") }
        for stub in setting.stubs {
            for server in stub.servers {
                try check(ub_ctx_set_stub(pointer, stub.zone.value + ".", server.written, 0), "ask \(server.written) for \(stub.zone)")
            }
        }
    }

    private func checkReadable(_ path: String) throws(Fault) {
        guard access(path, R_OK) == 0 else { throw Fault(description: "\(path) cannot be read: \(String(cString: strerror(errno)))") }
    }

    private func check(_ code: Int32, _ what: @autoclosure () -> String) throws(Fault) {
        guard code == 0 else { throw Fault(description: "libunbound cannot \(what()): \(UnboundContext.words(code))") }
    }

    /// What a code of libunbound's means.
    static func words(_ code: Int32) -> String { ub_strerror(code).map { String(cString: $0) } ?? "error \(code)" }
}

extension ResolverSetting.Server {
    /// As libunbound reads it.
    fileprivate var written: String { "\(address)@\(port)" }
}
