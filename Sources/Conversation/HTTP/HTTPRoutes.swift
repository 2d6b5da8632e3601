/// All routes of a listener, found by method and path.
package struct HTTPRoutes: Sendable {
    private struct Node {
        var literals: [String: Int] = [:]
        /// Of routes that do not look at case, in small letters.
        var folded: [String: Int] = [:]
        /// `{name}`.
        var any: Int?
        /// `{name...}`, by method.
        var rest: [String: Int] = [:]
        /// By method.
        var routes: [String: Int] = [:]
    }

    package enum Outcome: Sendable {
        case found(HTTPRoute, captures: [String])
        /// The path is there, the method is not: those that are, in order (RFC 9110 §15.5.6).
        case otherMethods([String])
        case nothing
    }

    /// In the order given.
    package let routes: [HTTPRoute]
    /// All that some path has, HEAD and OPTIONS with them, in order.
    package let methods: [String]
    private var nodes: [Node] = [Node()]

    /// Routes of one method and path twice are a mistake of the program's, and end it.
    package init(_ routes: [HTTPRoute]) {
        self.routes = routes
        methods = Set(routes.map(\.method) + ["OPTIONS"] + (routes.contains { $0.method == "GET" } ? ["HEAD"] : [])).sorted()
        for (number, route) in routes.enumerated() { add(route, number) }
    }

    private mutating func add(_ route: HTTPRoute, _ number: Int) {
        var node = 0
        for segment in route.path.dropFirst().split(separator: "/", omittingEmptySubsequences: false) where !segment.isEmpty || route.path != "/" {
            if segment.hasPrefix("{"), segment.hasSuffix("...}") {
                precondition(nodes[node].rest.updateValue(number, forKey: route.method) == nil, "\(route.method) \(route.path) is there twice")
                return
            }
            let next = nodes.count
            if segment.hasPrefix("{") {
                if let there = nodes[node].any {
                    node = there
                    continue
                }
                nodes[node].any = next
            } else if route.ignoresCase {
                if let there = nodes[node].folded[segment.lowercased()] {
                    node = there
                    continue
                }
                nodes[node].folded[segment.lowercased()] = next
            } else {
                if let there = nodes[node].literals[String(segment)] {
                    node = there
                    continue
                }
                nodes[node].literals[String(segment)] = next
            }
            nodes.append(Node())
            node = next
        }
        precondition(nodes[node].routes.updateValue(number, forKey: route.method) == nil, "\(route.method) \(route.path) is there twice")
    }

    /// What is said literally goes before what is so without regard to case, that before what stands in braces, and that before the rest. HEAD finds what GET does.
    package func find(_ method: String, _ segments: [String]) -> Outcome {
        var methods: Set<String> = []
        var captures: [String] = []
        if let number = find(method, segments[...], 0, &captures, &methods) { return .found(routes[number], captures: captures) }
        guard !methods.isEmpty else { return .nothing }
        if methods.contains("GET") { methods.insert("HEAD") }
        return .otherMethods(methods.sorted())
    }

    private func find(_ method: String, _ segments: ArraySlice<String>, _ node: Int, _ captures: inout [String], _ methods: inout Set<String>) -> Int? {
        let node = nodes[node]
        func pick(_ table: [String: Int], _ methods: inout Set<String>) -> Int? {
            if let number = table[method] ?? (method == "HEAD" ? table["GET"] : nil) { return number }
            methods.formUnion(table.keys)
            return nil
        }
        guard let segment = segments.first else {
            return pick(node.routes, &methods) ?? restFound(node, segments, &captures) { pick($0, &methods) }
        }
        if let next = node.literals[segment], let number = find(method, segments.dropFirst(), next, &captures, &methods) { return number }
        if !node.folded.isEmpty, let next = node.folded[segment.lowercased()],
            let number = find(method, segments.dropFirst(), next, &captures, &methods)
        {
            return number
        }
        if let next = node.any, !segment.isEmpty {
            captures.append(segment)
            if let number = find(method, segments.dropFirst(), next, &captures, &methods) { return number }
            captures.removeLast()
        }
        return restFound(node, segments, &captures) { pick($0, &methods) }
    }

    private func restFound(_ node: Node, _ segments: ArraySlice<String>, _ captures: inout [String], _ pick: ([String: Int]) -> Int?) -> Int? {
        guard !node.rest.isEmpty, let number = pick(node.rest) else { return nil }
        captures.append(segments.joined(separator: "/"))
        return number
    }
}
