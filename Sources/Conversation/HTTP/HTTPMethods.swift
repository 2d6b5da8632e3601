/// The methods of requests by name; they are case-sensitive (RFC 9110 §9.1).
package enum HTTPMethods {
    /// Those that a path may have without being asked for by a program of its own making: HTTP's (RFC 9110 §9.3, RFC 5789) but for HEAD, which comes with GET,
    /// and for those that ask a proxy; and those of WebDAV with its calendars (RFC 4918, RFC 3253, RFC 4791, RFC 3744, RFC 5323).
    package static let ofPaths = [
        "GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND", "PROPPATCH", "REPORT", "MKCOL", "MKCALENDAR", "COPY", "MOVE", "LOCK", "UNLOCK",
        "SEARCH", "ACL",
    ]

    /// Those whose meaning is known here, whether or not a path has them: any other is answered 501 (RFC 9110 §15.6.2), whatever the path.
    package static let known = Set(ofPaths + ["HEAD", "CONNECT", "TRACE"])
}
