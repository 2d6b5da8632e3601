import Conversation
import MailModel

/// One check: the records of a domain and of those that it includes or redirects to, followed term by term (RFC 7208 §4.6, §5, §6).
struct SPFWalk {
    struct Outcome {
        let result: SPFVerdict.Result
        /// The term that decided.
        var term: String?
        /// What to say to whoever fails, and of whose record that is.
        var explanation: SPFMacroString?
        var domain: DNSName?
    }

    var inquiry: SPFInquiry
    var values: SPFMacroValues
    /// Names of the client's address that have it (§5.5), once they are known.
    private var validatedNames: [DNSName]?

    init(_ inquiry: SPFInquiry, _ values: SPFMacroValues) {
        self.inquiry = inquiry
        self.values = values
    }

    var family: AddressFamily { values.address.isIPv4 ? .ipv4 : .ipv6 }

    /// Recursion is as deep as there are terms that ask DNS, at most.
    mutating func outcome(of domain: DNSName, depth: Int = 0) async throws(SPFStop) -> Outcome {
        let outer = (inquiry.place, values.domain)
        inquiry.place = (domain.value, depth)
        values.domain = domain.dotted
        defer { (inquiry.place, values.domain) = outer }
        guard let record = try await record(of: domain) else { return Outcome(result: .none) }
        for directive in record.directives {
            let isMatch = try await matches(directive.mechanism, domain, depth: depth)
            inquiry.report(.term(directive.text, isMatch: isMatch))
            guard isMatch else { continue }
            return Outcome(result: directive.qualifier.result, term: directive.text, explanation: record.explanation, domain: domain)
        }
        guard let redirect = record.redirect else { return Outcome(result: .neutral) }
        return try await redirected(redirect, depth: depth)
    }

    // §6.1
    private mutating func redirected(_ redirect: SPFMacroString, depth: Int) async throws(SPFStop) -> Outcome {
        try inquiry.countTerm()
        guard let target = try await target(redirect) else { throw .permerror("\"redirect\" leads to no name") }
        inquiry.report(.redirect(target.value))
        let outcome = try await outcome(of: target, depth: depth + 1)
        guard outcome.result != .none else { throw .permerror("\(target), to which it redirects, has no SPF record") }
        return outcome
    }

    // §4.4, §4.5
    private mutating func record(of domain: DNSName) async throws(SPFStop) -> SPFRecord? {
        let texts = try await inquiry.texts(of: domain).records.filter(SPFRecord.isPolicy)
        guard let text = texts.first else { return nil }
        guard texts.count == 1 else { throw .permerror("\(domain) has \(texts.count) SPF records") }
        guard text.utf8.count <= inquiry.limits.recordOctets else { throw .permerror("the SPF record of \(domain) is too long") }
        inquiry.report(.policy(text))
        do throws(SPFRecord.Fault) {
            return try SPFRecord(text)
        } catch {
            throw .permerror("the SPF record of \(domain) is in error: \(error.reason)")
        }
    }

    /// What a term names. Nil where DNS cannot be asked for it: then it is not there (§4.3, §4.8).
    mutating func target(_ text: SPFMacroString) async throws(SPFStop) -> DNSName? {
        // RFC 8616 §4: such a local part is in no name.
        if text.uses(.sender, .localPart), !values.localPart.utf8.allSatisfy({ $0 < 0x80 }) { return nil }
        if text.uses(.validatedName) { values.validatedName = await validatedName() }
        return DNSName(dotted: text.name(values))
    }

    // §6.2
    /// Whatever goes wrong, there is no explanation; the result stays.
    mutating func explanation(of outcome: Outcome) async -> String? {
        guard outcome.result == .fail, let place = outcome.explanation, let domain = outcome.domain else { return nil }
        values.domain = domain.dotted
        inquiry.place = (domain.value, 0)
        do throws(SPFStop) {
            guard let name = try await target(place) else { return nil }
            let texts = try await inquiry.texts(of: name).records
            guard texts.count == 1, let text = texts.first.flatMap(SPFMacroString.init(explanation:)) else { return nil }
            if text.uses(.validatedName) { values.validatedName = await validatedName() }
            return text.explanation(values)
        } catch {
            // catch: §6.2: as if there were no `exp`.
            return nil
        }
    }
}

extension SPFWalk {
    // §5.5
    /// Names that the client's address has, and that have it, in the order in which DNS tells them; what cannot be found out is left out.
    mutating func namesOfClient() async -> [DNSName] {
        if let validatedNames { return validatedNames }
        var names: [DNSName] = []
        do throws(SPFStop) {
            guard let reverse = DNSName(dotted: values.address.reverseName.utf8) else { return [] }
            for host in try await inquiry.pointers(of: reverse).records.prefix(inquiry.limits.pointers) {
                guard let name = host.name, await hasClient(name) else { continue }
                names.append(name)
            }
        } catch {
            // catch: §5.5: the mechanism does not match then.
        }
        validatedNames = names
        return names
    }

    private mutating func hasClient(_ name: DNSName) async -> Bool {
        do throws(SPFStop) {
            return try await inquiry.addresses(of: name, family).records.contains(values.address)
        } catch {
            // catch: §5.5: that name is skipped.
            return false
        }
    }

    // §7.3
    /// %{p}: the domain itself, else a name below it, else any, else `unknown`.
    private mutating func validatedName() async -> String {
        let names = await namesOfClient()
        guard let domain = DNSName(dotted: values.domain.utf8) else { return names.first?.dotted ?? "unknown" }
        return (names.first { $0 == domain } ?? names.first { $0.isWithin(domain) } ?? names.first)?.dotted ?? "unknown"
    }
}
