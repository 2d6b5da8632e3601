import Conversation
import MailModel

/// What one check asks DNS, counted.
struct SPFInquiry: Sendable {
    private let resolver: any Resolver
    let limits: SPFLimits
    private let deadline: ContinuousClock.Instant
    private let now: @Sendable () -> ContinuousClock.Instant
    private let observe: (@Sendable (SPFStep) -> Void)?
    private var questions = 0
    private var voids = 0
    private var terms = 0
    /// Whose record is followed, and how deep within others.
    var place = (domain: "", depth: 0)

    init(
        resolver: any Resolver, limits: SPFLimits, deadline: ContinuousClock.Instant, now: @escaping @Sendable () -> ContinuousClock.Instant,
        observe: (@Sendable (SPFStep) -> Void)?
    ) {
        self.resolver = resolver
        self.limits = limits
        self.deadline = deadline
        self.now = now
        self.observe = observe
    }

    /// One more term that asks DNS (RFC 7208 §4.6.4).
    mutating func countTerm() throws(SPFStop) {
        terms += 1
        guard terms <= limits.terms else { throw .permerror("its terms ask DNS more than \(limits.terms) times") }
    }

    /// A term's name is not there.
    mutating func countVoid() throws(SPFStop) {
        voids += 1
        guard voids <= limits.voids else { throw .permerror("more than \(limits.voids) of the names that it names are not there") }
    }

    func report(_ event: @autoclosure () -> SPFStep.Event) { observe?(SPFStep(depth: place.depth, domain: place.domain, event: event())) }

    /// Throws `temperror` where nobody knows (§4.4, §5).
    mutating func ask<Record>(
        _ type: RecordType, _ name: DNSName, _ read: ([UInt8]) -> Record?
    ) async throws(SPFStop) -> DNSAnswer<Record> {
        guard !Task.isCancelled else { throw .temperror("it was given up") }
        guard now() < deadline else { throw .temperror("DNS took too long: \(limits.patience) are over") }
        questions += 1
        guard questions <= limits.questions else { throw .permerror("it takes more than \(limits.questions) questions to DNS") }
        do {
            let answer = try await resolver.rdata(type, of: name).map(read)
            report(.found(type, name, answer.records.map { "\($0)" }, answer.denial))
            return answer
        } catch let fault as ResolverFault {
            report(.unknown(type, name, fault))
            throw .temperror("DNS does not say what \(name) has")
        } catch {
            throw .temperror("it was given up")
        }
    }

    mutating func texts(of name: DNSName) async throws(SPFStop) -> DNSAnswer<String> { try await ask(.txt, name, RecordData.text) }

    mutating func addresses(of name: DNSName, _ family: AddressFamily) async throws(SPFStop) -> DNSAnswer<IPAddress> {
        try await ask(family.recordType, name) { RecordData.address($0, family) }
    }

    /// Names of any octets; the root, which is no host, is left out, so that the list may be empty.
    mutating func exchangers(of name: DNSName) async throws(SPFStop) -> DNSAnswer<SPFHost> { try await ask(.mx, name) { SPFHost($0.dropFirst(2)) } }

    mutating func pointers(of name: DNSName) async throws(SPFStop) -> DNSAnswer<SPFHost> { try await ask(.ptr, name) { SPFHost($0[...]) } }
}

/// A host that a record names.
struct SPFHost: Hashable, Sendable, CustomStringConvertible {
    /// Nil: none that DNS could be asked for.
    let name: DNSName?

    init(_ octets: ArraySlice<UInt8>) { name = DNSName(octets: octets) }

    var description: String { name?.value ?? "." }
}
