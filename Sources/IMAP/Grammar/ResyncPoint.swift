package import MailModel

/// Where a client's copy of a mailbox stands: QRESYNC's parameters (RFC 7162 §3.2.5).
package struct ResyncPoint: Hashable, Sendable {
    package var uidValidity: UIDValidity
    /// Not 0.
    package var modSeq: ModSeq
    /// Nil: all that were ever there.
    package var knownUIDs: NumberSet?
    /// A sample of what the client has (RFC 7162 §3.2.5.2).
    package var sample: Sample?

    /// Sequence numbers and the UIDs at them, as many, both rising.
    package struct Sample: Hashable, Sendable {
        package var numbers: NumberSet
        package var uids: NumberSet

        package init(numbers: NumberSet, uids: NumberSet) {
            self.numbers = numbers
            self.uids = uids
        }
    }

    package init(_ uidValidity: UIDValidity, _ modSeq: ModSeq, knownUIDs: NumberSet? = nil, sample: Sample? = nil) {
        self.uidValidity = uidValidity
        self.modSeq = modSeq
        self.knownUIDs = knownUIDs
        self.sample = sample
    }
}

extension ArgumentReader {
    //     "(" uidvalidity SP mod-sequence-value [SP known-uids] [SP seq-match-data] ")"      ; RFC 7162 §7
    //     uidvalidity = nz-number
    mutating func resyncPoint() throws(SyntaxError) -> ResyncPoint {
        try expect("(")
        guard let validity = UIDValidity(rawValue: UInt32(truncatingIfNeeded: try number(from: 1, upTo: UInt64(UInt32.max)))) else {
            throw SyntaxError("Number out of its range")
        }
        try space()
        guard let modSeq = ModSeq(rawValue: try number(from: 1, upTo: ModSeq.max.rawValue)) else {
            throw SyntaxError("Number out of its range")
        }
        var point = ResyncPoint(validity, modSeq)
        if !take(")") {
            try space()
            if peek() != UInt8(ascii: "(") {
                point.knownUIDs = try knownSet()
                if take(")") { return point }
                try space()
            }
            point.sample = try resyncSample()
            try expect(")")
        }
        return point
    }

    //     seq-match-data = "(" known-sequence-set SP known-uid-set ")"
    private mutating func resyncSample() throws(SyntaxError) -> ResyncPoint.Sample {
        try expect("(")
        let numbers = try knownSet()
        try space()
        let sample = ResyncPoint.Sample(numbers: numbers, uids: try knownSet())
        try expect(")")
        guard sample.numbers.count == sample.uids.count else { throw SyntaxError("As many UIDs as numbers expected") }
        return sample
    }

    //     known-uids = sequence-set ; "*" is not allowed
    private mutating func knownSet() throws(SyntaxError) -> NumberSet {
        let set = try sequenceSet()
        guard !set.hasStar, let numbers = set.resolved(last: 0) else { throw SyntaxError("Numbers expected") }
        return numbers
    }
}
