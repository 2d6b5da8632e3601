import CArgon2
import Glibc

/// One Argon2 computation on the calling thread: all lanes in turn, which gives the same hash as a thread a lane.
enum Argon2 {
    struct Failure: Error, CustomStringConvertible {
        let code: Int32
        var description: String { "Argon2 failed with code \(code)" }
    }

    /// About 0.15 s and 64 MiB at `Cost.standard`; the memory is unmapped when it returns.
    static func hash(
        _ password: Password, salt: [UInt8], cost: PasswordHash.Cost, kind: PasswordHash.Kind = .argon2id, version: UInt32 = 0x13,
        length: Int = PasswordHash.hashLength
    ) throws(Failure) -> [UInt8] {
        var salt = salt
        var hash = [UInt8](repeating: 0, count: length)
        let code = password.withOctets { secret in
            // argon2.h asks for a mutable password; it writes there only under ARGON2_FLAG_CLEAR_PASSWORD, which is not set.
            let octets = UnsafeMutablePointer(mutating: secret.bindMemory(to: UInt8.self).baseAddress)
            return salt.withUnsafeMutableBufferPointer { salt in
                hash.withUnsafeMutableBufferPointer { hash in
                    var context = argon2_context()
                    context.out = hash.baseAddress
                    context.outlen = UInt32(hash.count)
                    context.pwd = octets
                    context.pwdlen = UInt32(truncatingIfNeeded: secret.count)
                    context.salt = salt.baseAddress
                    context.saltlen = UInt32(salt.count)
                    context.t_cost = cost.passes
                    context.m_cost = cost.memory
                    context.lanes = cost.lanes
                    context.threads = 1
                    context.version = version
                    context.allocate_cbk = mapMemory
                    context.free_cbk = unmapMemory
                    return argon2_ctx(&context, type(of: kind))
                }
            }
        }
        guard code == ARGON2_OK.rawValue else { throw Failure(code: code) }
        return hash
    }

    private static func type(of kind: PasswordHash.Kind) -> argon2_type {
        switch kind {
        case .argon2id: Argon2_id
        case .argon2i: Argon2_i
        case .argon2d: Argon2_d
        }
    }
}

// Mapped rather than allocated, so that it is the system's again whatever the allocator thinks of 64 MiB.
private func mapMemory(_ memory: UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>?, _ count: Int) -> Int32 {
    let mapped = mmap(nil, count, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    guard let memory, let mapped, mapped != MAP_FAILED else {
        memory?.pointee = nil
        return ARGON2_MEMORY_ALLOCATION_ERROR.rawValue
    }
    memory.pointee = mapped.assumingMemoryBound(to: UInt8.self)
    return 0
}

private func unmapMemory(_ memory: UnsafeMutablePointer<UInt8>?, _ count: Int) {
    munmap(memory, count)
}
