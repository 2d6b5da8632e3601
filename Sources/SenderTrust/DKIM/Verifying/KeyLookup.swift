package import Conversation
package import MailModel

/// What stands at the names of keys.
package struct KeyLookup: Sendable {
    package typealias Outcome = Result<[DKIMKeyRecord], SignatureFlaw>

    private var outcomes: [Domain: Outcome] = [:]

    /// All names are asked for at once, each once.
    package init(_ names: some Sequence<Domain> & Sendable, _ resolver: any Resolver) async {
        let names = Set(names)
        guard names.count > 1 else {
            for name in names { outcomes[name] = await KeyLookup.records(name, resolver) }
            return
        }
        outcomes = await withTaskGroup(of: (Domain, Outcome).self) { group in
            for name in names { group.addTask { (name, await KeyLookup.records(name, resolver)) } }
            return await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
        }
    }

    /// With further names.
    package func adding(_ names: some Sequence<Domain> & Sendable, _ resolver: any Resolver) async -> KeyLookup {
        let further = Set(names).subtracting(outcomes.keys)
        if further.isEmpty { return self }
        var lookup = await KeyLookup(further, resolver)
        lookup.outcomes.merge(outcomes) { $1 }
        return lookup
    }

    package func records(_ name: Domain) throws(SignatureFlaw) -> [DKIMKeyRecord] {
        guard let outcome = outcomes[name] else { throw SignatureFlaw(.permerror, "no key") }
        return try outcome.get()
    }

    /// Of one name: how many records are tried (RFC 6376 §6.1.2: with several, which one is meant is not said).
    private static let mostRecords = 2

    // RFC 6376 §6.1.2
    private static func records(_ name: Domain, _ resolver: any Resolver) async -> Outcome {
        do {
            let answer = try await resolver.texts(of: name)
            let records = answer.records.compactMap { DKIMKeyRecord($0) }
            if records.isEmpty { return .failure(SignatureFlaw(.permerror, answer.denial == nil ? "the key's record cannot be read" : "no key")) }
            return .success(Array(records.prefix(mostRecords)))
        } catch ResolverFault.malformed {
            return .failure(SignatureFlaw(.permerror, "the key's record cannot be read"))
        } catch {
            // catch: the verdict says it; nobody knows what the reason is worth to others.
            return .failure(SignatureFlaw(.temperror, "DNS did not say the key"))
        }
    }
}
