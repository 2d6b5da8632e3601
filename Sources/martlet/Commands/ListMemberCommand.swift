import ArgumentParser

struct ListMemberCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "member", abstract: "Manage the members of a list.",
        subcommands: [Add.self, List.self, Remove.self, Suspend.self, Resume.self, Moderate.self, Trust.self])

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Put addresses on a list; nobody is asked or told.", discussion: "Those that are on it already stay as they are.")

        @OptionGroup var name: ListCommand.Name
        @Argument(help: "Addresses.") var members: [String] = []
        @Flag(help: "Read addresses from standard input, one a line.") var stdin = false
        @Flag(help: "Their posts wait for an owner.") var moderated = false
        @OptionGroup var options: ConfigurationOptions
        @OptionGroup var output: OutputOptions

        func validate() throws {
            if members.isEmpty, !stdin { throw ValidationError("say who: addresses, or --stdin") }
        }

        func run() async throws {
            var all = members
            if stdin {
                let lines = try Terminal.readAll(most: 8 << 20).split { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }
                all += lines.map { String(decoding: $0, as: UTF8.self).trimmed }.filter { !$0.isEmpty }
            }
            var rest = all[...]
            func next() -> Order? {
                guard !rest.isEmpty else { return nil }
                let some = Array(rest.prefix(Administration.listedMembers))
                rest = rest.dropFirst(some.count)
                return .list(order: .addMembers(list: name.list, members: some, mayPost: !moderated))
            }
            var added: [String] = []
            guard let first = next() else { return Terminal.show(output.json ? "[]" : "Nobody was named.") }
            try await Administrator(options).converse(first) { answer in
                if case .membersAdded(let addresses) = answer { added += addresses }
                return next()
            }
            if output.json { return try Terminal.show(json: added) }
            Terminal.show("Added \(added.count) member\(added.count == 1 ? "" : "s") to \(name.list).")
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the members, in the order in which they joined.")

        @OptionGroup var name: ListCommand.Name
        @OptionGroup var options: ConfigurationOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            var lines: [ListMemberLine] = []
            try await Administrator(options).converse(.list(order: .members(list: name.list, after: nil))) { answer in
                guard case .listMembers(let page) = answer else { return nil }
                lines += page.lines
                return page.next.map { .list(order: .members(list: name.list, after: $0)) }
            }
            if output.json { return try Terminal.show(json: lines) }
            for line in lines {
                let notes = [line.state, line.mayPost ? nil : "moderated", line.reason].compactMap(\.self)
                Terminal.show("\(line.address)\t\(notes.joined(separator: ", "))")
            }
        }
    }

    /// A list and one of its members.
    struct Meant: ParsableArguments {
        @OptionGroup var name: ListCommand.Name
        @Argument(help: "The member's address.") var member: String
        @OptionGroup var options: ConfigurationOptions

        fileprivate func change(_ change: ListOrder.MemberChange, _ done: String) async throws {
            try await Administrator(options).give(.list(order: .changeMember(list: name.list, member: member, change: change)))
            Terminal.show("\(done) \(member).")
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Take a member off a list; nobody is told.")
        @OptionGroup var meant: Meant
        func run() async throws { try await meant.change(.remove, "Removed") }
    }

    struct Suspend: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Send a member no more posts, until it is resumed or joins again.")
        @OptionGroup var meant: Meant
        func run() async throws { try await meant.change(.suspend, "Suspended") }
    }

    struct Resume: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Send posts to a suspended member again, and forget what failed.")
        @OptionGroup var meant: Meant
        func run() async throws { try await meant.change(.resume, "Resumed") }
    }

    struct Moderate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Let a member's posts wait for an owner.")
        @OptionGroup var meant: Meant
        func run() async throws { try await meant.change(.moderate, "Moderated") }
    }

    struct Trust: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Let a member's posts go at once where members may post.")
        @OptionGroup var meant: Meant
        func run() async throws { try await meant.change(.trust, "Trusted") }
    }
}
