import Conversation
import NIOCore
import Storage
import Synchronization
import Testing

@testable import martlet

@Suite("Checks beside one another")
struct CheckRunTests {
    private let finding = Finding(.serverStopped, "data", "no server", fix: "start it")

    @Test("each has its outcome, in the order of the list; what a check throws is a finding")
    func outcomes() async {
        let outcomes = await CheckRun.outcomes(
            [
                DoctorCheck(name: "one") { [finding] in [finding] }, DoctorCheck(name: "two") { throw SightFault("no disk") },
                DoctorCheck(name: "three") { [] },
            ]
        ) { await never() }
        #expect(outcomes.map(\.check) == ["one", "two", "three"])
        #expect(outcomes.map { $0.findings.map(\.kind) } == [[.serverStopped], [.checkFailed], []])
        #expect(outcomes[1].findings.first?.problem.contains("no disk") == true)
    }

    @Test("what a finding says of an error is for people, whosever it is")
    func words() {
        struct Strange: Error {}
        #expect(FaultWords.of(SystemFault("open", "/x", code: 13)) == "cannot open /x: Permission denied")
        #expect(FaultWords.of(IOError(errnoCode: 111, reason: "connect(descriptor:addr:size:)")) == "Connection refused")
        #expect(FaultWords.of(CommandFault(code: 78, text: "no such file")) == "no such file")
        #expect(FaultWords.of(StreamFault.timedOut) == "no answer in time")
        #expect(FaultWords.of(ResolverFault.failed(code: 2)) == "the name server answered SERVFAIL")
        #expect(FaultWords.of(WebFault.resolver(.timedOut)) == "its name could not be looked up: no name server answered in time")
        #expect(FaultWords.of(StorageFault.corrupt("a page is not as it was")) == "a page is not as it was")
        #expect(FaultWords.of(Strange()) == "something unforeseen (Strange)")
    }

    @Test("the deadline ends the wait, and says what was not seen")
    func deadline() async {
        let done = AsyncStream.makeStream(of: Void.self)
        let outcomes = await CheckRun.outcomes(
            [
                DoctorCheck(name: "quick") {
                    done.continuation.finish()
                    return []
                },
                DoctorCheck(name: "slow") {
                    await never()
                    return []
                },
                DoctorCheck(name: "store", unfinished: .storeUnseen) {
                    await never()
                    return []
                },
            ]
        ) { for await _ in done.stream {} }
        // The quick one may be told of just before the deadline, or not.
        #expect(outcomes.dropFirst().map { $0.findings.map(\.kind) } == [[.checkUnfinished], [.storeUnseen]])
    }

    @Test("of no checks comes nothing, at once")
    func none() async { #expect(await CheckRun.outcomes([]) { await never() }.isEmpty) }
}

/// Until the task is cancelled, or the test's process ends.
private func never() async {
    let stream = AsyncStream.makeStream(of: Void.self)
    for await _ in stream.stream {}
}
