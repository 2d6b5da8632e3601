import Gatehouse
import MailModel
import Storage
import Synchronization
import Testing

@Suite("The second factor: one-time passwords, and what they keep the password from")
struct SecondFactorTests {
    @Test(
        "RFC 6238's examples, of which six digits are taken",
        arguments: [
            (59, "287082"), (1_111_111_109, "081804"), (1_111_111_111, "050471"), (1_234_567_890, "005924"), (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] as [(Int64, String)])
    func vectors(_ time: Int64, _ code: String) {
        let totp = TOTP(secret: Array("12345678901234567890".utf8))
        #expect(totp.code(of: TOTP.step(at: Timestamp(rawValue: time))) == code)
    }

    @Test("what an authenticator program is given")
    func address() throws {
        let totp = TOTP(secret: Array("12345678901234567890".utf8))
        #expect(totp.written == "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")
        #expect(
            totp.address(of: try AccountName("alice@example.org"), issuer: "mail example")
                == "otpauth://totp/mail%20example:alice@example.org?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=mail%20example"
                + "&algorithm=SHA1&digits=6&period=30")
    }

    /// Alice's, which is on.
    private func turnedOn(_ gate: Gate) async throws -> (totp: TOTP, codes: [String]) {
        let totp = try await gate.keeper.enrollSecondFactor(of: gate.alice.id)
        return (totp, try await gate.keeper.confirmSecondFactor(code(totp, gate), of: gate.alice.id))
    }

    private func code(_ totp: TOTP, _ gate: Gate, steps: Int64 = 0) -> String { totp.code(of: TOTP.step(at: gate.time.timestamp) + steps) }

    @Test("from its confirmation on the password opens nothing, even with a proof of before, and app passwords do; sessions end")
    func demands() async throws {
        let gate = try await Gate()
        let app = try await gate.keeper.addAppPassword("phone", AppPassword.Scope(), expires: nil, of: gate.alice.id)
        #expect(await gate.verify() == .admitted(gate.principal))
        let ended = Mutex(0)
        let session = gate.keeper.admit(gate.principal) { ended.withLock { $0 += 1 } }
        let totp = try await gate.keeper.enrollSecondFactor(of: gate.alice.id)
        // Enrolled is not on: a program that was never set up locks nobody out.
        #expect(await gate.verify() == .admitted(gate.principal))
        #expect(try gate.keeper.secondFactor(of: gate.alice.id) == SecondFactorStatus(isOn: false, isPending: true, recoveryCodes: 0))
        _ = try await gate.keeper.confirmSecondFactor(code(totp, gate), of: gate.alice.id)
        #expect(ended.withLock { $0 } == 1)
        #expect(try gate.keeper.secondFactor(of: gate.alice.id) == SecondFactorStatus(isOn: true, isPending: false, recoveryCodes: 10))
        let hashes = gate.keeper.hashCount
        for name in [ProtocolName.imap, .pop3, .smtp] { #expect(await gate.verify(over: name) == .refused) }
        // Each as dear as a wrong one.
        #expect(gate.keeper.hashCount == hashes + 3)
        #expect(gate.log.lines.contains { $0.contains("AppPasswordNeeded") })
        guard case .admitted = await gate.verify("alice", app.written) else {
            Issue.record("the app password opens nothing")
            return
        }
        try await gate.keeper.disableSecondFactor(of: gate.alice.id)
        #expect(await gate.verify() == .admitted(gate.principal))
        withExtendedLifetime(session) {}
    }

    @Test("a code is taken once, a step early or late, and none of before it after it (RFC 6238 §5.2)")
    func once() async throws {
        let gate = try await Gate()
        let (totp, _) = try await turnedOn(gate)
        // That of the confirmation.
        await #expect(throws: CredentialFault.wrongCode) { try await gate.keeper.take(code: code(totp, gate), of: gate.alice.id) }
        try await gate.keeper.take(code: code(totp, gate, steps: 1), of: gate.alice.id)
        gate.time.move(60)
        await #expect(throws: CredentialFault.wrongCode) { try await gate.keeper.take(code: code(totp, gate, steps: -1), of: gate.alice.id) }
        await #expect(throws: CredentialFault.wrongCode) { try await gate.keeper.take(code: code(totp, gate, steps: 2), of: gate.alice.id) }
        try await gate.keeper.take(code: " \(code(totp, gate).prefix(3)) \(code(totp, gate).suffix(3))", of: gate.alice.id)
        await #expect(throws: CredentialFault.wrongCode) { try await gate.keeper.take(code: "", of: gate.alice.id) }
    }

    @Test("of many that come with one code at once, one is taken")
    func raced() async throws {
        let gate = try await Gate()
        let (totp, codes) = try await turnedOn(gate)
        gate.time.move(30)
        for text in [code(totp, gate), codes[0]] {
            let taken = await withTaskGroup(of: Bool.self) { group in
                for _ in 0..<20 {
                    group.addTask {
                        do { try await gate.keeper.take(code: text, of: gate.alice.id) } catch { return false }
                        return true
                    }
                }
                return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            #expect(taken == 1, "\(text)")
        }
    }

    @Test("a recovery code is good once, however it is typed; new ones void the old")
    func recovery() async throws {
        let gate = try await Gate()
        let (_, codes) = try await turnedOn(gate)
        #expect(Set(codes).count == 10 && codes.allSatisfy { $0.count == 11 })
        try await gate.keeper.take(code: codes[3].uppercased().replacing("-", with: " "), of: gate.alice.id)
        await #expect(throws: CredentialFault.wrongCode) { try await gate.keeper.take(code: codes[3], of: gate.alice.id) }
        #expect(try gate.keeper.secondFactor(of: gate.alice.id).recoveryCodes == 9)
        let others = try await gate.keeper.renewRecoveryCodes(of: gate.alice.id)
        await #expect(throws: CredentialFault.wrongCode) { try await gate.keeper.take(code: codes[4], of: gate.alice.id) }
        try await gate.keeper.take(code: others[0], of: gate.alice.id)
        for code in codes {
            #expect(!String(decoding: try gate.store.value(of: "\(gate.alice.id.rawValue)", in: .accountSecurity) ?? [], as: UTF8.self).contains(code))
        }
    }

    @Test("what is out of turn is refused: a second enrollment, a confirmation of nothing, codes where none is on")
    func turns() async throws {
        let gate = try await Gate()
        await #expect(throws: CredentialFault.nothingToConfirm) { _ = try await gate.keeper.confirmSecondFactor("000000", of: gate.alice.id) }
        await #expect(throws: CredentialFault.secondFactorIsOff) { try await gate.keeper.take(code: "000000", of: gate.alice.id) }
        await #expect(throws: CredentialFault.secondFactorIsOff) { try await gate.keeper.disableSecondFactor(of: gate.alice.id) }
        await #expect(throws: CredentialFault.secondFactorIsOff) { _ = try await gate.keeper.renewRecoveryCodes(of: gate.alice.id) }
        let first = try await gate.keeper.enrollSecondFactor(of: gate.alice.id)
        let second = try await gate.keeper.enrollSecondFactor(of: gate.alice.id)
        #expect(first != second)
        // What waits is the second one.
        await #expect(throws: CredentialFault.wrongCode) { _ = try await gate.keeper.confirmSecondFactor(code(first, gate, steps: 5), of: gate.alice.id) }
        _ = try await gate.keeper.confirmSecondFactor(code(second, gate), of: gate.alice.id)
        await #expect(throws: CredentialFault.secondFactorIsOn) { _ = try await gate.keeper.enrollSecondFactor(of: gate.alice.id) }
        await #expect(throws: CredentialFault.secondFactorIsOn) { _ = try await gate.keeper.confirmSecondFactor("000000", of: gate.alice.id) }
    }

    @Test("with a demand for another password the old one opens nothing, and app passwords do (S109)")
    func reset() async throws {
        let gate = try await Gate()
        let app = try await gate.keeper.addAppPassword("phone", AppPassword.Scope(), expires: nil, of: gate.alice.id)
        #expect(await gate.verify() == .admitted(gate.principal))
        try await gate.keeper.demandReset(of: gate.alice.id)
        #expect(await gate.verify() == .refused)
        #expect(gate.log.lines.contains { $0.contains("PasswordMustBeChanged") })
        guard case .admitted = await gate.verify("alice", app.written) else {
            Issue.record("the app password opens nothing")
            return
        }
        try await gate.keeper.endReset(of: gate.alice.id)
        #expect(await gate.verify() == .admitted(gate.principal))
        #expect(try gate.store.values(in: .accountSecurity).isEmpty)
    }

    @Test("what cannot be read opens nothing: it is told to try later")
    func corrupt() async throws {
        let gate = try await Gate()
        try await gate.store.change([KeyValueChange(.accountSecurity, "\(gate.alice.id.rawValue)", Array("[]".utf8))])
        #expect(await gate.verify() == .busy)
    }
}
