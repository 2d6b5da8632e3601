import Testing

@testable import SenderTrust

@Suite struct ARCFieldsTests {
    @Test("ARC-Authentication-Results begins with its instance: RFC 8617 §4.1.1; a version behind the authserv-id does not matter")
    func results() {
        for (value, instance, results) in [
            (" i=1; mx.example; spf=pass\r\n", 1, "mx.example; spf=pass"), (" i=1; mx.microsoft.com 1; spf=pass", 1, "mx.microsoft.com 1; spf=pass"),
            ("i = 50\r\n ;\r\n mx.example;\r\n\tdkim=none \r\n", 50, "mx.example;\tdkim=none"), (" (a(b\\)) c) i (x)=(y) 2 (z);none", 2, "none"),
            ("i=3;", 3, ""),
        ] {
            let read = ARCFields.results(Array(value.utf8))
            #expect(read?.instance == instance && read?.results == results.replacing("\r\n", with: ""), "\(value)")
        }
        for value in [
            "", "mx.example; i=1;", "i=0; x", "i=51; x", "i=; x", "i=1", "i=1 x; y", "I=1; x", "i=-1; x", "i=001; x", "(i=1; x", "i=1a; x", "i=1(; x",
        ] {
            #expect(ARCFields.results(Array(value.utf8)) == nil, "\(value)")
        }
    }
}
