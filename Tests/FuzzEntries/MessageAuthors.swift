import MailModel
import MessageFormat
import NIOCore
import PostOffice
import SenderTrust

/// What a fuzzer calls with the header of a message. Traps when the authors that are judged are not those that a client of the kept message is shown, or when
/// a bound does not hold.
package func fuzzMessageAuthors(_ bytes: UnsafeRawBufferPointer) {
    let header = ByteBuffer(bytes: bytes)
    let authors = MessageAuthors(header)
    if case .unclear(let reason) = authors {
        precondition(!reason.isEmpty && reason.utf8.allSatisfy { (0x20...0x7E).contains($0) }, "a reason that cannot be shown")
        return
    }
    precondition(authors.domains.count <= MessageAuthors.mostDomains && Set(authors.domains).count == authors.domains.count, "a bound that does not hold")
    precondition(authors.domains.allSatisfy { $0.isASCII }, "a domain that DNS cannot be asked for")

    // As it is kept, and as a client is shown it (RFC 9051 §7.5.2).
    var kept = ByteBuffer()
    var incoming = IncomingHeader()
    incoming.consume(header, into: &kept)
    incoming.finish(into: &kept)
    var scanner = MessageScanner()
    scanner.consume(kept)
    // What has no domain is words: `Example, Inc. <a@example.com>`.
    let shown = scanner.finish().envelope.from.compactMap(\.host).filter { !$0.isEmpty }
    var domains: [Domain] = []
    for host in shown {
        guard let domain = Domain(host).flatMap({ $0.isLiteral ? $0 : $0.asciiForm }) else { preconditionFailure("a domain that is none is shown") }
        if !domains.contains(domain) { domains.append(domain) }
    }
    precondition(domains == authors.domains, "others are shown than are judged")
}
