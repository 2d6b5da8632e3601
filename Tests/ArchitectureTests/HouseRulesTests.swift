import Foundation
import Testing

/// The rules R1-R7 of ARCHITECTURE.md. SwiftPM itself lets transitive imports through.
@Suite struct HouseRulesTests {
    private let tree: SourceTree

    init() throws { tree = try SourceTree.here.get() }

    /// What every module may import: the language's own, and the house's bytes.
    private static let everywhere: Set<String> = ["Swift", "Synchronization", "Glibc", "NIOCore"]

    /// What each module of ours may import beside that: ours below it, and what its task needs from outside.
    private static let allowed: [String: Set<String>] = [
        "MailModel": [],
        "Threading": ["CLinux"],
        "Metrics": [],
        "MessageFormat": ["MailModel", "CUnicode"],
        "Conversation": ["MailModel"],
        "Storage": ["MailModel", "MessageFormat", "FoundationEssentials"],
        "Gatehouse": [
            "MailModel", "MessageFormat", "Storage", "Threading", "Metrics", "CArgon2", "Crypto", "CryptoExtras", "Foundation", "FoundationEssentials",
            "Logging",
        ],
        "SenderTrust": ["MailModel", "MessageFormat", "Conversation", "Crypto", "CryptoExtras", "FoundationEssentials"],
        "ACME": ["MailModel", "Storage", "Crypto", "CryptoExtras", "X509", "SwiftASN1", "FoundationEssentials", "Logging"],
        "PostOffice": [
            "MailModel", "MessageFormat", "Conversation", "Storage", "Gatehouse", "SenderTrust", "Metrics", "Crypto", "FoundationEssentials", "Logging",
            "DequeModule", "HeapModule",
        ],
        "SMTP": face, "IMAP": face, "POP3": face, "WebAPI": face,
        "Transport": [
            "MailModel", "Conversation", "Threading", "CZlib", "CUnbound", "Logging", "NIOPosix", "NIOTLS", "NIOHTTP1", "NIOHTTP2", "NIOHPACK",
            "NIOWebSocket", "NIOSSL", "X509", "SwiftASN1", "Crypto",
            "Foundation",
            "FoundationEssentials",
        ],
        "SQLiteStore": [
            "MailModel", "MessageFormat", "Storage", "Threading", "Metrics", "CSQLite", "CIndexFile", "CLinux", "CSealing", "Crypto", "FoundationEssentials",
            "Logging",
        ],
        "MemoryStore": ["MailModel", "MessageFormat", "Storage"],
        "martlet": [
            "MailModel", "MessageFormat", "Conversation", "Storage", "Gatehouse", "SenderTrust", "PostOffice", "ACME", "SMTP", "IMAP", "POP3", "WebAPI",
            "Transport", "SQLiteStore", "Threading", "Metrics",
            "CLinux", "Logging", "Crypto", "ArgumentParser", "Yams", "Dispatch", "FoundationEssentials",
        ],
    ]
    private static let face: Set<String> = [
        "MailModel", "MessageFormat", "Conversation", "Storage", "Gatehouse", "PostOffice", "Metrics", "Logging",
    ]

    @Test("imports follow the picture; stores and Transport do not see the middle, nor faces each other: R1, R2, R4")
    func imports() throws {
        #expect(tree.sources.count > 100)
        for file in tree.sources {
            let allowed = try #require(
                HouseRulesTests.allowed[file.module], "\(file.path): a module that the picture does not have")
            let excess = file.imports.subtracting(allowed).subtracting(HouseRulesTests.everywhere)
            #expect(excess.isEmpty, "\(file.path) imports \(excess.sorted())")
        }
    }

    @Test("every module's test of imports has something to test")
    func modules() {
        let modules = Set(tree.sources.map(\.module))
        #expect(modules == Set(HouseRulesTests.allowed.keys))
        #expect(tree.sources.contains { $0.imports.contains("NIOSSL") })
    }

    @Test("a Grammar turns bytes into values and back: no waiting, no clock, no store, no connection: R3")
    func grammars() {
        let grammars = tree.sources.filter { $0.components.contains("Grammar") }
        #expect(grammars.count > 20)
        let words: Set<Substring> = [
            "async", "await", "Task", "Clock", "ContinuousClock", "SuspendingClock", "Logger", "Mutex",
        ]
        for file in grammars {
            let excess = file.imports.intersection([
                "Storage", "Conversation", "Gatehouse", "PostOffice", "Logging", "Synchronization",
            ])
            #expect(excess.isEmpty, "\(file.path) imports \(excess.sorted())")
            for (number, line) in file.words.enumerated() {
                let found = words.intersection(line)
                if !found.isEmpty { Issue.record("\(file.path):\(number + 1): \(found.sorted())") }
            }
        }
    }

    @Test("a session knows no clock of its own, no store, no socket: it waits for nothing")
    func sessions() {
        let sessions = tree.sources.filter { $0.components.contains("Session") }
        #expect(sessions.count > 10)
        for file in sessions {
            for (number, line) in file.words.enumerated() {
                let found = Set<Substring>(["await", "ContinuousClock", "Task"]).intersection(line)
                if !found.isEmpty { Issue.record("\(file.path):\(number + 1): \(found.sorted())") }
            }
        }
    }

    @Test("what IMAP knows of a verb stands in its row: commands, work and outcomes are told apart without a default, and nothing else lists verbs")
    func verbs() {
        let files = tree.sources.filter { $0.module == "IMAP" && ($0.path.contains("/IMAPSession") || $0.components.contains("Verbs")) }
        let workers = tree.sources.filter { ["Sources/IMAP/Commands/CommandExecution.swift", "Sources/IMAP/Commands/IMAPWorker.swift"].contains($0.path) }
        #expect(files.count > 10 && workers.count == 2)
        for file in files + workers {
            for (number, line) in file.lines.enumerated() where line.contains("default:") { Issue.record("\(file.path):\(number + 1): \(line)") }
        }
        for file in tree.sources where file.module == "IMAP" && !file.path.hasSuffix("Grammar/Verb.swift") {
            for (number, line) in file.lines.enumerated() where line.contains("Verb(\"") || line.contains("switch verb {") || line.contains(".verb {") {
                Issue.record("\(file.path):\(number + 1): \(line)")
            }
        }
    }

    /// Modules with one type that others see, which has their name; nobody qualifies a name with theirs.
    private static let oneTypeModules: Set<String> = ["SQLiteStore", "MemoryStore"]

    @Test("a module never shares a name with a type in it: R5")
    func moduleNames() {
        for file in tree.sources where !HouseRulesTests.oneTypeModules.contains(file.module) {
            #expect(!file.types.contains(file.module), "\(file.path)")
        }
    }

    @Test("nothing is public: R6")
    func nothingPublic() {
        for file in tree.sources {
            for (number, words) in file.words.enumerated() {
                if words.first == "public" || words.starts(with: ["package", "public"]) {
                    Issue.record("\(file.path):\(number + 1)")
                }
            }
        }
    }

    @Test("no Utils, Helpers, Common, Core, Base, Misc or Manager: R7")
    func names() {
        let forbidden = [
            "util", "utils", "utilities", "helper", "helpers", "common", "core", "base", "misc", "manager",
        ]
        for file in tree.sources + tree.tests {
            for component in file.components {
                let name = component.split(separator: ".").first.map { $0.lowercased() } ?? ""
                #expect(!forbidden.contains { name == $0 || name.hasSuffix($0) && $0.count > 4 }, "\(file.path)")
            }
            for type in file.types {
                let words = SourceTreeWords.words(of: type)
                #expect(words.isDisjoint(with: forbidden), "\(file.path): \(type)")
            }
        }
    }

    @Test("no global mutable state: R7")
    func globals() {
        for file in tree.sources {
            for (number, line) in file.lines.enumerated() {
                let isStored = line.contains("static var ") && !line.contains("{")
                let isGlobal = ["var ", "package var ", "private var ", "fileprivate var "].contains {
                    line.hasPrefix($0)
                }
                if isStored || isGlobal { Issue.record("\(file.path):\(number + 1): \(line)") }
            }
        }
    }

    /// Who looks at rows waits for nobody: what is not at hand is read by `MailboxStore.read`, on a store's thread.
    @Test("only stores have blocks of rows read, so that no event loop waits for a disk")
    func blocks() {
        let readers = tree.sources.filter { file in file.lines.contains { $0.contains(".prepare(") } }
        #expect(!readers.isEmpty)
        for file in readers { #expect(["SQLiteStore", "MemoryStore", "Storage"].contains(file.module), "\(file.path)") }
    }

    @Test("nothing in the sources can end the program by a peer's bytes: no try!, as! or fatalError")
    func traps() {
        for file in tree.sources {
            for (number, line) in file.lines.enumerated() {
                for word in ["try!", "as!", "fatalError("] where line.contains(word) {
                    Issue.record("\(file.path):\(number + 1): \(word)")
                }
            }
        }
    }

    @Test("no verdict of a test hangs on the clock or on what the system lends: none sleeps, takes a time, or reads resident memory")
    func mood() throws {
        for file in tree.tests {
            for (number, line) in file.lines.enumerated() {
                for word in ["Task.sleep(", "usleep(", "ContinuousClock()", "SuspendingClock()", ".measure {", "Glibc.clock()", "clock_gettime(", "getrusage("]
                where line.contains(word) { Issue.record("\(file.path):\(number + 1): \(word)") }
            }
        }
        let folder = SourceTree.root.appending(path: "Tests/Interop")
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path()).filter { $0.hasPrefix("test_") && $0.hasSuffix(".py") }
        #expect(names.count > 10)
        for name in names {
            let text = try String(contentsOf: folder.appending(path: name), encoding: .utf8)
            for word in ["time.sleep(", "perf_counter(", "time.time(", "VmRSS", "getrusage("] { #expect(!text.contains(word), "\(name): \(word)") }
        }
    }

    @Test("what is not done is written down where a user would look, not beside the code")
    func unfinished() throws {
        for file in tree.sources {
            let text = try String(contentsOf: SourceTree.root.appending(path: file.path), encoding: .utf8)
            for word in ["TO" + "DO", "FIX" + "ME", "X" + "XX"] {
                #expect(!text.contains(word), "\(file.path): \(word)")
            }
        }
    }

    @Test("an unchecked Sendable has its proof in a comment beside it")
    func unchecked() throws {
        for file in tree.sources {
            let text = try String(contentsOf: SourceTree.root.appending(path: file.path), encoding: .utf8)
            let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
            for (number, line) in lines.enumerated()
            where line.contains("@unchecked Sendable {") || line.contains("nonisolated(unsafe)") {
                let around = lines[max(0, number - 6)...min(lines.count - 1, number + 1)]
                #expect(around.contains { $0.contains("//") }, "\(file.path):\(number + 1)")
            }
        }
    }
}

/// The words of a name in camel case, in lower case.
enum SourceTreeWords {
    static func words(of name: String) -> Set<String> {
        var words: Set<String> = []
        var word = ""
        for character in name {
            if character.isUppercase, !word.isEmpty, word.last?.isLowercase == true {
                words.insert(word.lowercased())
                word = ""
            }
            word.append(character)
        }
        words.insert(word.lowercased())
        return words
    }
}

@Suite struct SourceTreeTests {
    @Test("comments and literals are no code, so that a word in them breaks no rule")
    func code() {
        let text = """
            let a = "import X // no" // try!
            /* fatalError( */ let b = 1
            let c = \"\"\"
            public struct Utils
            \"\"\"
            """
        #expect(SourceTree.code(of: text) == "let a = \"\" \n let b = 1\nlet c = \n\n")
    }

    @Test("imports are found whatever stands before the word")
    func imports() {
        let file = SourceTree.File(
            path: "Sources/A/B.swift",
            code: "import X\npackage import NIOCore\n@testable import Y\nimport struct Z.Q\nlet important = 1")
        #expect(file.imports == ["X", "NIOCore", "Y", "Z"])
    }
}
