package import NIOCore
package import SenderTrust

extension Intake.Check {
    /// Judges strangers (`SenderJudge`), and does with their mail what the rules say.
    package static func senders(_ judge: SenderJudge) -> Intake.Check {
        var check = Intake.Check(name: "senders")
        check.makeObserver = { judge.judges($0) == nil ? nil : SignedText() }
        check.text = { envelope, survey, observer in
            guard var text = observer as? SignedText else { return .pass }
            text.signatures.finish()
            return await judge.verdict(envelope, survey, text.signatures)
        }
        return check
    }
}

/// A text as its signers signed it.
private struct SignedText: TextObserver {
    var signatures = SignatureObserver()
    mutating func take(_ octets: ByteBuffer) { signatures.take(octets) }
}
