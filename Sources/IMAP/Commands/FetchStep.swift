import MailModel
import MessageFormat

/// An item of FETCH, prepared once for all messages of a command.
enum FetchStep: Sendable {
    case flags
    case uid
    case internalDate
    case size
    case modSeq
    case emailID
    case threadID
    case saveDate
    case envelope
    case structure(extended: Bool)
    case preview
    case binarySize([Int])
    case content(ContentStep)

    init(_ item: FetchItem) {
        switch item {
        case .flags: self = .flags
        case .uid: self = .uid
        case .internalDate: self = .internalDate
        case .rfc822Size: self = .size
        case .modSeq: self = .modSeq
        case .emailID: self = .emailID
        case .threadID: self = .threadID
        case .saveDate: self = .saveDate
        case .envelope: self = .envelope
        case .body: self = .structure(extended: false)
        case .bodyStructure: self = .structure(extended: true)
        case .preview: self = .preview
        case .binarySize(let path): self = .binarySize(path)
        case .rfc822: self = .content(ContentStep(item, .message(.whole)))
        case .rfc822Header: self = .content(ContentStep(item, .message(.header)))
        case .rfc822Text: self = .content(ContentStep(item, .message(.text)))
        case .section(let section, _, let partial):
            let content = ContentStep.Section(section.specifier)
            self = .content(ContentStep(item, section.path.isEmpty ? .message(content) : .part(section.path, content), partial))
        case .binary(let path, _, let partial):
            self = .content(ContentStep(item, path.isEmpty ? .message(.whole) : .decoded(path), partial))
        }
    }

    /// Whether it is answered by a message's row, what is kept beside it, its outline, and its header or body when that is in memory.
    var isOfLists: Bool {
        switch self {
        case .binarySize: false
        case .content(let step): if case .message = step.source { true } else { false }
        default: true
        }
    }

    /// Whether it needs more of the outline than can be read in place.
    var needsValues: Bool {
        switch self {
        case .preview: true
        case .binarySize(let path): !path.isEmpty
        case .content(let step): if case .message = step.source { false } else { true }
        default: false
        }
    }
}

/// An item whose value is octets of the message (RFC 9051 §6.4.5.1; RFC 3516).
struct ContentStep: Sendable {
    /// As it stands in the answer, with the blank behind it.
    let name: [UInt8]
    let source: Source
    let partial: Partial?

    enum Source: Sendable {
        case message(Section)
        case part([Int], Section)
        /// A part, its transfer encoding taken off.
        case decoded([Int])
    }

    enum Section: Sendable {
        case whole
        case header
        case fields(HeaderSelection)
        case text
        /// Of a part alone.
        case mime
    }

    fileprivate init(_ item: FetchItem, _ source: Source, _ partial: Partial? = nil) {
        name = FetchResponse.name(of: item)
        self.source = source
        self.partial = partial
    }

    /// Whether the row does not say which octets are meant.
    var needsOutline: Bool { if case .message(.whole) = source { false } else { true } }

    /// The octets that are shown of so many.
    func window(of count: Int) -> Range<Int> {
        guard let partial else { return 0..<count }
        return partial.range.clamped(to: 0..<count)
    }
}

extension ContentStep.Section {
    fileprivate init(_ specifier: BodySection.Specifier) {
        switch specifier {
        case .whole: self = .whole
        case .header: self = .header
        case .headerFields(let names): self = .fields(HeaderSelection(names: names, excluding: false))
        case .headerFieldsNot(let names): self = .fields(HeaderSelection(names: names, excluding: true))
        case .text: self = .text
        case .mime: self = .mime
        }
    }
}
