import FuzzEntries
import NIOCore
import Rehearsal
import Testing

@testable import PostOffice

@Suite("Mutants of reports")
struct ReportMutantTests {
    @Test(
        "nothing that is done to a report traps its reader, and each form reads what it writes",
        arguments: ["google.xml", "yahoo.xml", "microsoft.xml", "rfc9990.xml", "google-tls.json", "microsoft-tls.json"])
    func mutants(_ name: String) throws {
        let whole = Array(buffer: try ReportSample.file(name))
        for seed in 0..<UInt64(Mutants(usual: 120).count) {
            var chance = Mutator.Chance(seed: seed)
            var octets = whole
            for _ in 0..<Int.random(in: 1...6, using: &chance) {
                let place = Int.random(in: 0..<octets.count, using: &chance)
                let length = min(octets.count - place, Int.random(in: 0...40, using: &chance))
                switch Int.random(in: 0..<4, using: &chance) {
                case 0: octets[place] = UInt8.random(in: 0...255, using: &chance)
                case 1: octets.removeSubrange(place..<place + min(length, octets.count - 1))
                case 2: octets.insert(contentsOf: octets[place..<place + length], at: Int.random(in: 0...octets.count, using: &chance))
                default: octets.insert(contentsOf: Array("</<&<!--\"{[".utf8.shuffled(using: &chance).prefix(2)), at: place)
                }
            }
            octets.withUnsafeBytes { fuzzReports($0) }
        }
    }
}
