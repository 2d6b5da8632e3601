import MailModel
import Transport

// What the configuration means to whoever asks for names.
extension Configuration.Names {
    var resolverSetting: ResolverSetting {
        var setting = ResolverSetting()
        setting.forwarders = servers.map { ResolverSetting.Server($0.address, port: $0.port) }
        setting.rootHints = rootHints
        setting.anchor =
            switch anchor {
            case .root: .root
            case .file(let path): .file(path)
            case .none: .none
            }
        var zones: [Domain: [ResolverSetting.Server]] = [:]
        for stub in stubs { zones[stub.zone, default: []].append(ResolverSetting.Server(stub.server.address, port: stub.server.port)) }
        setting.stubs = zones.sorted { $0.key < $1.key }.map { ResolverSetting.Stub(zone: $0.key, servers: $0.value) }
        // Who names a server on this machine wants it to be asked.
        setting.asksLoopback = stubs.contains { $0.server.address.isLoopback }
        setting.openZones = openZones
        setting.localRecords = localRecords
        return setting
    }
}
