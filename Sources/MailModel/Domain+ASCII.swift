extension Domain {
    /// As the domain name system has it: labels that are not ASCII as A-labels (RFC 5890 §2.3.2.1), in Punycode (RFC 3492). An ASCII name and an address
    /// literal are themselves. Nil where there is no such form: a label of more than 63 octets, a name of more than 253, a label that begins with a combining
    /// mark, one with a code point that IDNA2008 disallows (RFC 5891 §5.4: it must not be looked up), or a U-label that already looks like an A-label.
    package var asciiForm: Domain? {
        if isASCII { return self }
        var labels: [String] = []
        for label in value.split(separator: ".", omittingEmptySubsequences: false) {
            if label.utf8.allSatisfy({ $0 < 0x80 }) {
                labels.append(String(label))
                continue
            }
            // RFC 5891 §4.2.3.1, §4.2.3.2
            guard let first = label.unicodeScalars.first, !Domain.isMark(first), !Array(label.utf8).dropFirst(2).starts(with: "--".utf8),
                label.unicodeScalars.allSatisfy(IDNAProperty.allows),
                let encoded = Punycode.encode(label.unicodeScalars), encoded.utf8.count + 4 <= 63
            else { return nil }
            labels.append("xn--" + encoded)
        }
        let name = labels.joined(separator: ".")
        return name.utf8.count <= 253 ? Domain(name) : nil
    }

    private static func isMark(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .nonspacingMark, .spacingMark, .enclosingMark: true
        default: false
        }
    }
}

/// RFC 3492: what makes a few letters of any script letters of ASCII.
enum Punycode {
    // §5
    private static let (base, least, most, skew, damp) = (36, 1, 26, 38, 700)

    /// §6.3. Nil for what does not fit into a label by far.
    static func encode(_ scalars: some Collection<Unicode.Scalar>) -> String? {
        let points = scalars.map { Int($0.value) }
        guard points.count <= 63 else { return nil }
        var output = scalars.filter(\.isASCII).map { Character($0) }
        let basic = output.count
        if basic > 0 { output.append("-") }
        var (next, delta, bias, handled) = (0x80, 0, 72, basic)
        while handled < points.count {
            guard let point = points.filter({ $0 >= next }).min() else { return nil }
            // 63 points of 21 bits each: nothing here overflows.
            delta += (point - next) * (handled + 1)
            next = point
            for other in points {
                if other < next { delta += 1 }
                guard other == next else { continue }
                output += digits(of: delta, bias)
                bias = adapted(delta, handled + 1, isFirst: handled == basic)
                delta = 0
                handled += 1
            }
            delta += 1
            next += 1
        }
        return String(output)
    }

    /// A generalised variable-length integer.
    private static func digits(of delta: Int, _ bias: Int) -> [Character] {
        var output: [Character] = []
        var rest = delta
        var position = base
        while true {
            let threshold = min(max(position - bias, least), most)
            guard rest >= threshold else { break }
            output.append(digit(threshold + (rest - threshold) % (base - threshold)))
            rest = (rest - threshold) / (base - threshold)
            position += base
        }
        output.append(digit(rest))
        return output
    }

    // §6.1
    private static func adapted(_ delta: Int, _ points: Int, isFirst: Bool) -> Int {
        var delta = isFirst ? delta / damp : delta / 2
        delta += delta / points
        var divisions = 0
        while delta > (base - least) * most / 2 {
            delta /= base - least
            divisions += base
        }
        return divisions + (base - least + 1) * delta / (delta + skew)
    }

    private static func digit(_ value: Int) -> Character {
        Character(Unicode.Scalar(UInt8(value < 26 ? 0x61 + value : 0x30 + value - 26)))
    }
}
