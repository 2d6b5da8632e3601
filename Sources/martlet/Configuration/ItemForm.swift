/// What the items of a list are, where they say more than a word: how they are written, and who judges them.
struct ItemForm: Sendable, Equatable, CustomStringConvertible {
    /// With its article, as a sentence takes it.
    let description: String
    let remedy: String
    /// What is wrong with an item; nil: nothing.
    private let fault: @Sendable (String) -> ItemFault?

    /// - parameter read: throws what is wrong.
    init<Value>(_ description: String, remedy: String, _ read: @escaping @Sendable (String) throws(ItemFault) -> Value) {
        self.description = description
        self.remedy = remedy
        fault = { text in
            do throws(ItemFault) { _ = try read(text) } catch { return error }
            return nil
        }
    }

    func problem(of item: String) -> String? { fault(item)?.problem }

    static func == (a: ItemForm, b: ItemForm) -> Bool { a.description == b.description }
}

/// Why a text is no item of a list, as a part of a sentence: `it names no host`.
struct ItemFault: Error, Equatable {
    let problem: String
    init(_ problem: String) { self.problem = problem }
}
