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

/// Hashes and compares passwords on the hashing thread. Those who ask the same thing at the same time share one hash.
final class PasswordHasher: Sendable {
    private let thread: HashingThread
    private let random: RandomOctets
    private let shared = SharedAnswers()
    private let begun = Atomic(0)
    private let filled = Atomic(0)

    init(queueCapacity: Int, random: @escaping RandomOctets) {
        thread = HashingThread(capacity: queueCapacity)
        self.random = random
    }

    /// A new PHC string, with a salt of its own (S10-S14).
    func hash(_ password: Password) async throws(HashingFault) -> String {
        let salt = random(PasswordHash.saltLength)
        let result: Result<String, HashingFault> = await withCheckedContinuation { continuation in
            let isTaken = submit(.standard) {
                continuation.resume(returning: compute(password, salt: salt).map { PasswordHash(salt: salt, hash: $0).phc })
            }
            if !isTaken { continuation.resume(returning: .failure(.busy)) }
        }
        return try result.get()
    }

    /// Whether it is the password of that hash. `question` names what is asked, by the password too: equal questions under way are one.
    func matches(_ password: Password, _ reference: PasswordHash, question: [UInt8]) async throws(HashingFault) -> Bool {
        let result: Result<Bool, HashingFault> = await withCheckedContinuation { continuation in
            switch shared.wait(for: question, continuation) {
            case .joined: return
            case .refused: continuation.resume(returning: .failure(.busy))
            case .first:
                let isTaken = submit(reference.cost) { [shared] in shared.answer(question, compare(password, reference)) }
                if !isTaken { shared.answer(question, .failure(.busy)) }
            }
        }
        return try result.get()
    }

    /// Hashes begun or waiting since the start.
    var count: Int { begun.load(ordering: .relaxed) }

    /// KiB that they fill, pass by pass: what they cost, whatever machine counts the seconds.
    var work: Int { filled.load(ordering: .relaxed) }

    private func submit(_ cost: PasswordHash.Cost, _ job: @escaping HashingThread.Job) -> Bool {
        guard thread.submit(job) else { return false }
        begun.add(1, ordering: .relaxed)
        filled.add(Int(cost.memory) * Int(cost.passes), ordering: .relaxed)
        return true
    }
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
