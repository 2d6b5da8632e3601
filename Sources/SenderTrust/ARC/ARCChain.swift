/// The sets of ARC fields that a header has (RFC 8617 §4.2).
package struct ARCChain: Sendable {
    package struct Message: Sendable {
        package let key: KeyedSignature
        package let content: SignedContent
    }

    package struct Link: Sendable {
        package let instance: Int
        /// Of ARC-Authentication-Results, ARC-Message-Signature and ARC-Seal among the header's fields.
        package let resultsPlace: Int
        package let messagePlace: Int
        package let sealPlace: Int
        package let results: String
        package let message: Result<Message, SignatureFlaw>
        package let seal: KeyedSignature
        package let status: ARCFields.ChainStatus
    }

    /// By instance, from 1, without a gap; empty: there is no chain, or a broken one.
    package private(set) var links: [Link] = []
    /// Why it is no chain (§5.2, steps 1 to 3), in one line; nil: it is whole, or there is none.
    package private(set) var flaw: String?
    /// The highest instance that any field names; 0: none does.
    package private(set) var newest = 0
    /// A seal of that instance says that the chain had failed before it.
    package private(set) var isMarkedFailed = false

    static let resultsName = "arc-authentication-results"
    static let messageName = "arc-message-signature"
    static let sealName = "arc-seal"
    static let fieldNames = [resultsName, messageName, sealName]

    package init(_ header: HeaderBlock) {
        let names = ARCChain.fieldNames
        let places = names.map { header.places(of: $0) }
        guard places.contains(where: { !$0.isEmpty }) else { return }
        // Of more fields than a chain can have none is read.
        guard places.allSatisfy({ $0.count <= ARCFields.mostInstances }) else {
            (flaw, newest) = ("more than \(ARCFields.mostInstances) sets", ARCFields.mostInstances)
            return
        }
        let results = places[0].map { (place: $0, value: ARCFields.results(header.value($0))) }
        let messages = places[1].map { (place: $0, tags: TagList(header.value($0))) }
        let seals = places[2].map { (place: $0, tags: TagList(header.value($0))) }
        let instances = [
            results.map { $0.value?.instance }, messages.map { $0.tags.flatMap(ARCFields.instance) }, seals.map { $0.tags.flatMap(ARCFields.instance) },
        ]
        newest = instances.joined().compactMap { $0 }.max() ?? 0
        isMarkedFailed = seals.contains { seal in
            guard let tags = seal.tags, ARCFields.instance(tags) == newest else { return false }
            return tags.value("cv") == ARCFields.ChainStatus.fail.rawValue
        }
        do throws(SignatureFlaw) {
            for (name, found) in zip(names, instances) {
                // §5.2, step 3
                guard found.count == newest, Set(found) == Set((1...max(newest, 1)).map(Optional.init)) else {
                    throw SignatureFlaw(.fail, "\(name) is missing, twice there or without an instance")
                }
            }
            for instance in 1...newest {
                guard let result = results.first(where: { $0.value?.instance == instance }), let value = result.value,
                    let message = messages.first(where: { $0.tags.flatMap(ARCFields.instance) == instance }), let messageTags = message.tags,
                    let seal = seals.first(where: { $0.tags.flatMap(ARCFields.instance) == instance }), let sealTags = seal.tags
                else { throw SignatureFlaw(.fail, "set \(instance) is not whole") }
                let (key, status) = try ARCChain.seal(sealTags, instance)
                links.append(
                    Link(
                        instance: instance, resultsPlace: result.place, messagePlace: message.place, sealPlace: seal.place, results: value.results,
                        message: ARCChain.message(messageTags), seal: key, status: status))
            }
        } catch {
            links = []
            flaw = error.reason
        }
    }

    private static func seal(_ tags: TagList, _ instance: Int) throws(SignatureFlaw) -> (KeyedSignature, ARCFields.ChainStatus) {
        // §4.1.3
        guard tags.range("h") == nil else { throw SignatureFlaw(.fail, "seal \(instance) has an h=") }
        guard let status = tags.value("cv").flatMap(ARCFields.ChainStatus.init) else { throw SignatureFlaw(.fail, "seal \(instance) has no cv=") }
        // §5.2, steps 2 and 3
        guard status == (instance == 1 ? .none : .pass) else { throw SignatureFlaw(.fail, "seal \(instance) says cv=\(status.rawValue)") }
        do throws(SignatureFlaw) { return (try KeyedSignature(tags), status) } catch { throw SignatureFlaw(.fail, "seal \(instance): \(error.reason)") }
    }

    private static func message(_ tags: TagList) -> Result<Message, SignatureFlaw> {
        Result { () throws(SignatureFlaw) in
            // What c= is by default the RFC does not say of ARC; signers that leave it out mean this.
            let message = Message(key: try KeyedSignature(tags), content: try SignedContent(tags, defaultForms: "relaxed/relaxed"))
            // §4.1.2
            guard !message.content.names.contains(sealName) else { throw SignatureFlaw(.fail, "it covers a seal") }
            return message
        }
    }
}
