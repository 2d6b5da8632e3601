/// Something that is looked at, by itself and beside the others.
struct DoctorCheck: Sendable {
    let name: String
    /// What it is when it does not end in time.
    var unfinished = FindingKind.checkUnfinished
    /// What it throws is a finding.
    let run: @Sendable () async throws -> [Finding]
}

/// Makes checks, all at once, and waits for none longer than the deadline.
enum CheckRun {
    /// In the order of `checks`. Those that have not ended when `deadline` returns are left behind.
    static func outcomes(_ checks: [DoctorCheck], deadline: @escaping @Sendable () async -> Void) async -> [(check: String, findings: [Finding])] {
        let (results, writer) = AsyncStream.makeStream(of: (place: Int, findings: [Finding])?.self)
        for (place, check) in checks.enumerated() {
            Task {
                do {
                    writer.yield((place, try await check.run()))
                } catch {
                    let problem = "it could not be looked at: \(FaultWords.of(error))"
                    writer.yield((place, [Finding(.checkFailed, check.name, problem, fix: "mend that, and ask again")]))
                }
            }
        }
        let clock = Task {
            await deadline()
            writer.yield(nil)
        }
        defer { clock.cancel() }
        var found: [Int: [Finding]] = [:]
        if !checks.isEmpty {
            for await result in results {
                guard let result else { break }
                found[result.place] = result.findings
                if found.count == checks.count { break }
            }
        }
        return checks.enumerated().map { place, check in
            (check.name, found[place] ?? [Finding(check.unfinished, check.name, "looking at it did not end in time", fix: CheckRun.advice(check))])
        }
    }

    private static func advice(_ check: DoctorCheck) -> String {
        check.unfinished == .storeUnseen ? "martlet store check takes its time and reads everything" : "martlet doctor --deadline SECONDS waits longer"
    }
}
