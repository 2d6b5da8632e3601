extension Listeners {
    /// Binds one more, where HTTP is spoken: HTTP/1.1 in plain text, HTTP/2 too behind TLS. `endpoint.farewell` and `endpoint.limits` are not used.
    @discardableResult
    package func open(_ endpoint: Endpoint, _ site: HTTPSite) async throws(Listener.Fault) -> Listener {
        fatalError("being built")
    }
}
