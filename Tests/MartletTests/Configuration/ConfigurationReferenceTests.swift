import Testing

@testable import martlet

@Suite struct ConfigurationReferenceTests {
    @Test("the README's table is what `martlet config reference` prints")
    func fresh() throws {
        let root = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(4).joined(separator: "/")
        let readme = try TextFile.read(root + "/README.md")
        let begin = try #require(readme.range(of: ConfigurationReference.begin))
        let end = try #require(readme.range(of: ConfigurationReference.end))
        #expect(String(readme[begin.upperBound..<end.lowerBound]).trimmed == ConfigurationReference.markdown)
    }

    @Test("the table has a row for every key, and no row is broken by its text")
    func rows() {
        let rows = ConfigurationReference.markdown.split(separator: "\n").dropFirst(2)
        #expect(rows.count == Setting.all.count)
        for row in rows { #expect(row.filter { $0 == "|" }.count == 6, "\(row)") }
    }
}
