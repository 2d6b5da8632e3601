import Logging
import MailModel
import NIOCore
import PostOffice

// What the configuration, and the machine, mean to whoever finds a domain's servers.
extension Configuration {
    /// Throws `CommandFault`.
    func routerSetting(_ log: Logger) throws -> MailRouter.Setting {
        var setting = MailRouter.Setting()
        setting.families = outbound.families
        let names = [hostname, outbound.identity.name] + outbound.identities.values.map(\.name)
        setting.ownHosts = Set(names.map { $0.asciiForm ?? $0 })
        let machine = try Configuration.machineAddresses()
        setting.ownAddresses = outbound.ownAddresses.union(worldsAddresses(of: machine))
        for identity in [outbound.identity] + outbound.identities.values {
            for source in identity.sources.values where !machine.contains(source) {
                log.warning("\(source) is no address of this machine: nothing can be sent from it", metadata: ["key": "outbound.source-addresses"])
            }
        }
        return setting
    }

    /// Those at which we take mail from other servers, which look for port 25.
    private func worldsAddresses(of machine: Set<IPAddress>) -> Set<IPAddress> {
        let listeners = listeners.filter { $0.service == .smtp && $0.port == 25 }
        return listeners.reduce(into: []) { addresses, listener in
            guard let address = IPAddress(listener.address) else { return }
            guard address.scope == .unspecified else { return _ = addresses.insert(address) }
            // `::` takes IPv4 too.
            addresses.formUnion(address.isIPv4 ? machine.filter(\.isIPv4) : machine)
        }
    }

    /// Throws `CommandFault`.
    static func machineAddresses() throws -> Set<IPAddress> {
        do {
            return Set(try System.enumerateDevices().compactMap { $0.address?.ipAddress.flatMap { IPAddress($0) } })
        } catch {
            throw CommandFault(code: Sysexit.unavailable, text: "this machine's addresses cannot be listed: \(error)")
        }
    }
}
