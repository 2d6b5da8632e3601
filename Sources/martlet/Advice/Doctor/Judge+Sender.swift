import Conversation
import MailModel

/// How names are found, as the resolver turned out.
enum ResolverSight: Hashable, Sendable {
    case proves
    /// The anchor is a file's: whether the root is proved says nothing.
    case provesByOtherAnchor
    /// No anchor is configured.
    case trusts
    case unproved
    /// `isTime`: it is the time at which signatures are valid that is wrong.
    case forged(String, isTime: Bool)
    case fails(ResolverFault)
}

extension Judge {
    static func sender(_ facts: SenderFacts) -> [Finding] {
        var findings: [Finding] = []
        let name = facts.name.value
        let named: [IPAddress] = facts.nameAddresses.flatMap { $0.records() }
        let silent = facts.nameAddresses.compactMap(\.fault)
        if let fault = silent.first {
            findings.append(
                Finding(.unanswered, name, "no answer to: addresses of \(name) (\(fault.sentence))", fix: "see that all name servers of its zone answer"))
        } else if named.isEmpty {
            findings.append(
                Finding(
                    .nameUnresolved, name, "other servers are told this name, and it has no address",
                    fix: "add A and AAAA records for it, or set outbound.hostname to a name that has"))
        }
        guard !facts.pointers.isEmpty else {
            return findings + [
                Finding(
                    .senderUnknown, name, "from which address others see mail come: this machine has none of the world's",
                    fix: "set outbound.own-addresses, or outbound.source-addresses; a message to a mailbox elsewhere shows it in its Received: lines")
            ]
        }
        for pointer in facts.pointers {
            if silent.isEmpty, !named.isEmpty, !named.contains(pointer.address) {
                findings.append(
                    Finding(
                        .nameOther, name, "it does not have \(pointer.address), from which mail comes under this name",
                        fix: "add \(name). IN \(pointer.address.isIPv4 ? "A" : "AAAA") \(pointer.address)"))
            }
            findings += judge(pointer, of: facts.name)
        }
        return findings
    }

    private static func judge(_ pointer: SenderFacts.Pointer, of name: Domain) -> [Finding] {
        let address = pointer.address.description
        let wanted = "have whoever gave you the address call it \(name) (reverse DNS, PTR), and \(name) have this address"
        switch pointer.names {
        case .failure(let fault):
            return [
                Finding(
                    .unanswered, address, "no answer to: PTR of \(pointer.address.reverseName) (\(fault.sentence))", fix: "ask whoever gave you the address")
            ]
        case .success(let answer):
            guard answer.denial == nil else {
                return [Finding(.pointerMissing, address, "mail comes from there, and it has no name: many servers refuse such mail", fix: wanted)]
            }
            let confirmed = answer.records.filter { pointer.confirmations[$0]?.records().contains(pointer.address) ?? false }
            if confirmed.isEmpty {
                if let fault = pointer.confirmations.values.compactMap(\.fault).first {
                    return [
                        Finding(
                            .unanswered, address, "no answer to: addresses of its name (\(fault.sentence))",
                            fix: "see that the name servers of that zone answer")
                    ]
                }
                return [
                    Finding(
                        .pointerUnconfirmed, address, "it is called \(answer.records.map(\.value).joined(separator: ", ")), which does not lead back to it",
                        fix: wanted)
                ]
            }
            guard !confirmed.contains(name), let other = confirmed.first else { return [] }
            return [Finding(.pointerOther, address, "it is called \(other), and this server calls itself \(name)", fix: "give both one name: \(wanted)")]
        }
    }
}
