import NIOCore

/// How large a connection's receive buffer is: small while commands come, and as large as it may be as soon as one was filled, for where more
/// comes than that, a message does. It is small again after many small reads.
struct ReceiveSizes: RecvByteBufferAllocator {
    private var size = LineSizes.smallestReceive
    private var small = 0

    /// A message is followed by a few commands before the next.
    private static let patience = 16

    func buffer(allocator: ByteBufferAllocator) -> ByteBuffer { allocator.buffer(capacity: size) }
    func nextBufferSize() -> Int? { size }

    mutating func record(actualReadBytes octets: Int) -> Bool {
        small = octets <= LineSizes.smallestReceive / 2 ? small + 1 : 0
        if small > ReceiveSizes.patience { size = LineSizes.smallestReceive }
        guard octets >= size, size < LineSizes.largestReceive else { return false }
        size = LineSizes.largestReceive
        return true
    }
}
