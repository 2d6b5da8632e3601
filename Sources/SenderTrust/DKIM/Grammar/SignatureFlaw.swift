/// Why a signature does not pass, and what that is called.
package struct SignatureFlaw: Error, Hashable, Sendable {
    package let result: DKIMVerdict.Result
    /// In one line; says nothing of the peer's text but what is plain.
    package let reason: String

    package init(_ result: DKIMVerdict.Result, _ reason: String) {
        self.result = result
        self.reason = reason
    }
}
