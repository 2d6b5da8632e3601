import Metrics
import Synchronization

/// Why a password could be neither hashed nor compared.
package enum HashingFault: Error, Equatable, Sendable {
    /// Too many wait already; try later.
    case busy
    /// libargon2 failed, as without memory; its code.
    case failed(Int32)
}

/// Octets from a cryptographic source, as many as asked for; a constructor argument wherever chance matters, so that tests know it.
package typealias RandomOctets = @Sendable (_ count: Int) -> [UInt8]

/// What hashing has cost since the start.
private final class Spent: Sendable {
    let hashes = Atomic(0)
    /// KiB, pass by pass.
    let memory = Atomic(0)
}

/// Hashes and compares passwords on the hashing thread. Those who ask the same thing at the same time share one hash.
final class PasswordHasher: Sendable {
    private let thread: HashingThread
    private let random: RandomOctets
    private let shared = SharedAnswers()
    private let spent = Spent()
    private let hashing: Histogram

    /// - parameter hashing: hears how long each takes.
    init(queueCapacity: Int, random: @escaping RandomOctets, hashing: Histogram = Histogram()) {
        self.hashing = hashing
        thread = HashingThread(capacity: queueCapacity)
        self.random = random
    }

    /// Who waits, and whoever asks from now on, is told `busy`; a hash under way is finished.
    func stop() { thread.stop() }

    /// A new PHC string, with a salt of its own (S10-S14).
    func hash(_ password: Password) async throws(HashingFault) -> String {
        let salt = random(PasswordHash.saltLength)
        let result: Result<String, HashingFault> = await withCheckedContinuation { continuation in
            let isTaken = submit(.standard, from: .administrator) { [hashing] fate in
                guard case .turn = fate else { return continuation.resume(returning: .failure(.busy)) }
                continuation.resume(returning: timed(hashing) { compute(password, salt: salt) }.map { PasswordHash(salt: salt, hash: $0).phc })
            }
            if !isTaken { continuation.resume(returning: .failure(.busy)) }
        }
        return try result.get()
    }

    /// Whether it is the password of that hash. `question` names what is asked, by the password too: equal questions under way are one.
    func matches(
        _ password: Password, _ reference: PasswordHash, question: [UInt8], from origin: HashingThread.Origin
    ) async throws(HashingFault) -> SharedAnswers.Comparison {
        let result: Result<SharedAnswers.Comparison, HashingFault> = await withCheckedContinuation { continuation in
            switch shared.wait(for: question, from: origin.site, continuation) {
            case .joined: return
            case .refused: continuation.resume(returning: .failure(.busy))
            case .first:
                let isTaken = submit(reference.cost, from: origin) { [shared, hashing] fate in
                    guard case .turn(let waited) = fate else { return shared.answer(question, .failure(.busy)) }
                    shared.answer(question, timed(hashing) { compare(password, reference) }.map { .init(isRight: $0, waited: waited) })
                }
                if !isTaken { shared.answer(question, .failure(.busy)) }
            }
        }
        return try result.get()
    }

    /// Keys for SCRAM of a password, with a salt of its own; about 20 ms of the hashing thread.
    func scramKeys(of password: Password, reference: [UInt8]) async throws -> SCRAMKeys {
        let salt = random(SCRAMKeys.saltLength)
        let result: Result<SCRAMKeys, any Error> = await withCheckedContinuation { continuation in
            let isTaken = thread.submit(from: .administrator) { fate in
                guard case .turn = fate else { return continuation.resume(returning: .failure(HashingFault.busy)) }
                continuation.resume(returning: Result { try SCRAMKeys(of: password, salt: salt, reference: reference) })
            }
            if !isTaken { continuation.resume(returning: .failure(HashingFault.busy)) }
        }
        return try result.get()
    }

    /// Hashes begun since the start.
    var count: Int { spent.hashes.load(ordering: .relaxed) }

    /// KiB that they fill, pass by pass: what they cost, whatever machine counts the seconds.
    var work: Int { spent.memory.load(ordering: .relaxed) }

    private func submit(_ cost: PasswordHash.Cost, from origin: HashingThread.Origin, _ job: @escaping HashingThread.Job) -> Bool {
        thread.submit(from: origin) { [spent] fate in
            if case .turn = fate {
                spent.hashes.add(1, ordering: .relaxed)
                spent.memory.add(Int(cost.memory) * Int(cost.passes), ordering: .relaxed)
            }
            job(fate)
        }
    }
}

private func timed<Value>(_ histogram: Histogram, _ work: () -> Value) -> Value {
    let begin = histogram.begin()
    defer { histogram.end(begin) }
    return work()
}

private func compute(_ password: Password, salt: [UInt8]) -> Result<[UInt8], HashingFault> {
    Result { () throws(Argon2.Failure) in try Argon2.hash(password, salt: salt, cost: .standard) }.mapError { .failed($0.code) }
}

private func compare(_ password: Password, _ reference: PasswordHash) -> Result<Bool, HashingFault> {
    Result { () throws(Argon2.Failure) in
        let hash = try Argon2.hash(
            password, salt: reference.salt, cost: reference.cost, kind: reference.kind, version: reference.version,
            length: reference.hash.count)
        return isEqualInConstantTime(hash, reference.hash)
    }.mapError { .failed($0.code) }
}
