import SenderTrust
import Testing

@Suite("Verdicts by the words of the registries")
struct VerdictTests {
    @Test("results are the words of RFC 8601 §2.7")
    func words() {
        #expect(SPFVerdict.Result.allCases.map(\.rawValue) == ["none", "neutral", "pass", "fail", "softfail", "temperror", "permerror"])
        #expect(DKIMVerdict.Result.allCases.map(\.rawValue) == ["none", "pass", "fail", "policy", "neutral", "temperror", "permerror"])
    }
}
