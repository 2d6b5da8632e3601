import Conversation
import MailModel
import NIOCore
import SenderTrust

/// What a fuzzer calls with what domains say of policies and marks, and with what servers say that they have found out. Traps when a bound does not hold, when
/// a value of ours can be broken out of, or when a field that names us is not seen.
package func fuzzPolicyText(_ bytes: UnsafeRawBufferPointer) {
    let text = String(decoding: bytes, as: UTF8.self)
    if let record = DMARCRecord(text) {
        for list in [record.aggregateReports, record.failureReports] {
            precondition(list.count <= DMARCRecord.mostReportAddresses, "too many addresses")
            precondition(
                list.allSatisfy { $0.contains(":") && $0.utf8.allSatisfy { (0x21...0x7E).contains($0) } && $0.split(separator: "!").count <= 2 }, "no URI")
        }
        precondition(record.isApplicable || record.policy == .none, "a policy that does not apply")
        precondition(DMARCRecord([text])?.policy == record.policy && DMARCRecord([text, text]) == nil, "several records are none")
    }
    if let record = BIMIRecord(text) {
        for place in [record.indicator, record.authority].compactMap({ $0 }) { precondition(place.lowercased().hasPrefix("https://"), "another scheme") }
    }
    fuzzResults(ByteBuffer(bytes: bytes))
    fuzzResultsField(text)
}

private let authserv = Domain("mx.our.example")

private func fuzzResults(_ value: ByteBuffer) {
    guard let authserv else { return }
    let isOurs = ForgedResults.claims(authserv: authserv, value: value)
    guard let results = AuthenticationResults(value) else { return }
    precondition(!results.server.isEmpty && results.findings.count <= AuthenticationResults.mostFindings, "a bound that does not hold")
    for finding in results.findings {
        precondition(
            !finding.method.isEmpty && !finding.result.isEmpty && finding.properties.count <= AuthenticationResults.mostProperties, "a bound that does not hold"
        )
        precondition(finding.properties.allSatisfy { $0.value.utf8.count <= 3 * AuthenticationResults.longestValue }, "a value that is too long")
    }
    if Domain(results.server)?.asciiForm == authserv { precondition(isOurs, "a reader takes it for ours") }
}

/// The text as everything that can come from outside.
private func fuzzResultsField(_ text: String) {
    guard let authserv, let other = Domain("other.example") else { return }
    var field = AuthenticationResultsField(authserv: authserv)
    let domain = Domain(text) ?? other
    field.add(SPFVerdict(.fail, .mailFrom, domain: domain, sender: text, reason: text))
    field.add(DKIMVerdict(.fail, domain: domain, selector: text, identity: text, algorithm: text, signature: text, reason: text))
    field.add(DMARCVerdict(.fail, author: domain, organizationalDomain: domain, reason: text))
    field.add(BIMIVerdict(.fail, domain: domain, selector: text, indicator: text, authority: text, reason: text))
    let value = field.value
    precondition(value.split(separator: "\r\n").allSatisfy { $0.utf8.count < 998 && $0.utf8.allSatisfy { (0x20...0x7E).contains($0) } }, "a line that is none")
    precondition(value.utf8.count { $0 == UInt8(ascii: ";") } == 4, "a value breaks out")
    let read = AuthenticationResults(value)
    precondition(read?.server == authserv.value && read?.findings.map(\.method) == ["spf", "dkim", "dmarc", "bimi"], "it does not read what it writes")
    precondition(read?.findings.allSatisfy { $0.result == "fail" } == true, "a result that nobody found")
    precondition(ForgedResults.claims(authserv: authserv, value: ByteBuffer(string: value)), "our own is not ours")
}
